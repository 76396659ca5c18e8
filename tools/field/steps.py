"""The steps that a published pipeline goes through; each returns one line, or reports problems by table."""

import sys
import traceback
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import queries
from random_rows import NoParentError, RandomRows, Row
from random_values import NeedsStoreError, same

import datajoint as dj

ROWS = 6
CALLS = 3
MADE, LACKING, IDLE = "made", "need recordings or packages", "had nothing to do"
COMPUTED = (dj.Computed, dj.Imported)


@dataclass
class Run:
    """A pipeline on one backend: its schemas and table classes, and what was noticed about them."""

    modules: tuple[str, ...]
    seed: int = 1
    schemas: list[Any] = field(default_factory=list[Any])
    tables: list[Any] = field(default_factory=list[Any])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    @contextmanager
    def watch(self, step: str, table: Any) -> Generator[None]:
        """Record an error as a problem of this table, and go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every error is what this run looks for
            self.problem(step, table, error)

    def problem(self, step: str, table: Any, error: BaseException) -> None:
        """Record an error of a table."""
        name = getattr(table, "__name__", None) or getattr(table, "full_table_name", str(table))
        text = f"{type(error).__name__}: {error}"
        self.problems.append({"step": step, "table": name, "error": text, "trace": _trace(error)})


def declare(run: Run) -> str:
    """Find the schemas and the table classes that the import of the workflow has activated."""
    schemas: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(run.modules):
            for value in list(vars(module).values()):
                if isinstance(value, dj.Schema) and value.is_activated():
                    schemas.setdefault(value.database, value)
                _gather(value, tables)
    known = {name: sorted(_parents(tables[name], tables)) for name in sorted(tables)}
    run.tables = [tables[name] for name in TopologicalSorter(known).static_order()]
    run.schemas = list(schemas.values())
    classless = {name for one in run.schemas for name in one.list_tables()} - {
        t.table_name for t in run.tables
    }
    if classless:
        raise AssertionError(f"no class was found for {', '.join(sorted(classless))}")
    return f"{len(run.tables)} tables, {len(run.schemas)} schemas"


def fill(run: Run) -> str:
    """Insert random rows into every table that is not computed, and read them back."""
    source = RandomRows(run.seed)
    tables = [table for table in run.tables if not _is_computed(table)]
    for table in tables:
        _fill(run, "fill", table, source)
    return f"{len(tables)} tables, {sum(len(table()) for table in tables)} rows"


def populate(run: Run) -> str:
    """Populate each computed table, parents first; what has no rows then gets random ones, for its children.

    What lacks files or third-party packages is counted, not judged.
    """
    source, counts = RandomRows(run.seed), Counter[str]()
    for table in run.tables:
        if issubclass(table, COMPUTED):
            with run.watch("populate", table):
                counts[_populate(run, table)] += 1
        if not table():
            _fill(run, "populate", table, source)
        source.forget(table())
    told = [f"{counts[outcome]} {outcome}" for outcome in (MADE, LACKING, IDLE) if counts[outcome]]
    return ", ".join(told) or "nothing is computed"


def _populate(run: Run, table: Any) -> str:
    result = table.populate(suppress_errors=True, return_exception_objects=True, max_calls=CALLS)
    errors = [error for _key, error in result["error_list"]] if result else []  # a mixin may return nothing
    for error in [error for error in errors if _is_ours(error)][:1]:
        run.problem("populate", table, error)
    return LACKING if errors else MADE if table() else IDLE


def query(run: Run) -> str:
    """Ask each table in every way that `queries` knows."""
    for table in run.tables:
        for question in queries.OF_A_TABLE:
            with run.watch(f"query: {question.__name__}", table):
                question(table)
    for schema in run.schemas:
        for question in queries.OF_A_SCHEMA:
            with run.watch(f"query: {question.__name__}", schema.database):
                question(schema)
    return f"{len(run.tables)} tables, {len(queries.OF_A_TABLE)} questions each"


def delete(run: Run) -> str:
    """Delete one row with all that depends on it, then all rows."""
    for table in [t for t in run.tables if not issubclass(t, dj.Part)]:
        with run.watch("delete", table):
            key = next(iter(table.fetch("KEY", limit=1)), None)
            if key is not None:
                _delete(table & key)
                assert not table & key, "the row is still there"
            _delete(table())
    for table in reversed(run.tables):  # a mixin may log what it deletes
        if table():
            table.delete_quick()
    left = [t.full_table_name for t in run.tables if t()]
    assert not left, f"rows are left in {', '.join(left)}"
    return f"{len(run.tables)} tables empty"


def drop(run: Run) -> str:
    """Drop the schemas, the last first."""
    count = len(run.schemas)
    waiting = list(run.schemas)
    while waiting:
        blocked: list[Any] = []
        for schema in reversed(waiting):
            try:
                schema.drop(force=True)
            except dj.DataJointError:
                blocked.insert(0, schema)
        if len(blocked) == len(waiting):
            waiting[-1].drop(force=True)
        waiting = blocked
    return f"{count} schemas"


STEPS: dict[str, Callable[[Run], str]] = {
    "declare": declare,
    "fill": fill,
    "populate": populate,
    "query": query,
    "delete": delete,
    "drop": drop,
}


def _fill(run: Run, step: str, table: Any, source: RandomRows) -> None:
    try:
        rows = source.rows(table(), ROWS)
        source.forget(table())
        table.insert(rows, allow_direct_insert=True)
        run.skipped.pop(table.full_table_name, None)
        _check(table, rows)
    except (NeedsStoreError, NoParentError) as error:
        run.skipped[table.full_table_name] = str(error)
    except Exception as error:  # noqa: BLE001 - as in Run.watch
        run.problem(step, table, error)


def _delete(rows: Any) -> None:
    """Delete as the library does; where a mixin has rules of its own, by the name that it gives to that."""
    getattr(rows, "super_delete", rows.delete)(safemode=False, part_integrity="cascade")


def _check(table: Any, rows: list[Row]) -> None:
    """Compare the rows that were inserted with what the database gives back."""
    automatic = {name for name, a in table.heading.attributes.items() if a.autoincrement}
    for row in rows if not automatic else ():
        stored = (table & {name: row[name] for name in table.primary_key}).fetch1()
        differing = [name for name, value in row.items() if not same(value, stored[name])]
        if differing:
            told = ", ".join(f"{n}: {row[n]!r} became {stored[n]!r}" for n in differing)
            raise AssertionError(f"read back otherwise: {told}")


def _gather(value: Any, tables: dict[str, Any]) -> None:
    if not (isinstance(value, type) and issubclass(value, dj.Table)) or value is dj.FreeTable:
        return
    table: Any = value  # a class gives what its instances do
    try:
        declared = table.is_declared
    except (dj.DataJointError, AttributeError, TypeError):
        return
    if declared is True:
        tables.setdefault(table.full_table_name, table)
    members: list[Any] = list(vars(value).values())
    for part in members:
        if isinstance(part, type) and issubclass(part, dj.Part):
            _gather(part, tables)


def _parents(table: Any, tables: dict[str, Any]) -> set[str]:
    above = set(table.parents()) - {table.full_table_name}
    if issubclass(table, dj.Part):
        above.add(table.master.full_table_name)
    return above & tables.keys()


def _is_computed(table: Any) -> bool:
    return issubclass(table, COMPUTED) or (issubclass(table, dj.Part) and issubclass(table.master, COMPUTED))


def _is_ours(error: BaseException) -> bool:
    """Whether an error came out of the library, other than that there was no row to fetch."""
    if "exactly one tuple" in str(error):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and "/datajoint/" in frames[-1].filename.replace("\\", "/")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-6000:]
