"""Rows and the ``check`` lines of a definition: which row breaks which, in words (TYP-22).

The database enforces the lines. What a SQLite file cannot hold, such as a regular expression, is enforced
here, on what is inserted and updated through us.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from datajoint.algebra.evaluate import evaluate
from datajoint.backends.assembly import check_name
from datajoint.errors import CheckError, DataJointError
from datajoint.heading.values import normaliser, show
from datajoint.sql.checks import Condition, find_broken, read_check, write_check
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.row_checks import Checked, place, stored_default

__all__ = ["conditions_of", "enforce", "explain_check", "is_broken", "located_rows", "problems", "unenforced",
           "verify"]  # fmt: skip

Row = dict[str, Any]


def conditions_of(layout: Layout) -> tuple[Condition, ...]:
    """Return the conditions of the ``check`` lines of a table.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     check few (subject_id < 100)
    ...     '''
    >>> [condition.names for condition in conditions_of(layout_of(schema.connection, Subject.name))]
    [('subject_id',)]
    """
    return tuple(read_check(check, layout.heading, layout.label) for check in layout.spec.checks)


def unenforced(layout: Layout) -> tuple[Condition, ...]:
    """Return the conditions that the database does not see to.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject : varchar(10)
    ...     check short (char_length(subject) < 5)
    ...     check lower (subject regexp '^[a-z]+$')
    ...     '''
    >>> [condition.check.name for condition in unenforced(layout_of(schema.connection, Subject.name))]
    ['lower']
    """
    if not layout.spec.checks or layout.dialect.features.server:
        return ()
    source = layout.source
    found: tuple[Condition, ...] | None = source.statements.get("unenforced")
    if found is None:
        found = source.statements["unenforced"] = tuple(
            condition
            for condition in conditions_of(layout)
            if write_check(condition, layout.spec, layout.dialect) is None
        )
    return found


def is_broken(condition: Condition, row: Mapping[str, Any], layout: Layout) -> bool:
    """Return whether a row of canonical values breaks a condition; unknown, by a NULL, does not.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     check few (subject_id < 100)
    ...     '''
    >>> layout = layout_of(schema.connection, Subject.name)
    >>> is_broken(conditions_of(layout)[0], {"subject_id": 100}, layout)
    True
    """
    types = {name: layout.heading[name].dtype for name in condition.names}
    value = evaluate(condition.expression, row, (), types)
    return value is not None and not value


def located_rows(
    layout: Layout, checked: Iterable[Checked], names: Sequence[str]
) -> Iterator[tuple[int | None, Row]]:
    """Yield number and values of rows that are inserted; what they leave out takes its default.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     ---
    ...     sex="M" : char(1)
    ...     '''
    >>> layout = layout_of(schema.connection, Subject.name)
    >>> list(located_rows(layout, [Checked([0], ("subject_id",), ([7],))], ["subject_id", "sex"]))
    [(0, {'subject_id': 7, 'sex': 'M'})]
    """
    for part in checked:
        given = dict(zip(part.names, part.columns, strict=True))
        rest = {name: stored_default(layout, layout.heading[name]) for name in names if name not in given}
        for n, number in enumerate(part.rows):
            yield number, {name: given[name][n] if name in given else rest[name] for name in names}


def enforce(layout: Layout, batches: Sequence[Batch]) -> None:
    """Refuse rows that break a condition the database does not see to.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject : varchar(10)
    ...     check lower (subject regexp '^[a-z]+$')
    ...     '''
    >>> Subject.insert1({"subject": "A"})
    Traceback (most recent call last):
    ...
    datajoint.errors.CheckError: `Subject`: the check `lower` (subject regexp '^[a-z]+$') fails: subject='A'.
    """
    for condition in unenforced(layout):
        for batch in batches:
            for number, row in located_rows(layout, batch.checked, condition.names):
                if is_broken(condition, row, layout):
                    raise _refusal(layout, condition, number, row)


def verify(layout: Layout, changed: Iterable[str], key: Mapping[str, Any] | None = None) -> None:
    """Refuse an update, inside its transaction, after which rows break what the database does not see to.

    Parameters
    ----------
    changed
        Names of the attributes that have new values.
    key
        Encoded values of the key of the only row that was changed.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> verify(layout_of(schema.connection, Subject.name), ["subject_id"])
    """
    names = set(changed)
    for condition in unenforced(layout):
        if names.isdisjoint(condition.names):
            continue
        text = find_broken(condition, layout.spec, tuple(key or ()), layout.dialect)
        for values in layout.connection.fetch_all(text, list((key or {}).values())):
            raise _refusal(layout, condition, None, _decoded(layout, condition.names, values))


def _decoded(layout: Layout, names: Sequence[str], values: Sequence[Any]) -> Row:
    decoders = [layout.dialect.decoder(layout.encoding(name).storage) for name in names]
    return {
        name: decode(value) if decode and value is not None else value
        for name, decode, value in zip(names, decoders, values, strict=True)
    }


def explain_check(error: DataJointError, layout: Layout, batches: Sequence[Batch]) -> bool:
    """Put a refusal by a CHECK of the database in terms of the definition; return whether it was one.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     check few (subject_id < 100)  # cages are numbered
    ...     '''
    >>> Subject.insert([{"subject_id": 1}, {"subject_id": 100}])
    Traceback (most recent call last):
    ...
    datajoint.errors.CheckError: `Subject`, row 1: the check `few` (subject_id < 100) fails: subject_id=100.
    cages are numbered
    """
    table = layout.name.name
    wanted = error.context.get("constraint")
    found = [c for c in conditions_of(layout) if check_name(table, c.check.name) == wanted]
    if not found:
        return False
    located = list(_given(layout, found[0], batches))
    broken = [(n, row) for n, row in located if is_broken(found[0], row, layout)]
    number, row = broken[0] if broken else (None, located[0][1] if len(located) == 1 else {})
    told = _refusal(layout, found[0], number, row)
    error.message, error.args, error.hints = told.message, told.args, told.hints
    error.context.update(told.context)
    return True


def _given(
    layout: Layout, condition: Condition, batches: Sequence[Batch]
) -> Iterator[tuple[int | None, Row]]:
    for batch in batches:
        yield from located_rows(layout, batch.checked, condition.names)


def _refusal(layout: Layout, condition: Condition, number: int | None, row: Mapping[str, Any]) -> CheckError:
    check = condition.check
    values = ", ".join(f"{name}={show(row[name])}" for name in condition.names if name in row)
    return CheckError(
        f"{place(layout, number)}: the check `{check.name}` ({check.condition}) fails"
        f"{': ' if values else ''}{values}.",
        hint=check.comment or None, table=str(layout.name), row=number, check=check.name,
        columns=condition.names, values=tuple(row.values()),
    )  # fmt: skip


def problems(layout: Layout, row: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Yield attribute and text for each condition that a row, valid otherwise, breaks.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     check few (subject_id < 100)
    ...     '''
    >>> Subject.validate([{"subject_id": "100"}]).errors
    [(0, 'subject_id', 'the check `few` (subject_id < 100) fails: subject_id=100.')]
    """
    for condition in conditions_of(layout):
        full: Row = {}
        for name in condition.names:
            attribute = layout.heading[name]
            normalise = normaliser(attribute.dtype)
            value = row.get(name)
            full[name] = normalise(value) if normalise and value is not None else value
            if value is None and not attribute.nullable:
                full[name] = stored_default(layout, attribute)
        if is_broken(condition, full, layout):
            text = str(_refusal(layout, condition, None, full).message)
            yield (
                condition.names[0] if condition.names else None,
                text.removeprefix(f"{place(layout, None)}: "),
            )
