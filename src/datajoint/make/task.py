"""Tasks and their outcomes: what passes between populate and whatever computes."""

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
    """One key to be made; picklable, if the class of its table can be found again elsewhere.

    Attributes
    ----------
    owner, worker
        Who holds the job of the key, and its id in the list of workers; None without a queue.
    table
        What is made, where the tasks are of several tables.
    target
        It, with the arguments of its make: a `datajoint.make.target.Target`.
    earlier
        Makes that wrote rows of the key which history has: they may be used again.
    again
        Whether its rows are there and are to be made again, and if so what is to happen where rows of other
        tables depend on rows that are not made any more: ``delete`` them, ``ask``, or ``refuse``.
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
        Whether it is a Python warning at that position, rather than a line of the log.
    """

    text: str
    filename: str = ""
    line: int = 0
    is_warning: bool = False


class MakeOutcome(Value):
    """What became of a key.

    It is `DONE`, `SKIPPED` (another process made it), `NOTHING` (its make inserted nothing, the key stays to
    do) or `FAILED` with its error.

    Attributes
    ----------
    stack, signature
        Traceback of the error, and what equal errors have in common.
    log
        End of what the make printed and logged.
    table
        That of the task.
    reused
        Whether an earlier result was used again instead of computing.
    notices
        Advice on the make.
    beside
        Computed tables that it read and that its definition neither refers to nor declares.
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
