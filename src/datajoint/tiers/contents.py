"""Rows that come with the code: how `contents` differ from a table, and their reconciliation."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NoReturn, cast

from datajoint._value import Value, replace
from datajoint.errors import DataJointError, TransactionError
from datajoint.heading.names import COMPUTED, IMPORTED
from datajoint.heading.values import show
from datajoint.journal.events.event import enabled
from datajoint.journal.images import shadow_of
from datajoint.make.value_equality import same
from datajoint.provenance.staleness.classes import table_of
from datajoint.provenance.staleness.report import StaleReport, forget_count
from datajoint.provenance.staleness.search import Shared, stale
from datajoint.query.collection import is_mapping
from datajoint.table import prompt as prompts
from datajoint.table.guard import writable
from datajoint.table.table import Table

__all__ = ["ChangedRow", "ContentsReport", "rows_of", "stored_rows", "update_contents"]

POLICIES = ("add", "update", "exact")
_SHOWN = 10

Row = dict[str, Any]
Key = tuple[Any, ...]


class ChangedRow(Value):
    """A stored row whose values are not those of the contents.

    Attributes
    ----------
    key
        The key of the row.
    old, new
        The values that differ, as stored and as the contents have them.
    """

    key: Row
    old: Row
    new: Row

    def __str__(self) -> str:
        values = (f"{name} {show(self.old[name])} -> {show(value)}" for name, value in self.new.items())
        return f"{_text(self.key)}: {', '.join(values)}"


class ContentsReport(Value):
    """Differences between the contents of a class and its table.

    Attributes
    ----------
    table
        Name of the class.
    policy
        The policy that was asked for.
    missing
        Rows of the contents that the table lacks.
    changed
        Stored rows with other values.
    extra
        Keys of stored rows that the contents lack.
    stale
        Number of rows that become stale, for each computed table.
    is_applied
        Whether the table was changed.
    """

    table: str
    policy: str
    missing: tuple[Row, ...] = ()
    changed: tuple[ChangedRow, ...] = ()
    extra: tuple[Row, ...] = ()
    stale: Mapping[str, int] = MappingProxyType({})
    is_applied: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the policy has nothing to change."""
        updates = self.changed if self.policy != "add" else ()
        return not (self.missing or updates or (self.extra if self.policy == "exact" else ()))

    def __str__(self) -> str:
        if not (self.missing or self.changed or self.extra):
            return f"`{self.table}` holds its contents."
        kept, exact = " (kept by this policy)", self.policy == "exact"
        lines = [f"`{self.table}` and its contents, policy '{self.policy}':"]
        lines += _listed("missing", map(_text, self.missing))
        lines += _listed("changed" + (kept if self.policy == "add" else ""), map(str, self.changed))
        lines += _listed("not in the contents" + ("" if exact else kept), map(_text, self.extra))
        lines += [f"  becomes stale: {count} of `{name}`" for name, count in self.stale.items()]
        return "\n".join(lines)

    __repr__ = __str__


def _listed(title: str, texts: Iterable[str]) -> list[str]:
    rows = list(texts)
    lines = [f"  {title}: {text}" for text in rows[:_SHOWN]]
    return lines + ([f"  {title}: {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else [])


def _text(row: Row) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in row.items()) or "the only row"


# ----------------------------------------------------------------------------------------------- the rows


def rows_of(table: Table) -> list[Row]:
    """Return the rows of the contents of a class as dicts.

    Raises
    ------
    DataJointError
        When the contents are no rows of the table.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Species(dj.Lookup):
    ...     definition = "species : varchar(20)"
    ...     contents = [["mouse"], {"species": "rat"}]
    >>> rows_of(Species())
    [{'species': 'mouse'}, {'species': 'rat'}]
    """
    contents: Any = getattr(table, "contents", ())
    if contents is None:
        return []
    if is_mapping(contents) or type(contents) in (str, bytes) or not hasattr(contents, "__iter__"):
        raise DataJointError(
            f"The contents of `{table.class_name}` are {show(contents)}.",
            hint="They are a list of rows: contents = [{...}, {...}].",
        )
    return [_as_dict(table, row) for row in contents]


def _as_dict(table: Table, row: Any) -> Row:
    names = table.heading.order
    if isinstance(row, Mapping):
        return dict(cast("Mapping[str, Any]", row))
    if hasattr(row, "dtype") and getattr(row.dtype, "names", None):
        return {name: row[name] for name in row.dtype.names}
    scalar = isinstance(row, str) or not isinstance(row, Iterable)
    values: list[Any] = [row] if scalar else list(cast("Iterable[Any]", row))
    if len(values) != len(names):
        raise DataJointError(
            f"A row of the contents of `{table.class_name}` has {len(values)} values for {len(names)} "
            "attributes: "
            f"{values!r:.80}.",
            hint=f"Give values for {', '.join(names)}, in this order, or a dict.",
        )
    return dict(zip(names, values, strict=True))


def stored_rows(table: Table) -> dict[Key, Row]:
    """Return the stored rows by their keys.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Species(dj.Lookup):
    ...     definition = "species : varchar(20)"
    ...     contents = ["mouse"]
    >>> stored_rows(Species())
    {('mouse',): {'species': 'mouse'}}
    """
    key = table.heading.key
    return {tuple(row[name] for name in key): row for row in table.to_dicts()}


# ------------------------------------------------------------------------------------------ reconciliation


class _TakenBackError(Exception):
    """Ends a transaction whose changes are only looked at."""


def _take_back() -> NoReturn:
    raise _TakenBackError


def update_contents(
    table: Table, policy: str = "update", dry_run: bool = False, prompt: bool | None = None
) -> ContentsReport:
    """Bring the rows of a table to the contents of its class; see `Lookup.update_contents`."""
    prompts.refuse_conditions(table.class_name, "update_contents", dry_run, prompt)
    _refuse(table, policy)
    asks = not dry_run and prompts.needs_answer(table.connection.config, prompt)
    rows = rows_of(table)
    report = _tried(table, rows, policy, applies=not dry_run and not asks)
    if not asks or report.is_empty:
        return report
    print(report)  # noqa: T201 - half of a dialogue
    if not prompts.ask(f"Change {table.class_name}?"):
        return report
    with table.connection.transaction:
        seen = _apply(table, rows, policy)
        if (seen.missing, seen.changed, seen.extra) != (report.missing, report.changed, report.extra):
            raise DataJointError(
                f"`{table.class_name}` stays as it is: its rows have changed since the question was asked.",
                hint="Call update_contents() again.",
            )
    return replace(report, is_applied=True)


def _refuse(table: Table, policy: str) -> None:
    """Refuse a call that cannot be carried out, before anything is read."""
    label = table.class_name
    if policy not in POLICIES:
        raise DataJointError(
            f"update_contents() of `{label}` has no policy {show(policy)}.",
            hint="Policies are 'add', 'update' and 'exact'.",
        )
    if table.is_restricted:
        raise DataJointError(
            f"update_contents() compares the whole of `{label}`, and this is restricted.",
            hint=f"Write {label}.update_contents().",
        )
    if table.connection.is_atomic:
        raise TransactionError(
            f"Cannot update the contents of `{label}` inside a transaction.", hint="Do it before or after."
        )


def _tried(table: Table, rows: list[Row], policy: str, applies: bool) -> ContentsReport:
    """Change the table in a transaction, see what becomes stale, and roll it back where it only tries."""
    connection, tables = table.connection, _computed(table)
    before = _outdated(tables)
    if enabled(connection, table.database):
        shadow_of(connection, table.name)  # not made inside a transaction that is rolled back
    report = ContentsReport(table.class_name, policy)
    try:
        with connection.transaction, _counts_forgotten(tables):
            report = _apply(table, rows, policy)
            if not report.is_empty:
                report = replace(report, stale=_newly(before, _outdated(tables)))
            if not applies or report.is_empty:
                _take_back()
    except _TakenBackError:
        return report
    return replace(report, is_applied=True)


def _apply(table: Table, rows: list[Row], policy: str) -> ContentsReport:
    """Change the table, and return what has changed: values are compared as the table gives them."""
    stored, key = stored_rows(table), table.heading.key
    given: dict[Key, Row] = {}
    for row in rows:
        place = _place(table, stored, row)
        if place in given and not same(given[place], row):
            raise DataJointError(
                f"The contents of `{table.class_name}` have two rows with the key "
                f"{_text({name: row.get(name) for name in key})}.",
                hint="Keep one of them.",
            )
        given[place] = row
    missing = [row for place, row in given.items() if place not in stored]
    extra = [place for place in stored if place not in given]
    changed = _updated(table, stored, given, policy)
    if extra and policy == "exact":
        keys = [dict(zip(key, place, strict=True)) for place in extra]
        (table & keys if key else table).delete_quick()
    if missing:
        with writable([table.name]):
            table.insert(missing)
    return ContentsReport(
        table.class_name, policy, tuple(missing), tuple(changed),
        tuple(dict(zip(key, place, strict=True)) for place in extra),
    )  # fmt: skip


def _place(table: Table, stored: Mapping[Key, Row], row: Row) -> Key:
    """Return the key of a row as the table gives it: '2026-01-01' is a date there."""
    key = table.heading.key
    place = tuple(row.get(name) for name in key)
    if place in stored or any(name not in row for name in key):
        return place
    found = (table & {name: row[name] for name in key}).proj().to_dicts()
    return tuple(found[0][name] for name in key) if found else place


def _updated(
    table: Table, stored: Mapping[Key, Row], given: Mapping[Key, Row], policy: str
) -> list[ChangedRow]:
    """Update the stored rows that have other values; return them."""
    changed = list[ChangedRow]()
    for place, row in given.items():
        old = stored.get(place)
        if old is None or all(name in old and same(old[name], value) for name, value in row.items()):
            continue
        one = _updated_row(table, dict(zip(table.heading.key, place, strict=True)), row, old, policy)
        if one is not None:
            changed.append(one)
    return changed


def _updated_row(table: Table, key: Row, row: Row, old: Row, policy: str) -> ChangedRow | None:
    """Update a row, and compare it as stored; a row that only looks different is not written."""
    connection, found = table.connection, None
    try:
        with connection.transaction:  # a savepoint
            table.update1({**row, **key})
            new = (table & key if key else table).fetch1()
            names = [name for name in old if not same(old[name], new[name])]
            if names:
                found = ChangedRow(key, {n: old[n] for n in names}, {n: new[n] for n in names})
            if found is None or policy == "add":
                _take_back()
    except _TakenBackError:
        pass
    return found


# ---------------------------------------------------------------------------------------------- staleness


def _computed(table: Table) -> list[Table]:
    """Return the computed tables that may have read the rows: of the same schema, and descendants."""
    catalog = table.connection.catalog
    graph = catalog.load_family(table.database)
    names = {*catalog.tables(table.database), *graph.descendants(table.name)}
    return [table_of(table, name) for name in sorted(names, key=str) if name.tier in (IMPORTED, COMPUTED)]


def _outdated(tables: list[Table]) -> dict[str, dict[Key, str]]:
    """Return the states of the rows that are not fresh, by table and key."""
    shared: Shared = {}
    reports: dict[str, StaleReport] = {each.class_name: stale(each, shared=shared) for each in tables}
    return {
        name: {tuple(row.key.values()): row.state for row in report.outdated}
        for name, report in reports.items()
    }


def _newly(before: Mapping[str, Mapping[Key, str]], after: Mapping[str, Mapping[Key, str]]) -> dict[str, int]:
    counts = {
        name: sum(state != before.get(name, {}).get(key) for key, state in states.items())
        for name, states in after.items()
    }
    return {name: count for name, count in counts.items() if count}


@contextmanager
def _counts_forgotten(tables: list[Table]) -> Generator[None]:
    """Forget the counts of stale rows: they were taken inside a transaction that may be rolled back."""
    try:
        yield
    finally:
        for table in tables:
            forget_count(table)
