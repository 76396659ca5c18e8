"""Checks of a class: rules for rows, run at insert, at the end of make, and on demand."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datajoint import logging
from datajoint.algebra import evaluate
from datajoint.declare.spec import Check as CheckLine
from datajoint.engine.connection import Connection
from datajoint.errors import CheckError, DataJointError
from datajoint.heading import values as readers
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.journal.events import event as events, scope, write_event
from datajoint.sql import checks as sql_checks
from datajoint.table.rows import check_lines, collecting, layout as layouts
from datajoint.table.rows.check import BLOCK, WARN, Check, CheckOutcome, Rows

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable
    from datajoint.table.rows.encode import Batch
    from datajoint.table.rows.layout import Layout
    from datajoint.table.rows.write_set import WriteSet

__all__ = ["checks_of", "inspect_insert", "inspect_make", "inspecting", "record", "run_checks"]


_SHOWN = 5
_KEPT = 20


def checks_of(table: BoundTable) -> tuple[Check, ...]:
    """Return the checks that the class of a table has.

    Raises
    ------
    DataJointError
        When there is something else among them.

    Examples
    --------
    >>> import datajoint as dj
    >>> checks_of(dj.Manual())
    ()
    """
    found: Any = getattr(table, "checks", ())
    if callable(found):  # a method of the user's own
        return ()
    rules: tuple[Any, ...] = tuple(found) if type(found) in (list, tuple) else (found,)
    for one in rules:
        if not isinstance(one, Check):
            raise DataJointError(
                f"`{table.class_name}.checks` has {readers.show(one)}, which is no check.",
                hint="It is a list: checks = [dj.Check('name', 'condition')].",
            )
    return rules


# ------------------------------------------------------------------------------------------ judging rows


def judge(check: Check, label: str, heading: Heading, rows: Rows) -> CheckOutcome:
    """Run one check on rows.

    Examples
    --------
    >>> import datajoint as dj
    >>> heading = dj.Instance(backend="sqlite", database__name=":memory:").Schema(
    ...     "lab"
    ... ).connection and Heading([])
    >>> judge(Check("some", lambda rows: bool(rows)), "Trace", heading, []).message
    '`Trace`: the check `some` fails.'
    """
    condition = check.condition
    if not rows and isinstance(condition, str):
        return CheckOutcome(label, check.name, check.severity, 0, (), "")
    try:
        verdict = (
            _by_text(check, condition, label, heading, rows)
            if isinstance(condition, str)
            else condition(rows)
        )
    except DataJointError:
        raise
    except (TypeError, AttributeError) as error:
        verdict = f"{type(error).__name__}: {error} (the function is given a list of rows, as dicts)"
    except Exception as error:  # noqa: BLE001 - the user's function judges by it
        verdict = str(error) or type(error).__name__
    failed, text = _read(verdict, rows, check, label)
    keys = tuple({name: row[name] for name in heading.key if name in row} for row in failed)
    message = ""
    if text is not None:
        rule = f" ({condition})" if isinstance(condition, str) else ""
        message = f"`{label}`: the check `{check.name}`{rule} fails{_where(keys)}{text}."
    return CheckOutcome(label, check.name, check.severity, len(rows), keys[:_KEPT], message)


def _by_text(check: Check, condition: str, label: str, heading: Heading, rows: Rows) -> list[bool]:
    found = sql_checks.read_check(CheckLine(check.name, condition), heading, label)
    types = {name: heading[name].dtype for name in found.names}
    values = (evaluate.evaluate(found.expression, row, (), types) for row in rows)
    return [value is None or bool(value) for value in values]


def _read(verdict: Any, rows: Rows, check: Check, label: str) -> tuple[Rows, str | None]:
    """Return the rows that fail and what there is to say, None when all is well."""
    if verdict is None or verdict is True:
        return [], None
    if isinstance(verdict, str):
        return [], f": {verdict.removesuffix('.')}"
    if not hasattr(verdict, "__len__"):
        return ([], None) if bool(verdict) else ([], "")
    if len(verdict) != len(rows):
        raise DataJointError(
            f"The check `{check.name}` of `{label}` returned {len(verdict)} values for {len(rows)} rows.",
            hint="It returns one bool, one for each row, or a text that says what is wrong.",
        )
    failed = [row for row, good in zip(rows, verdict, strict=True) if not good]
    return failed, "" if failed else None


def _where(keys: Sequence[Mapping[str, Any]]) -> str:
    if not keys or not keys[0]:
        return f" for {len(keys)} rows" if keys else ""
    shown = "; ".join(
        ", ".join(f"{name}={readers.show(value)}" for name, value in key.items()) for key in keys[:_SHOWN]
    )
    more = f" and {len(keys) - _SHOWN} more rows" if len(keys) > _SHOWN else ""
    return f" for {shown}{more}"


def _settle(outcomes: Sequence[CheckOutcome]) -> None:
    """Warn of what fails, or refuse."""
    blocking = [outcome for outcome in outcomes if not outcome and outcome.severity == BLOCK]
    if blocking:
        first = blocking[0]
        raise CheckError(
            "\n".join(outcome.message for outcome in blocking), table=first.table, check=first.check,
            outcomes=[outcome.as_details() for outcome in outcomes],
        )  # fmt: skip
    for outcome in outcomes:
        if not outcome:
            logging.warn(outcome.message)


# --------------------------------------------------------------------------------------- where they run


def inspect_insert(layout: Layout, batches: Sequence[Batch], checks: tuple[Check, ...]) -> list[CheckOutcome]:
    """Run the checks on rows about to be inserted; a make runs them at its end.

    Raises
    ------
    CheckError
        When a check with severity ``block`` fails; its event is kept.
    """
    running = collecting.current(layout.connection)
    if not checks or (running is not None and running.covers(layout.connection, layout.name)):
        return []
    rows = _inserted(layout, batches)
    outcomes = [judge(check, layout.label, layout.heading, rows) for check in checks]
    try:
        _settle(outcomes)
    except CheckError:
        record(layout.connection, layout.name, outcomes)
        raise
    return outcomes


def _inserted(layout: Layout, batches: Iterable[Batch]) -> Rows:
    names = layout.heading.order
    return [row for batch in batches for _, row in check_lines.located_rows(layout, batch.checked, names)]


@contextmanager
def inspecting(table: BoundTable, key: Mapping[str, Any] | None = None) -> Generator[None]:
    """Change rows of a table inside, which are then checked; when a check refuses them, none is changed.

    Parameters
    ----------
    key
        The key of the only row, where the table is not restricted to it.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Trace(dj.Manual):
    ...     definition = '''
    ...     trace_id : int32
    ...     ---
    ...     rate : float64
    ...     '''
    ...     checks = [dj.Check("positive", "rate > 0")]
    >>> Trace.insert1({"trace_id": 1, "rate": 5})
    >>> Trace.update1({"trace_id": 1, "rate": 0})
    Traceback (most recent call last):
    ...
    datajoint.errors.CheckError: `Trace`: the check `positive` (rate > 0) fails for trace_id=1.
    """
    checks, connection, name = checks_of(table), table.connection, table.name
    running = collecting.current(connection)
    if not checks or (running is not None and running.covers(connection, name)):
        yield
        return
    layout = layouts.layout_of(connection, name)
    outcomes: list[CheckOutcome] = []
    try:
        with connection.whole():
            keys = table.keys() if key is None else [key]
            yield
            whole = table._sibling(name)
            rows = (whole & keys if layout.heading.key else whole).to_dicts()
            outcomes += [judge(check, layout.label, layout.heading, rows) for check in checks]
            _settle(outcomes)
    except CheckError:
        record(connection, name, outcomes)
        raise
    record(connection, name, outcomes)


def inspect_make(
    writes: WriteSet, key: Mapping[str, Any], table: BoundTable
) -> dict[TableName, list[CheckOutcome]]:
    """Run the checks of a table and its parts on the rows that a make has inserted.

    Raises
    ------
    CheckError
        When a check with severity ``block`` fails: nothing of the make is stored.
    """
    outcomes: dict[TableName, list[CheckOutcome]] = {}
    for name, checks in writes.checks.items():
        layout = layouts.layout_of(writes.connection, name)
        if writes.pinned:
            rows = (table._sibling(name) & dict(key)).to_dicts()
        else:
            rows = _inserted(layout, writes.batches_of(name))
        outcomes[name] = [judge(check, layout.label, layout.heading, rows) for check in checks]
    try:
        _settle([outcome for group in outcomes.values() for outcome in group])
    except CheckError:
        writes.abort()
        for name, group in outcomes.items():
            record(writes.connection, name, group)
        raise
    return outcomes


def record(
    connection: Connection, name: TableName, outcomes: Sequence[CheckOutcome], parent: int | None = None
) -> None:
    """Write outcomes as an event of kind ``check``, in the open transaction if there is one."""
    if not outcomes:
        return
    details = {"outcomes": [outcome.as_details() for outcome in outcomes]}
    event = scope.open_event(connection, name, "check", details)
    if event is not None and parent is not None:
        event = events.EventRecord(events.new_id(), "check", name, parent, details)
    write_event.store(connection, event, max(outcome.rows for outcome in outcomes) or None)


def run_checks(table: BoundTable) -> list[CheckOutcome]:
    """Run all checks of a table on the rows that are stored; see `Checking.run_checks`."""
    layout = layouts.layout_of(table.connection, table.name)
    lines = [Check(line.name, line.condition) for line in layout.spec.checks]
    rules = [*lines, *checks_of(table)]
    rows = table.to_dicts() if any(not isinstance(rule.condition, str) for rule in rules) else None
    outcomes = [_on_stored(rule, table, layout, rows) for rule in rules]
    outcomes += [_of_reference(group, table, layout) for group in layout.references]
    record(table.connection, table.name, outcomes)
    return outcomes


def _on_stored(check: Check, table: BoundTable, layout: Layout, rows: Rows | None) -> CheckOutcome:
    """Run a check on stored rows; the database looks for those that break a condition."""
    if not isinstance(check.condition, str):
        return judge(check, layout.label, layout.heading, rows or [])
    sql_checks.read_check(CheckLine(check.name, check.condition), layout.heading, layout.label)
    failing = (table & f"not ({check.condition})").keys(order_by="KEY")
    message = f"`{layout.label}`: the check `{check.name}` ({check.condition}) fails{_where(failing)}."
    return CheckOutcome(
        layout.label,
        check.name,
        check.severity,
        len(table),
        tuple(failing[:_KEPT]),
        message if failing else "",
    )


def _of_reference(group: tuple[str, ...], table: BoundTable, layout: Layout) -> CheckOutcome:
    """Look for rows of which a reference is NULL in part: it refers to no row (FK-16)."""
    some, none = (" and ".join(f"`{name}` is {word}" for name in group) for word in ("null", "not null"))
    failing = (table & f"not (({some}) or ({none}))").keys(order_by="KEY")
    message = f"`{layout.label}`: the reference by {', '.join(group)} is NULL in part{_where(failing)}."
    name = f"reference {', '.join(group)}"
    return CheckOutcome(
        layout.label, name, WARN, len(table), tuple(failing[:_KEPT]), message if failing else ""
    )
