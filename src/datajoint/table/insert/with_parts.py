"""Masters with their parts: one insert for both, and refusal of masters without parts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import InValues, Query
from datajoint.engine.connection import Connection
from datajoint.engine.guard import Transaction
from datajoint.errors import DataJointError, IntegrityError
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType
from datajoint.heading.values import normaliser, show
from datajoint.query import fetch
from datajoint.query.collection import is_mapping
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import Layout, layout_of
from datajoint.table.rows.mode import Wanted
from datajoint.table.rows.row_sources import ABSENT, Chunk, one, read

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["check_complete", "completing", "insert_with_parts", "wanted_of"]

_STATE = "masters"
_CHUNK = 20_000

Key = tuple[Any, ...]


class PartTable(Protocol):
    """A table into which rows can be inserted."""

    @property
    def name(self) -> TableName:
        """Schema and table name."""
        ...

    @property
    def class_name(self) -> str:
        """Name of the class."""
        ...

    @property
    def connection(self) -> Connection:
        """The connection of the schema."""
        ...

    @property
    def heading(self) -> Heading:
        """Attributes of the rows."""
        ...

    def insert(self, rows: Any, /, **options: Any) -> None:
        """Insert rows."""
        ...


# ----------------------------------------------------------------------------------------- enough parts


def wanted_of(table: BoundTable) -> tuple[Wanted, ...]:
    """Return what the class of a table has as `min_parts`.

    Raises
    ------
    DataJointError
        When it names no part, or no number.

    Examples
    --------
    >>> import datajoint as dj
    >>> wanted_of(dj.Manual())
    ()
    """
    given: Any = getattr(table, "min_parts", None)
    if not given:
        return ()
    if not is_mapping(given):
        raise DataJointError(
            f"`{table.class_name}.min_parts` is {show(given)}.", hint='It is a dict such as {"Cell": 1}.'
        )
    return tuple(
        Wanted(part_of(table, part).name, _number(table, part, least)) for part, least in given.items()
    )


def _number(table: BoundTable, part: Any, least: Any) -> int:
    if not isinstance(least, int) or least < 0:
        raise DataJointError(f"`{table.class_name}.min_parts` wants {show(least)} rows of {show(part)}.")
    return least


def part_of(table: BoundTable, part: Any) -> PartTable:
    """Return a part of a master: given as class, table or name.

    Raises
    ------
    DataJointError
        When it is none of its parts.
    """
    found: Any = getattr(type(table), part, None) if isinstance(part, str) else part
    if isinstance(found, type):
        found = cast("Any", found)() if hasattr(found, "_binding") else None
    name = getattr(found, "name", None)
    if not isinstance(name, TableName) or name.master != table.name:
        label = part if isinstance(part, str) else getattr(part, "__name__", None) or show(part)
        names = [own for own in table.connection.catalog.tables(table.database) if own.master == table.name]
        parts = ", ".join(f"`{own.class_name}`" for own in names) or "none"
        raise DataJointError(f"{label} is no part of `{table.class_name}`. Parts: {parts}.")
    return found


class _Masters:
    """Masters written in a transaction, whose parts are counted before it commits."""

    __slots__ = ("connection", "keys", "master", "wanted")

    def __init__(self, connection: Connection, master: TableName, wanted: tuple[Wanted, ...]) -> None:
        self.connection = connection
        self.master = master
        self.wanted = wanted
        self.keys: dict[Key, None] | None = {}

    def check(self) -> None:
        """Refuse to commit where parts are missing."""
        check_complete(self.connection, self.master, None if self.keys is None else list(self.keys),
                       self.wanted)  # fmt: skip


@contextmanager
def completing(layout: Layout, batches: Sequence[Batch], wanted: tuple[Wanted, ...]) -> Generator[None]:
    """Write masters inside; their parts are counted at the end of the block, or now if there is none.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> with completing(layout_of(schema.connection, Subject.name), [], ()):
    ...     pass
    """
    with layout.connection.whole():
        yield
        transaction = layout.connection.current
        if transaction is not None:
            _remember(transaction, layout, _keys(layout, batches), wanted)


def _remember(
    transaction: Transaction, layout: Layout, keys: list[Key] | None, wanted: tuple[Wanted, ...]
) -> None:
    known: dict[TableName, _Masters] = transaction.state.setdefault(_STATE, {})
    masters = known.setdefault(layout.name, _Masters(layout.connection, layout.name, wanted))
    if keys is None:
        masters.keys = None
    elif masters.keys is not None:
        masters.keys.update(dict.fromkeys(keys))
    # A savepoint that fails takes away what was to be done before COMMIT since it began.
    if masters.check not in transaction.before_commit:
        transaction.before_commit.append(masters.check)


def _keys(layout: Layout, batches: Sequence[Batch]) -> list[Key] | None:
    """Return the keys of rows, None where the database gives them."""
    found: list[Key] = []
    for checked in (checked for batch in batches for checked in batch.checked):
        given = dict(zip(checked.names, checked.columns, strict=True))
        if not given.keys() >= set(layout.heading.key):
            return None
        found += zip(*(given[name] for name in layout.heading.key), strict=True)
    return found


def check_complete(
    connection: Connection, master: TableName, keys: Sequence[Key] | None, wanted: Iterable[Wanted]
) -> None:
    """Refuse masters that have fewer parts than they should.

    Parameters
    ----------
    keys
        Keys of masters; those that are not there (any more) do not matter. None: all masters.

    Raises
    ------
    IntegrityError
        Naming the first such master and the part.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> check_complete(connection, TableName("lab", "scan"), [], [Wanted(TableName("lab", "scan__cell"), 1)])
    """
    if keys is None:
        keys = _stored(connection, master, None)
    for one_part in wanted if keys else ():
        columns = _columns_to(connection, one_part.part, master)
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            counts = _counts(connection, one_part.part, columns, some)
            few = [key for key in some if counts.get(key, 0) < one_part.least]
            lacking = _stored(connection, master, few) if few else []
            if lacking:
                raise _incomplete(connection, master, lacking, one_part, counts.get(lacking[0], 0))


def _columns_to(connection: Connection, part: TableName, master: TableName) -> tuple[str, ...]:
    """Return the attributes of a part that hold the key of its master, in the order of that key."""
    spec, key = connection.catalog.spec(part), connection.catalog.source(master).heading.key
    for reference in spec.foreign_keys:
        if reference.parent == master:
            names = dict(zip(reference.parent_columns, reference.columns, strict=True))
            return tuple(names[name] for name in key)
    return key  # through another part


def _counts(
    connection: Connection, part: TableName, columns: tuple[str, ...], keys: Sequence[Key]
) -> dict[Key, int]:
    """Count the rows of a part for each of some masters."""
    number = "n_rows"
    while number in columns:
        number += "_"
    rows = _among(connection, part, columns, keys)
    grouped = build.group_by(rows, columns, {number: "count(*)"}, connection.dialect.name)
    return {
        tuple(row[name] for name in columns): int(row[number]) for row in fetch.dicts(grouped, connection)
    }


def _stored(connection: Connection, master: TableName, keys: Sequence[Key] | None) -> list[Key]:
    """Return the keys of masters that exist, among some or all."""
    key = connection.catalog.source(master).heading.key
    rows = _among(connection, master, key, keys)
    return [tuple(row[name] for name in key) for row in fetch.dicts(build.project(rows, (), {}), connection)]


def _among(
    connection: Connection, name: TableName, columns: tuple[str, ...], keys: Sequence[Key] | None
) -> Query:
    query = Query(connection.catalog.source(name))
    return query if keys is None or not columns else build.restrict(query, InValues(columns), (list(keys),))


def _incomplete(
    connection: Connection, master: TableName, lacking: list[Key], wanted: Wanted, found: int
) -> IntegrityError:
    names = connection.catalog.source(master).heading.key
    key = ", ".join(f"{name}={show(value)}" for name, value in zip(names, lacking[0], strict=True))
    more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
    label, short = master.class_name, wanted.part.class_name
    return IntegrityError(
        f"`{label}`: the row {key or 'of the table'}{more} has {found} row{'' if found == 1 else 's'} of "
        f"`{short}`, but needs at least {wanted.least}.",
        hint=f"Insert them together: {label}.insert1(row, parts={{{short}: rows}}), or in one "
        "`with connection.transaction:` block.",
        table=str(master), part=str(wanted.part), reason="incomplete",
    )  # fmt: skip


# ---------------------------------------------------------------------------------------- one call


def insert_with_parts(
    table: BoundTable, insert: Callable[[], None], parts: Any, row: Any, options: Mapping[str, Any]
) -> None:
    """Insert masters and rows of their parts as one change.

    Parameters
    ----------
    insert
        Inserts the masters.
    parts
        Rows by part.
    row
        The only master, whose key goes into the rows of its parts that lack it; else None.
    options
        Of the inserts into the parts.

    Raises
    ------
    DataJointError
        When a table is no part of this one, or any row is refused; then nothing is inserted.
    """
    if not is_mapping(parts):
        raise DataJointError(
            f"parts is {show(parts)}.", hint="It is a dict of parts and their rows: {Scan.Cell: [{...}, …]}."
        )
    targets = [(part_of(table, part), rows) for part, rows in parts.items()]
    key = None if row is None else _key_of(layout_of(table.connection, table.name), row)
    with table.connection.transaction:
        insert()
        for part, rows in targets:
            part.insert(rows if key is None else list(_filled(part, table.name, key, rows)), **options)


def _key_of(layout: Layout, row: Any) -> dict[str, Any]:
    """Return the key that a row has, as it is given."""
    given = one(row, layout.heading, layout.label)
    values = dict(zip(given.names, given.columns, strict=True))
    key = {name: values[name][0] for name in layout.heading.key if name in values}
    for name in layout.heading.key:
        if key.get(name) is None and layout.heading[name].autoincrement:
            raise DataJointError(
                f"`{layout.label}.{name}` is numbered by the database: rows of parts cannot refer to the row "
                "before it is inserted.",
                hint=f"Give `{name}`; or insert the row, fetch its key, and insert the parts, in one "
                "`with connection.transaction:` block.",
            )
    return key


def _filled(
    part: PartTable, master: TableName, key: Mapping[str, Any], rows: Any
) -> Iterator[dict[str, Any]]:
    """Yield rows of a part, with the key of the master in those that lack it."""
    columns = _columns_to(part.connection, part.name, master)
    names = dict(zip(columns, part.connection.catalog.source(master).heading.key, strict=True))
    absent = {column: key[name] for column, name in names.items() if name in key}
    if isinstance(rows, type):
        rows = rows()
    chunks: Iterator[Chunk] = read(
        iter(rows) if hasattr(rows, "query") else rows, part.heading, part.class_name
    )
    number = 0
    for chunk in chunks:
        for n in range(chunk.size):
            given = {name: column[n] for name, column in zip(chunk.names, chunk.columns, strict=True)}
            row = absent | {name: value for name, value in given.items() if value is not ABSENT}
            for column, own in absent.items():
                if not _same(part.heading[column].dtype, row[column], own):
                    raise IntegrityError(
                        f"`{part.class_name}`, row {number}: the parent `{master.class_name}` with "
                        f"{names[column]}={show(row[column])} is not the row that is inserted, which has "
                        f"{names[column]}={show(own)}.",
                        hint=f"Leave `{column}` out: it is filled in.",
                    )
            yield row
            number += 1


def _same(dtype: AttributeType, given: Any, key: Any) -> bool:
    """Whether two values are one as they are stored; what is none of the type the insert refuses."""
    if given is key or given is None:
        return True
    normalise = normaliser(dtype)
    try:
        return normalise is None or normalise(given) == normalise(key)
    except ValueError:
        return True
