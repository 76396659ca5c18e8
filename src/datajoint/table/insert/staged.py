"""Staged insert: an object is written at its final place during the block, its row at the end of it."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from datajoint.codecs.builtin.object import record_of
from datajoint.codecs.object_ref import ObjectRef
from datajoint.errors import DataJointError, UnknownAttributeError, nearest
from datajoint.storage import file_systems
from datajoint.storage.paths import schema_path
from datajoint.storage.staged import note, taken_back
from datajoint.storage.store import Store, open_store
from datajoint.table.rows.layout import layout_of

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["StagedInsert", "staged_insert1"]


class StagedInsert:
    """Writes the objects of one row right into their store, and inserts the row at the end of the block.

    An exception in the block, or a refused row, deletes the objects, and nothing is inserted.

    Parameters
    ----------
    table
        Where the row goes.

    Attributes
    ----------
    rec : dict
        The row: its primary key must be complete before the first object is opened.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("instruments")
    >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
    >>> @schema
    ... class Scan(dj.Manual):
    ...     definition = '''
    ...     scan : int32
    ...     ---
    ...     frames : <object@>
    ...     '''
    >>> with Scan.staged_insert1 as staged:
    ...     staged.rec["scan"] = 1
    ...     with staged.open("frames", ".bin") as file:
    ...         _ = file.write(b"012")
    >>> Scan.fetch1("frames").size
    3
    """

    def __init__(self, table: BoundTable) -> None:
        self._table = table
        self.rec: dict[str, Any] = {}
        self._staged: dict[str, tuple[Store, str, str | None]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(taken_back())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open:
            self._insert()

    def _insert(self) -> None:
        row = dict(self.rec)
        for field, (store, path, ext) in self._staged.items():
            row[field] = self._finished(field, store, path, ext)
        insert: Any = self._table
        insert.insert1(row)

    @property
    def fs(self) -> Any:
        """The file system of fsspec of the default store."""
        return file_systems.file_system(open_store(self._table.connection.config, None))

    def store(self, field: str, ext: str = "") -> Any:
        """Return a mapping of fsspec, relative path → bytes, in which the object of an attribute is written.

        Parameters
        ----------
        field
            An attribute of type ``<object@>``.
        ext
            Extension of the folder, such as ``.zarr``.

        Raises
        ------
        DataJointError
            The primary key is incomplete, or the attribute is of another type.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("instruments")
        >>> schema.connection.config["stores"] = {"default": "main", "main": {"protocol": "memory"}}
        >>> @schema
        ... class Scan(dj.Manual):
        ...     definition = '''
        ...     scan : int32
        ...     ---
        ...     frames : <object@>
        ...     '''
        >>> with Scan.staged_insert1 as staged:
        ...     staged.rec["scan"] = 1
        ...     staged.store("frames", ".zarr")["0/0"] = b"chunk"
        >>> Scan.fetch1("frames").listdir()
        ['0']
        """
        store, path, _ = self._place(field, ext)
        return file_systems.mapping(store, path)

    def open(self, field: str, ext: str = "", mode: str = "wb") -> Any:
        """Return a file in which the object of an attribute is written.

        Parameters
        ----------
        field
            An attribute of type ``<object@>``.
        ext
            Extension, such as ``.tif``.
        mode
            As for the builtin `open`.

        Raises
        ------
        DataJointError
            The primary key is incomplete, or the attribute is of another type.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("instruments")
        >>> @schema
        ... class Scan(dj.Manual):
        ...     definition = '''
        ...     scan : int32
        ...     ---
        ...     frames=null : <object@>
        ...     '''
        >>> with Scan.staged_insert1 as staged:
        ...     staged.open("frames")
        Traceback (most recent call last):
        datajoint.errors.DataJointError: Set the whole primary key before an object is written; missing: scan.
        For example: staged.rec["scan"] = ...
        """
        store, path, _ = self._place(field, ext)
        full = file_systems.full_path(store, path)
        system = file_systems.file_system(store)
        system.makedirs(full.rpartition("/")[0], exist_ok=True)
        return system.open(full, mode)

    def _place(self, field: str, ext: str) -> tuple[Store, str, str | None]:
        """Return store, path and extension of the object of an attribute; the same at each call."""
        known = self._staged.get(field)
        if known is not None and (known[2] or "") == _dotted(ext):
            return known
        dtype = self._check(field, again=known is not None)
        table = self._table
        layout = layout_of(table.connection, table.name)
        store = open_store(table.connection.config, dtype.store)
        key = {name: self.rec[name] for name in layout.heading.key}
        path, _ = schema_path(store.spec, table.name.schema, table.name.name, field, key, _dotted(ext))
        store.keep_marker(table.name.schema, table.connection.catalog.database)
        note(lambda: store.delete_below(path))
        self._open.enter_context(store.held(path))
        place = self._staged[field] = (store, path, _dotted(ext) or None)
        return place

    def _check(self, field: str, again: bool) -> Any:
        heading = layout_of(self._table.connection, self._table.name).heading
        missing = [name for name in heading.key if self.rec.get(name) is None]
        if missing:
            raise DataJointError(
                f"Set the whole primary key before an object is written; missing: {', '.join(missing)}.",
                hint=f'For example: staged.rec["{missing[0]}"] = ...',
            )
        if field not in heading:
            raise UnknownAttributeError(
                f"`{self._table.class_name}` has no attribute `{field}`.", hint=nearest(field, heading.order)
            )
        dtype = heading[field].dtype
        if dtype.codec != "object":
            raise DataJointError(
                f"`{field}` is of type {heading[field].type}; a staged insert writes <object@> only.",
                hint="Insert its value with the row: staged.rec[...] = value.",
            )
        if again:
            raise DataJointError(f"The object of `{field}` is already written with another extension.")
        return dtype

    def _finished(self, field: str, store: Store, path: str, ext: str | None) -> ObjectRef:
        """Make what was written durable, and return the handle of it."""
        store.medium.flush(path)
        single = store.medium.find(path)
        sizes = [single.size] if single else [entry.size for entry in store.medium.listing(path)]
        if not sizes:
            raise DataJointError(f"Nothing was written to the object of `{field}`.")
        record = record_of(store, path, sum(sizes), ext, None if single else len(sizes))
        return ObjectRef.from_json(record, self._table.connection.config)


def _dotted(ext: str) -> str:
    return f".{ext.lstrip('.')}" if ext else ""


def staged_insert1(table: BoundTable) -> StagedInsert:
    """Return a staged insert into a table, as its `staged_insert1` does.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("instruments")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> with staged_insert1(Subject()) as staged:
    ...     staged.rec["subject_id"] = 1
    >>> len(Subject())
    1
    """
    return StagedInsert(table)
