"""Public write methods of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datajoint.errors import DataJointError, UnknownAttributeError
from datajoint.journal.events import scope as scopes
from datajoint.query.expression import QueryExpression
from datajoint.table import guard
from datajoint.table.bound import BoundTable
from datajoint.table.insert import (
    duplicates,
    insert as inserting,
    insert_select,
    staged,
    validate as validating,
    with_parts,
)
from datajoint.table.meta import class_level
from datajoint.table.rows import (
    explain_errors,
    layout as layouts,
    python_checks,
    row_sources,
    write_rows as writing,
)
from datajoint.table.update import update as updating, update_many

if TYPE_CHECKING:
    from datajoint.table.insert.staged import StagedInsert
    from datajoint.table.insert.validate import ValidationResult

__all__ = ["Writing"]


@class_level
class Writing(BoundTable):
    """Methods that insert, validate and update rows."""

    def insert1(
        self, row: Any, replace: bool = False, skip_duplicates: bool | str = False,
        ignore_extra_fields: bool = False, allow_direct_insert: bool | None = None,
        parts: Mapping[Any, Any] | None = None,
    ) -> None:  # fmt: skip
        """Insert one row, together with the rows of its parts if ``parts`` is given.

        Parameters
        ----------
        row
            A dict, or a NumPy record.
        replace
            Overwrite the row that has the same key.
        skip_duplicates
            True keeps the stored row that has the same key, and reports once per table if its values differ;
            ``"match"`` keeps it only if its values are the same, and refuses the row otherwise.
        ignore_extra_fields
            Drop fields that are not attributes of the table.
        allow_direct_insert
            Insert into a computed table outside its make.
        parts
            Rows of parts, ``{Scan.Cell: rows}``, inserted together with the row or not at all. The key
            of the row is filled in where it is missing. All options apply to the parts as well.

        Raises
        ------
        QueryError
            If the row is refused; the message names the attribute and the value.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert1({"subject_id": 1})
        >>> len(Subject())
        1

        With its parts:

        >>> @schema
        ... class Scan(dj.Manual):
        ...     definition = "scan : int32"
        ...     min_parts = {"Cell": 1}
        ...
        ...     class Cell(dj.Part):
        ...         definition = '''
        ...         -> master
        ...         cell : int16
        ...         '''
        >>> Scan.insert1({"scan": 7}, parts={Scan.Cell: [{"cell": 1}, {"cell": 2}]})
        >>> Scan.Cell.keys(order_by="KEY")
        [{'scan': 7, 'cell': 1}, {'scan': 7, 'cell': 2}]
        >>> Scan.insert1({"scan": 8})
        Traceback (most recent call last):
        ...
        datajoint.errors.IntegrityError: `Scan`: the row scan=8 has 0 rows of ...
        """
        if parts:
            options = _options(replace, skip_duplicates, ignore_extra_fields, allow_direct_insert)
            with_parts.insert_with_parts(self, lambda: _INSERT1(self, row, **options), parts, row, options)
            return
        if getattr(self.insert, "__func__", None) is not _INSERT:  # mixins change what all inserts do
            self.insert(
                (row,), **_options(replace, skip_duplicates, ignore_extra_fields, allow_direct_insert)
            )
            return
        guard.check_insert(self.name, allow_direct_insert)
        layout = layouts.layout_of(self.connection, self.name)
        mode = _mode(self, replace, skip_duplicates, ignore_extra_fields)
        try:
            with inserting.taken_back_if(layout.in_stores):
                inserting.insert_batches(layout, inserting.row_batches(layout, row, mode), mode)
        except UnknownAttributeError as error:
            explain_errors.explain_drift(error, self)
            raise

    def insert(
        self, rows: Any, replace: bool = False, skip_duplicates: bool | str = False,
        ignore_extra_fields: bool = False, allow_direct_insert: bool | None = None,
        chunk_size: int | None = None, parts: Mapping[Any, Any] | None = None,
    ) -> None:  # fmt: skip
        """Insert rows: all of them, or none if one is refused.

        Parameters
        ----------
        rows
            Dicts, NumPy records, a pandas or Polars frame, an Arrow table, the `pathlib.Path` of a CSV file,
            any iterable of these, or a query, whose rows are copied within the database.
        replace, skip_duplicates, ignore_extra_fields, allow_direct_insert
            The same options as in `insert1`.
        chunk_size
            Number of rows to insert in each transaction; by default, one transaction for all rows.
        parts
            Rows of parts, ``{Scan.Cell: rows}``, inserted together with the rows or not at all.

        Raises
        ------
        QueryError
            If a row is refused; the message names the row, the attribute and the value.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> Subject.insert([{"subject_id": 2}, {"subject_id": 3}], skip_duplicates=True)
        >>> Subject.keys(order_by="KEY")
        [{'subject_id': 1}, {'subject_id': 2}, {'subject_id': 3}]
        """
        if parts:
            options = _options(replace, skip_duplicates, ignore_extra_fields, allow_direct_insert)
            own: dict[str, Any] = {**options, "chunk_size": chunk_size}
            with_parts.insert_with_parts(self, lambda: _INSERT(self, rows, **own), parts, None, options)
            return
        guard.check_insert(self.name, allow_direct_insert)
        mode = _mode(self, replace, skip_duplicates, ignore_extra_fields)
        if isinstance(rows, type) and issubclass(rows, QueryExpression):
            rows = rows()
        if isinstance(rows, QueryExpression):
            if chunk_size is not None:
                raise DataJointError(
                    "chunk_size does not apply to a query, whose rows are copied by one statement.",
                    hint="Give query.to_dicts() to insert in chunks.",
                )
            if mode.match:
                raise DataJointError(
                    "skip_duplicates='match' does not apply to a query, whose rows are not looked at.",
                    hint="Give query.to_dicts(), whose rows are compared.",
                )
            insert_select.insert_query(self.connection, self.name, rows, mode)
            return
        layout = layouts.layout_of(self.connection, self.name)
        if chunk_size is None:
            try:
                inserting.insert_rows(layout, rows, mode)
            except UnknownAttributeError as error:
                explain_errors.explain_drift(error, self)
                raise
            return
        with scopes.series(self.connection) as scope:
            for group in inserting.read_groups(rows, layout, chunk_size):
                inserting.insert_chunks(self.connection, self.name, group, mode, scope)

    @property
    def staged_insert1(self) -> StagedInsert:
        """A block that writes objects right into their store, and inserts their row at its end (STG-1).

        Use it for objects that are too large to be copied, or that are written by a library such as Zarr.
        """
        return staged.StagedInsert(self)

    def insert_dataframe(self, df: Any, index_as_pk: bool | None = None, **options: Any) -> None:
        """Insert the rows of a pandas frame.

        Parameters
        ----------
        df
            A pandas frame.
        index_as_pk
            True: the index holds the primary key; False: the index is dropped; None: decided by its names.
        **options
            The same options as in `insert`.

        Examples
        --------
        >>> import datajoint as dj, pandas
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert_dataframe(pandas.DataFrame({"subject_id": [1, 2]}).set_index("subject_id"))
        >>> len(Subject())
        2
        """
        self.insert(row_sources.with_index(df, self.heading, index_as_pk, self.class_name), **options)

    def validate(self, rows: Any, *, ignore_extra_fields: bool = False) -> ValidationResult:
        """Check rows as an insert would, without inserting them.

        Parameters
        ----------
        rows
            The same sources as in `insert`.
        ignore_extra_fields
            Accept fields that are not attributes of the table.

        Returns
        -------
        ValidationResult
            The errors found: row number, attribute and message of each.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int8"
        >>> Subject.validate([{"subject_id": 1}, {"subject_id": 1000}]).errors
        [(1, 'subject_id', '1000 is outside the range of int8: -128 to 127.')]
        """
        return validating.validate(layouts.layout_of(self.connection, self.name), rows, ignore_extra_fields)

    def update1(self, row: dict[str, Any], *, allow_direct_update: bool | None = None) -> None:
        """Update secondary attributes of the row with the given key.

        Parameters
        ----------
        row
            The whole primary key, and new values; None sets an attribute to its default.
        allow_direct_update
            Update a computed table outside its make.

        Raises
        ------
        DataJointError
            If the row does not exist, or a value is refused.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     weight : float64
        ...     '''
        >>> Subject.insert1({"subject_id": 1, "weight": 20.5})
        >>> Subject.update1({"subject_id": 1, "weight": 21.0})
        >>> Subject.fetch1("weight")
        21.0
        """
        if self.is_restricted:
            raise DataJointError(
                "Update cannot be applied to a restricted table.",
                hint="Give the key: Table.update1({**key, ...}).",
            )
        guard.check_update(self.name, allow_direct_update)
        updating.update_one(self, row)

    def update(
        self, values: Mapping[str, Any], prompt: bool | None = None, *,
        allow_direct_update: bool | None = None,
    ) -> int:  # fmt: skip
        """Update secondary attributes in all rows of the table, or in the rows of its restriction.

        Parameters
        ----------
        values
            New values by attribute; None sets an attribute to its default.
        prompt
            Show the number of rows to change and the first of them, before and after, and ask for
            confirmation; by default, the setting ``safemode`` decides.
        allow_direct_update
            Update a computed table outside its make.

        Returns
        -------
        int
            Number of rows changed; 0 if the change was not confirmed.

        Raises
        ------
        DataJointError
            If an attribute is unknown or in the key, or a value is refused. No row is changed in this case.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     species : varchar(20)
        ...     '''
        >>> Subject.insert([{"subject_id": n, "species": "mouse"} for n in range(4)])
        >>> (Subject & "subject_id > 1").update({"species": "rat"}, prompt=False)
        2
        >>> Subject.to_arrays("species", order_by="KEY").tolist()
        ['mouse', 'mouse', 'rat', 'rat']
        """
        return update_many.update(self, values, prompt, allow_direct_update)

    def _update(self, attribute: str, value: Any = None, *, allow_direct_update: bool | None = None) -> None:
        """Update an attribute of the single row of the restriction: the call of 0.1x."""
        guard.check_update(self.name, allow_direct_update)
        updating.update_one(self._sibling(self.name), {**self.fetch1("KEY"), attribute: value})


_INSERT1, _INSERT = Writing.__dict__["insert1"], Writing.__dict__["insert"]
"""The plain functions: attribute access on the class would return methods bound to its table."""


def _mode(table: BoundTable, replace: bool, skip_duplicates: bool | str, ignore_extra: bool) -> writing.Mode:
    skip, match = duplicates.read_option(skip_duplicates)
    own = python_checks.checks_of(table), with_parts.wanted_of(table)
    return writing.Mode(replace, skip, ignore_extra, *own, match=match)


def _options(
    replace: bool, skip_duplicates: bool | str, ignore_extra_fields: bool, allow_direct_insert: bool | None
) -> dict[str, Any]:
    return {
        "replace": replace,
        "skip_duplicates": skip_duplicates,
        "ignore_extra_fields": ignore_extra_fields,
        "allow_direct_insert": allow_direct_insert,
    }
