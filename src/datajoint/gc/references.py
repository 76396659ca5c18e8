"""Which objects the rows of a database refer to."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, cast

from datajoint._value import Value
from datajoint.codecs.chain import resolve
from datajoint.engine.connection import Connection
from datajoint.engine.observe import unobserved
from datajoint.errors import DataJointError, MissingTableError
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType, parse_type
from datajoint.sql.dml import select_filled

__all__ = ["Unread", "paths_in", "referenced", "texts_in"]

Reader = Callable[[Any], Iterable[str]]

_CHUNK = 5000


class Unread(Value):
    """A table or schema whose rows could not be read.

    Attributes
    ----------
    place
        Its name.
    reason
        Why not.
    """

    place: str
    reason: str


def referenced(
    connection: Connection, own: Collection[str], sections: Sequence[str]
) -> Iterator[list[str] | Unread]:
    """Yield the paths that rows of any schema of the database refer to, those of old versions included.

    The catalog is read again: other processes may have declared tables.

    Parameters
    ----------
    own
        Schemas whose objects are collected: their codecs must be installed, as these know what a value
        refers to. In other schemas, which may hold copies of values, any text that looks like a path counts.
    sections
        Folders of the store that are collected.

    Yields
    ------
    list of str or Unread
        Paths of objects; or a table that cannot be read, after which nothing may be deleted.
    """
    prefixes = tuple(f"{section}/" if section else "" for section in sections)
    with unobserved():
        reader = connection.backend.catalog(connection)
        names = reader.list_schemas()
    for schema in names:
        try:
            with unobserved():
                tables = [(n, spec) for n, spec in reader.read([schema]).items() if n.schema == schema]
        except DataJointError as error:
            with unobserved():
                if reader.schema_exists(schema):
                    yield Unread(schema, str(error))
            continue
        for name, spec in tables:
            scan = _Scan(connection, name, None if schema in own else prefixes)
            yield from scan.run((*spec.attributes, *spec.hidden))


class _Scan:
    """Reads the rows of one table.

    Parameters
    ----------
    prefixes
        How a path begins, in a table of another schema.
    """

    def __init__(self, connection: Connection, name: TableName, prefixes: tuple[str, ...] | None) -> None:
        self._connection, self._name, self._prefixes = connection, name, prefixes
        self._decode = connection.dialect.decoder(parse_type("json")) or _as_it_is

    def run(self, attributes: Sequence[Attribute]) -> Iterator[list[str] | Unread]:
        """Yield the paths of some rows at a time, or why they cannot be read."""
        try:
            found = {a.name: reader for a in attributes if (reader := self._reader(a))}
            rows = _rows(self._connection, self._name, list(found)) if found else iter(())
            with unobserved():
                part = next(rows, None)
            while part is not None:
                yield [path for row in part for path in _paths(found.values(), row)]
                with unobserved():
                    part = next(rows, None)
        except MissingTableError:  # dropped meanwhile
            return
        except (DataJointError, ValueError, TypeError) as error:
            yield Unread(str(self._name), str(error))

    def _reader(self, attribute: Attribute) -> Reader | None:
        """Return what finds paths in the stored values of an attribute; None where there can be none."""
        dtype = attribute.dtype
        if self._prefixes is not None:
            return self._any_path if dtype.kind in ("codec", "json") or _is_json(dtype) else None
        if dtype.kind != "codec":
            return self._stored_path if dtype.kind == "json" or _is_json(dtype) else None
        chain = resolve(str(dtype.codec), dtype.store)  # a codec that is not installed stops everything
        if chain.storage != "json":
            return None
        paths = getattr(chain.links[-1].codec, "referenced_paths", None)
        if paths is None:
            return self._stored_path
        return lambda value: [
            *(path for path, _ in paths(self._value(value))), *self._stored_path(value)
        ]  # fmt: skip

    def _value(self, value: Any) -> Any:
        stored = self._decode(value)
        return json.loads(stored) if isinstance(stored, str) else stored  # some clients keep JSON as text

    def _stored_path(self, value: Any) -> Iterable[str]:
        return paths_in(self._value(value))

    def _any_path(self, value: Any) -> Iterable[str]:
        try:
            return texts_in(self._value(value), self._prefixes or ())
        except (DataJointError, ValueError, TypeError):  # no JSON: the value of a codec that uses no store
            return ()


def _is_json(dtype: AttributeType) -> bool:
    return dtype.kind == "native" and "json" in dtype.text.lower()


def _paths(readers: Iterable[Reader], row: Sequence[Any]) -> Iterator[str]:
    for read, value in zip(readers, row, strict=True):
        if value is not None:
            yield from read(value)


def _rows(connection: Connection, name: TableName, columns: Sequence[str]) -> Iterator[list[Any]]:
    return connection.stream(select_filled(name, columns, connection.dialect), (), _CHUNK)


def _as_it_is(value: Any) -> Any:
    return value


def paths_in(stored: Any) -> Iterator[str]:
    """Yield each text under ``path`` in a JSON value, at any depth: it may be that of an object.

    Examples
    --------
    >>> list(paths_in({"path": "_hash/lab/a", "more": [{"path": "b"}]}))
    ['_hash/lab/a', 'b']
    """
    if isinstance(stored, dict):
        for name, value in cast(dict[str, Any], stored).items():
            if name == "path" and isinstance(value, str):
                yield value
            else:
                yield from paths_in(value)
    elif isinstance(stored, list):
        for value in cast(list[Any], stored):
            yield from paths_in(value)


def texts_in(stored: Any, prefixes: tuple[str, ...]) -> Iterator[str]:
    """Yield each text of a JSON value, at any depth, that begins with one of some prefixes.

    Examples
    --------
    >>> list(texts_in({"a": "_hash/lab/a", "more": ["b", "_hash/c"]}, ("_hash/",)))
    ['_hash/lab/a', '_hash/c']
    """
    if isinstance(stored, str):
        if stored.startswith(prefixes):
            yield stored
    elif isinstance(stored, dict):
        for value in cast(dict[str, Any], stored).values():
            yield from texts_in(value, prefixes)
    elif isinstance(stored, list):
        for value in cast(list[Any], stored):
            yield from texts_in(value, prefixes)
