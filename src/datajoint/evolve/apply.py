"""Carrying out a plan: only as it was shown, and only while code and database are as they were then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datajoint.errors import DataJointError
from datajoint.evolve.plan import Plan, Step, plan
from datajoint.evolve.wanted import Wanted
from datajoint.heading.names import TableName
from datajoint.table.alter.alter import change_to
from datajoint.table.alter.carry_out import carry_out
from datajoint.table.table import Table

__all__ = ["apply", "check"]


def check(tables: Sequence[Table], shown: Plan) -> Plan:
    """Return the steps of a plan that remain.

    Steps that an earlier run carried out are left out.

    Parameters
    ----------
    tables
        As for `plan`.
    shown
        The plan that was agreed to.

    Raises
    ------
    DataJointError
        When a step cannot be carried out, or code or database have changed since the plan was made; nothing
        was changed.
    """
    present = plan(tables)
    agreed = {(step.table, step.found, step.wanted) for step in shown.steps}
    changed = [step.table.class_name for step in present.steps if _identity(step) not in agreed]
    if changed:
        raise DataJointError(
            f"Nothing was changed: the plan does not hold any more for `{'`, `'.join(changed)}`; the code or "
            "the table has changed since it was made.",
            hint="Make a new plan.",
        )
    for step in present.refused:
        raise DataJointError(f"Nothing was changed: {step.problem}", hint=step.hint)
    return present


def _identity(step: Step) -> tuple[TableName, str, str]:
    return step.table, step.found, step.wanted


def apply(tables: Sequence[Table], shown: Plan) -> Iterator[Step]:
    r"""Carry out a plan, and yield each step when it is done.

    Each step is complete or has not begun. A plan that was interrupted is carried out to its end by calling
    this again with the same plan.

    Parameters
    ----------
    tables, shown
        As for `check`.

    Raises
    ------
    DataJointError
        As by `check`, before anything is changed.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.definition += "\n---\nnote=null : varchar(20)"
    >>> [step.changes for step in apply([Subject()], plan([Subject()]))]
    [('`note` is not in the table',)]
    >>> plan([Subject()]).steps
    ()
    """
    steps = check(tables, shown).steps
    by_name = {table.name: table for table in tables}
    for step in steps:
        table = by_name[step.table]
        if step.kind == "create":
            _declare(by_name[step.table.master or step.table])
        else:
            _alter(table, tables)
        yield step


def _alter(table: Table, tables: Sequence[Table]) -> None:
    change = change_to(table, lambda: Wanted(tables)[table.name])
    if change is not None:
        carry_out(table.connection, change)


def _declare(table: Table) -> None:
    """Declare the table of a class, with its parts and contents."""
    attach, config = table.binding.attach, table.connection.config
    if attach is None:
        raise DataJointError(f"`{table.class_name}` has no class that defines it.")
    with config.override(database__create_tables=True):
        attach()
    if not table.is_declared:
        raise DataJointError(
            f"`{table.class_name}` was not declared: its schema has create_tables=False.",
            hint="Leave that out of the schema of the module.",
        )
