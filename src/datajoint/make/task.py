"""Tasks and their outcomes, which pass between populate and executors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from datajoint._value import Value
from datajoint.heading.names import TableName
from datajoint.sql.system_tables.jobs import Owner

if TYPE_CHECKING:
    from datajoint.provenance.reuse import Candidate

__all__ = ["DONE", "FAILED", "NOTHING", "SKIPPED", "MakeOutcome", "MakeTask", "Notice"]

DONE, SKIPPED, FAILED, NOTHING = "done", "skipped", "failed", "nothing"


class MakeTask(Value):
    """Key to compute; it can be pickled if other processes can import the class of its table.

    Attributes
    ----------
    owner, worker
        Holder of the job of the key, and its id in the list of workers; None without a queue.
    table
        Name of the table, if the tasks belong to more than one.
    target
        Table with the arguments of its make: a `datajoint.make.target.Target`.
    earlier
        Makes that wrote rows of the key in the history, as candidates for reuse.
    again
        Empty for a new key. To recompute existing rows, the treatment of dependent rows in other tables whose
        parents are not computed again: ``delete``, ``ask``, or ``refuse``.
    """

    key: dict[str, Any]
    owner: Owner | None = None
    worker: UUID | None = None
    table: TableName | None = None
    target: Any = None
    earlier: tuple[Candidate, ...] = ()
    again: str = ""


class Notice(Value):
    """Advice on a make, reported once for each table and run.

    Attributes
    ----------
    text
        What is wrong and what to do.
    filename, line
        Position in the code of the user.
    is_warning
        Whether to issue a Python warning at that position instead of a log line.
    """

    text: str
    filename: str = ""
    line: int = 0
    is_warning: bool = False


class MakeOutcome(Value):
    """Outcome of a key.

    The status is `DONE`, `SKIPPED` (another process computed it), `NOTHING` (its make inserted nothing and
    the key remains missing) or `FAILED` with its error.

    Attributes
    ----------
    stack, signature
        Traceback of the error, and a digest that equal errors share.
    log
        End of the output and log of the make.
    table
        Table of the task.
    reused
        Whether an earlier result was restored instead of computing.
    notices
        Advice on the make.
    beside
        Computed tables that the make read and that its definition neither references nor declares.
    """

    key: dict[str, Any]
    status: str
    error: BaseException | None = None
    seconds: float = 0.0
    stack: str = ""
    signature: str = ""
    log: str = ""
    table: TableName | None = None
    reused: bool = False
    notices: tuple[Notice, ...] = ()
    beside: frozenset[TableName] = frozenset()
