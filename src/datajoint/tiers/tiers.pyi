"""What type checkers know of table classes, written by tools/table_stub.py."""

# The members of a table are declared as those of its class: see the tool.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Never, NoReturn, Self, TypeVar, Unpack, overload

import pandas as pd
import polars as pl

from datajoint.algebra.plans.nodes import Query
from datajoint.compute.options import OlderOptions
from datajoint.compute.populate import PopulateResult, Progress
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.jobs import jobs as queues
from datajoint.make import upstream as upstreams
from datajoint.make.recompute.verify_report import VerifyReport
from datajoint.provenance.staleness.report import StaleReport
from datajoint.provenance.tracing.lineage import Lineage
from datajoint.provenance.tracing.why import Why
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import AndList
from datajoint.table.bound import Binding
from datajoint.table.insert.staged import StagedInsert
from datajoint.table.insert.validate import ValidationResult
from datajoint.table.meta import TableMeta
from datajoint.table.rows.check import CheckOutcome
from datajoint.table.table import Table
from datajoint.tiers.contents import ContentsReport

_T = TypeVar("_T")

class _TableType(TableMeta):
    """Operators on classes."""

    def __and__(cls: type[_T], other: Any) -> _T: ...
    def __sub__(cls: type[_T], other: Any) -> _T: ...
    def __mul__(cls, other: Any) -> QueryExpression: ...
    def __add__(cls, other: Any) -> QueryExpression: ...
    def __xor__(cls, other: Never) -> NoReturn: ...
    def __matmul__(cls, other: Never) -> NoReturn: ...
    def __len__(cls) -> int: ...
    def __bool__(cls) -> bool: ...
    def __contains__(cls, item: Any) -> bool: ...
    def __iter__(cls) -> Iterator[dict[str, Any]]: ...

class UserTable(Table, metaclass=_TableType):
    """Base of the tiers."""

    tier: ClassVar[str]
    definition: Any
    checks: Any

    query: ClassVar[Query]
    """Plan and values: the whole table, or what it was restricted to."""
    connection: ClassVar[Connection]
    """The connection of the schema."""
    heading: ClassVar[Heading]
    """Attributes of the rows."""
    primary_key: ClassVar[list[str]]
    """Names of the key attributes."""
    @classmethod
    def make_sql(cls, fields: Iterable[str] | None = None) -> str:
        """Return the SELECT of the expression without running it (QRY-5)."""
    restriction: ClassVar[AndList]
    """The conditions that the expression was restricted by, as texts that restrict to the same rows."""
    restriction_attributes: ClassVar[set[str]]
    """Names of the attributes that the restriction uses."""
    @classmethod
    def where_clause(cls) -> str:
        """Return the restriction as the WHERE of a statement; "" where there is none."""
    @classmethod
    def to_dicts(
        cls, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> list[dict[str, Any]]:
        """Return all rows as dicts."""
    @classmethod
    def keys(
        cls, order_by: Any = None, limit: int | None = None, offset: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the keys of all rows as dicts."""
    @classmethod
    def to_arrays(
        cls,
        *attrs: str,
        include_key: bool = False,
        order_by: Any = None,
        limit: int | None = None,
        offset: int | None = None,
        squeeze: bool = False,
    ) -> Any:
        """Return a structured array, or one array per named attribute."""
    @classmethod
    def to_pandas(
        cls, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> pd.DataFrame:
        """Return a pandas frame indexed by the key; arguments as for `to_dicts`."""
    @classmethod
    def to_polars(
        cls, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> pl.DataFrame:
        """Return a Polars frame; arguments as for `to_dicts`."""
    @classmethod
    def to_arrow(
        cls, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> Any:
        """Return an Arrow table; arguments as for `to_dicts`."""
    @overload
    @classmethod
    def fetch1(cls, *, squeeze: bool = False) -> dict[str, Any]: ...
    @overload
    @classmethod
    def fetch1(cls, attr: str, /, *, squeeze: bool = False) -> Any: ...
    @overload
    @classmethod
    def fetch1(cls, attr: str, other: str, /, *attrs: str, squeeze: bool = False) -> tuple[Any, ...]: ...
    @classmethod
    def head(cls, limit: int = 25, **options: Any) -> list[dict[str, Any]]:
        """Return the first rows in key order."""
    @classmethod
    def tail(cls, limit: int = 25, **options: Any) -> list[dict[str, Any]]:
        """Return the last rows, in ascending key order."""
    @classmethod
    def cursor(cls, as_dict: bool = False) -> Any:
        """Return the cursor of the driver over all rows, not decoded."""
    @classmethod
    def fetch(
        cls,
        *attrs: str,
        offset: int | None = None,
        limit: int | None = None,
        order_by: Any = None,
        format: str | None = None,
        as_dict: bool | None = None,
        squeeze: bool = False,
    ) -> Any:
        """Fetch rows; `to_dicts`, `to_arrays`, `keys` and `to_pandas` are the present spelling."""
    @classmethod
    def restrict(cls, restriction: Any, semantic_check: bool = True) -> Self:
        """Return the rows that fulfil a condition; ``A & c`` is the same."""
    @classmethod
    def restrict_along(cls, other: Any, via: Any = None) -> Self:
        """Return the rows that belong to rows of another table, any number of references away."""
    @classmethod
    def proj(cls, *attributes: Any, **named_attributes: Any) -> QueryExpression:
        """Choose, rename and compute attributes; the key always stays (QRY-27 … 29)."""
    @classmethod
    def join(
        cls,
        other: Any,
        semantic_check: bool = True,
        left: bool = False,
        allow_nullable_pk: bool = False,
        outer: bool = False,
    ) -> QueryExpression:
        """Pair the rows equal on all shared attributes; ``A * B`` is the same (QRY-30 … 36)."""
    @classmethod
    def extend(cls, other: Any, semantic_check: bool = True) -> QueryExpression:
        """Add the attributes of an expression that this one determines; every row stays (QRY-35)."""
    @classmethod
    def aggr(
        cls,
        group: Any,
        *attributes: Any,
        exclude_nonmatching: bool = False,
        keep_all_rows: bool | None = None,
        **named: Any,
    ) -> QueryExpression:
        """Aggregate the rows of another expression per row of this one (QRY-39 … 43)."""
    @classmethod
    def aggregate(
        cls,
        group: Any,
        *attributes: Any,
        exclude_nonmatching: bool = False,
        keep_all_rows: bool | None = None,
        **named: Any,
    ) -> QueryExpression:
        """Aggregate the rows of another expression per row of this one (QRY-39 … 43)."""
    @classmethod
    def preview(cls, limit: int | None = None, width: int | None = None) -> str:
        """Return the text table of the first rows in key order."""
    binding: ClassVar[Binding]
    """Connection and name of the table."""
    name: ClassVar[TableName]
    """Schema and table name."""
    spec: ClassVar[TableSpec]
    """The table as the database has it."""
    table_name: ClassVar[str]
    """Name of the table in its schema, with the prefix of the tier."""
    database: ClassVar[str]
    """Name of the schema."""
    full_table_name: ClassVar[str]
    """Quoted name for use in SQL on this database."""
    class_name: ClassVar[str]
    """Name of the class: ``Session`` or ``Session.Trial``."""
    is_declared: ClassVar[bool]
    """Whether the table exists in the database."""
    is_restricted: ClassVar[bool]
    """Whether this stands for a part of the table only."""
    @classmethod
    def describe(cls, printout: bool = False, *, context: Any = None) -> str:
        """Return the definition of the table as the database has it (DEF-26)."""
    @classmethod
    def parents(
        cls, primary: bool | None = None, as_objects: bool = False, foreign_key_info: bool = False
    ) -> list[Any]:
        """Return the tables that this one refers to."""
    @classmethod
    def children(
        cls, primary: bool | None = None, as_objects: bool = False, foreign_key_info: bool = False
    ) -> list[Any]:
        """Return the tables that refer to this one; arguments as for `parents`."""
    @classmethod
    def ancestors(cls, as_objects: bool = False) -> list[Any]:
        """Return this table and all that it depends on, this table first."""
    @classmethod
    def descendants(cls, as_objects: bool = False) -> list[Any]:
        """Return this table and all that depend on it, parents first."""
    @classmethod
    def parts(cls, as_objects: bool = False) -> list[Any]:
        """Return the part tables of this master."""
    @classmethod
    def delete(
        cls,
        transaction: bool = True,
        prompt: bool | None = None,
        part_integrity: str = "enforce",
        *,
        safemode: bool | None = None,
        force_parts: bool | None = None,
        force: bool | None = None,
        verbose: bool | None = None,
    ) -> int:
        """Delete the rows and every row of any table that depends on them (DEL-1)."""
    @classmethod
    def delete_quick(cls, get_count: bool = False) -> int | None:
        """Delete the rows without a question and without what depends on them (DEL-7)."""
    @classmethod
    def drop(
        cls, prompt: bool | None = None, part_integrity: str = "enforce", *, force: bool | None = None
    ) -> None:
        """Drop the table and all tables that depend on it (DEL-9)."""
    @classmethod
    def drop_quick(cls) -> None:
        """Drop this one table without a question."""
    @classmethod
    def insert1(
        cls,
        row: Any,
        replace: bool = False,
        skip_duplicates: bool | str = False,
        ignore_extra_fields: bool = False,
        allow_direct_insert: bool | None = None,
        parts: Mapping[Any, Any] | None = None,
    ) -> None:
        """Insert one row, together with the rows of its parts if ``parts`` is given."""
    @classmethod
    def insert(
        cls,
        rows: Any,
        replace: bool = False,
        skip_duplicates: bool | str = False,
        ignore_extra_fields: bool = False,
        allow_direct_insert: bool | None = None,
        chunk_size: int | None = None,
        parts: Mapping[Any, Any] | None = None,
    ) -> None:
        """Insert rows: all of them, or none if one is refused."""
    staged_insert1: ClassVar[StagedInsert]
    """A block that writes objects right into their store, and inserts their row at its end (STG-1)."""
    @classmethod
    def insert_dataframe(cls, df: Any, index_as_pk: bool | None = None, **options: Any) -> None:
        """Insert the rows of a pandas frame."""
    @classmethod
    def validate(cls, rows: Any, *, ignore_extra_fields: bool = False) -> ValidationResult:
        """Check rows as an insert would, without inserting them."""
    @classmethod
    def update1(cls, row: dict[str, Any], *, allow_direct_update: bool | None = None) -> None:
        """Update secondary attributes of the row with the given key."""
    @classmethod
    def update(
        cls, values: Mapping[str, Any], prompt: bool | None = None, *, allow_direct_update: bool | None = None
    ) -> int:
        """Update secondary attributes in all rows of the table, or in the rows of its restriction."""
    @classmethod
    def with_metadata(cls) -> QueryExpression:
        """Return the rows with the hidden columns as attributes: `event`, the event that wrote the row."""
    @classmethod
    def run_checks(cls) -> list[CheckOutcome]:
        """Run the checks of the definition and of the class on the rows that are stored."""
    @classmethod
    def alter(cls, prompt: bool | None = None, context: dict[str, Any] | None = None) -> None:
        """Bring the table to the definition of its class, with its rows and their history (ALT-1)."""
    events: ClassVar[QueryExpression]
    """All events of the table: inserts, updates, deletes and makes. An event can cover many rows."""
    @classmethod
    def event(cls) -> QueryExpression:
        """Return the rows joined with the events that wrote them: user, time, host and code."""
    @classmethod
    def lineage(cls, *, depth: int | None = None, downstream: bool = False) -> Lineage:
        """Return the origin of the rows: the events that wrote them and, step by step, their source rows."""
    @classmethod
    def stale(cls, *restrictions: Any, exact: bool = False) -> StaleReport:
        """Return the rows that were written by makes whose results are stale or possibly stale."""
    @classmethod
    def why(cls, *, exact: bool = False) -> Why:
        """Explain, as text and as data, whether the makes that wrote the rows are stale, and why."""
    @classmethod
    def as_of(cls, time: Any) -> QueryExpression:
        """Return the rows of the whole table as they were at a given time."""
    @classmethod
    def old_versions(cls) -> QueryExpression | None:
        """Return the old versions of changed and deleted rows; `written` and `ended` name their events."""
    @classmethod
    def export_lineage(cls, form: str = "prov", path: str | Path | None = None) -> Any:
        """Return the origin of the rows in a standard format."""

class _Populated(UserTable):
    """Tables whose rows are made by `make`."""

    key_source: Any
    def make(self, *args: Any, **kwargs: Any) -> Any: ...
    upstream: ClassVar[upstreams.Upstream]
    """Ancestors, restricted to the rows that the key of the running `make` is derived from."""
    jobs: ClassVar[queues.Jobs]
    """Job queue of the table; the first use declares it."""
    @classmethod
    def populate(
        cls,
        *restrictions: Any,
        suppress_errors: bool = False,
        return_exception_objects: bool = False,
        reserve_jobs: bool = False,
        max_calls: int | None = None,
        display_progress: bool = False,
        processes: int | None = 1,
        make_kwargs: Mapping[str, Any] | None = None,
        priority: int | None = None,
        refresh: bool | None = None,
        executor: Any = None,
        stale: bool = False,
        reuse: bool | None = None,
        prompt: bool | None = None,
        **older: Unpack[OlderOptions],
    ) -> PopulateResult:
        """Call `make` for every key of the key source without a row in the table."""
    @classmethod
    def stale(cls, *restrictions: Any, exact: bool = False) -> StaleReport:
        """Report the rows that are not fresh, because their inputs or their code have changed."""
    @classmethod
    def why(cls, *, exact: bool = False) -> Why:
        """Return why the rows are stale, possibly stale, unknown or fresh, in words and as data."""
    @classmethod
    def verify(
        cls,
        *restrictions: Any,
        sample: float | None = None,
        tolerance: float | Mapping[str, float] | None = None,
        seed: int | None = None,
        ignore: str | Iterable[str] = ...,
        make_kwargs: Mapping[str, Any] | None = None,
        display_progress: bool = False,
    ) -> VerifyReport:
        """Run `make` again for stored keys and compare the results with the stored rows, without changes."""
    @classmethod
    def progress(cls, *restrictions: Any, display: bool = False, stale: bool = False) -> Progress:
        """Return the number of remaining keys, and of all keys."""

class Manual(UserTable):
    """Rows are entered from outside."""

class Lookup(UserTable):
    """Rows come with the code, as `contents`."""

    contents: Any

    @classmethod
    def update_contents(
        cls, policy: str = "update", *, dry_run: bool = False, prompt: bool | None = None
    ) -> ContentsReport:
        """Bring the stored rows to the `contents` of the class; show which results become stale."""

class Imported(_Populated):
    """Rows are made by `make` from data outside the database."""

class Computed(_Populated):
    """Rows are made by `make` from other tables."""

class Part(UserTable):
    """Rows belong to a row of the master table in whose class this class stands."""

    _master: ClassVar[type[UserTable] | None]
    master: ClassVar[Any]
