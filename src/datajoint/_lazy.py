"""Parts of the package that are read from disk when they are first used, not when they are imported.

The way to the first query shall be short (docs/adr/0007-lazy-parts.md). The modules listed here are imported
like all others, at the top of those that use them, but as modules (``from datajoint.query import frames``)
and not name by name; the code of one runs when the first of its names is asked for.

A process may import the package more than once: test suites and deep reloads delete it from ``sys.modules``
and import it again. Each import then has modules of its own, and what an earlier one loads late belongs to
it: a class of an error that was imported before still catches what that import raises.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from typing import Any

__all__ = ["PARTS", "install", "load", "names_from"]

# What is not on the way to a connection; then what is not on the way to the rows of a table that is there:
# to read texts of users, to write, declare, delete, compute.
_NAMES = """
    _printed algebra.plans algebra.plans.nodes backends.mysql backends.mysql.signals backends.postgresql
    backends.postgresql.signals backends.sqlite backends.sqlite.catalog backends.sqlite.errors
    backends.sqlite.functions backends.sqlite.signals backends.sqlite.types engine.catalog
    engine.query_cache heading.conversions heading.float32 heading.moments heading.values logging
    settings.template

    algebra.analysis algebra.evaluate algebra.expr algebra.expr.expressions algebra.expr.meaning
    algebra.plans.aggregates algebra.plans.hidden algebra.text algebra.text.fragment clusters codecs
    codecs.chain codecs.context codecs.threads compute compute.dispatch compute.options compute.pipeline
    compute.pipeline.lanes compute.pipeline.readiness compute.pipeline.result compute.pipeline.run
    compute.pipeline.scope compute.pipeline.status compute.pipeline.stream compute.pipeline.targets
    compute.populate compute.progress compute.progress_display compute.verify declare.alteration
    declare.describe declare.limits declare.projection declare.renames engine.define
    engine.external engine.lineage engine.unanswered engine.user_sql
    executors executors.base executors.child_main executors.local executors.processes
    executors.run_job graph graph.dependencies
    graph.named graph.restrict jobs jobs.jobs jobs.lease jobs.reserve journal journal.events
    journal.events.change journal.events.event journal.events.origin journal.events.scope journal.images
    journal.reads make make.contract make.contract.reads make.contract.runtime_audit make.key_source
    make.make make.recompute make.recompute.compare_rows make.recompute.dry_run make.recompute.refresh
    make.recompute.verify_report make.target make.task make.upstream make.value_diff make.value_equality
    provenance provenance.export provenance.history provenance.history.as_of_and_restore
    provenance.history.events provenance.history.retention provenance.staleness
    provenance.staleness.report provenance.staleness.search
    provenance.staleness.written_rows provenance.tracing
    provenance.tracing.changes provenance.tracing.codediff provenance.tracing.lineage
    provenance.tracing.reading provenance.tracing.tree provenance.tracing.why provenance.tracing.writers
    query.along query.frames query.misplaced query.misspelt query.preview query.where reactions
    schemas.grants schemas.lookup schemas.queues schemas.virtual sql.checks sql.system_tables
    sql.system_tables.images sql.text sql.text.fragment table.alter
    table.alter.alter table.delete table.delete.cascade
    table.delete.estimate table.delete.followers table.external table.guard table.insert
    table.insert.duplicates table.insert.insert table.insert.insert_select table.insert.staged
    table.insert.validate table.insert.with_parts table.lookup table.misspelt
    table.prompt table.rows table.rows.check_lines table.rows.encode table.rows.explain_errors
    table.rows.layout table.rows.python_checks table.rows.row_sources table.rows.write_rows
    table.rows.write_set table.update table.update.update table.update.update_many tiers.contents workers
"""

PARTS = frozenset(f"datajoint.{name}" for name in _NAMES.split())
"""Modules and packages whose code waits for its first use."""

_KNOWN = frozenset(
    ("__class__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__", "__cached__")
)
"""What the import system, and tools that look at all modules, ask of a module; it needs no code."""


_PACKAGE = __name__.partition(".")[0]


class _Import:
    """One import of the package: the modules that belong together."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}
        self.lock = RLock()

    def keep(self, module: ModuleType) -> None:
        """Note a module of the package."""
        if _is_of_package(module.__name__):
            self.modules[module.__name__] = module

    def is_current(self) -> bool:
        """Whether the modules of this import are those that an import statement finds."""
        return getattr(sys.modules.get(__name__), "_this", None) is self

    def within(self, action: Callable[[], Any]) -> Any:
        """Call a function that imports, in a process whose package is this one for as long as it runs."""
        if self.is_current():
            return action()
        with self.lock:
            others, finders = _of_package(), list(sys.meta_path)
            self._replace(others, self.modules, [_Finder, *(f for f in finders if not _is_ours(f))])
            try:
                return action()
            finally:
                self._replace(_of_package(), others, finders)

    @staticmethod
    def _replace(old: dict[str, ModuleType], new: dict[str, ModuleType], finders: list[Any]) -> None:
        for name in old:
            sys.modules.pop(name, None)
        sys.modules.update(new)
        sys.meta_path[:] = finders


def _is_of_package(name: str) -> bool:
    return name.partition(".")[0] == _PACKAGE


def _of_package() -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if _is_of_package(name)}


def _is_ours(finder: object) -> bool:
    """Whether a finder is that of this import or another one."""
    return getattr(finder, "__module__", None) == __name__


_this = globals().get("_this") or _Import()  # the same one when this module is reloaded


def load(name: str) -> Any:
    """Return a module of the same import of the package as this one.

    Examples
    --------
    >>> load("datajoint.errors").DataJointError.__name__
    'DataJointError'
    """
    from importlib import import_module

    return _this.within(lambda: import_module(name))


def names_from(places: dict[str, str], **nicknames: str) -> tuple[list[str], Callable[[str], Any]]:
    """Return `__all__` and `__getattr__` of a package that imports the modules of its names on first use.

    Parameters
    ----------
    places
        Module below the package → its names, separated by blanks.
    **nicknames
        Further names → the name that each stands for.

    Examples
    --------
    >>> names, get = names_from({"errors": "DataJointError QueryError"}, Failure="DataJointError")
    >>> names, get("Failure").__name__
    (['DataJointError', 'Failure', 'QueryError'], 'DataJointError')
    """
    where = {name: module for module, names in places.items() for name in names.split()}

    def get(name: str) -> Any:
        real = nicknames.get(name, name)
        if real not in where:
            raise AttributeError(name)
        return getattr(load(f"{_PACKAGE}.{where[real]}"), real)

    return sorted([*where, *nicknames]), get


class _Waiting(ModuleType):
    """A module whose code has not run."""

    def __getattribute__(self, name: str) -> object:
        if name not in _KNOWN and not _is_part(self, name):
            _run(self)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _KNOWN and not isinstance(value, ModuleType):  # the import system notes modules so
            _run(self)
        object.__setattr__(self, name, value)


def _is_part(module: ModuleType, name: str) -> bool:
    """Whether a name is a module of a package, which is imported without the code of the package."""
    return f"{object.__getattribute__(module, '__name__')}.{name}" in PARTS


class _Loader:
    """Loads a module, and notes that it belongs to this import."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "loader"), name)  # such as get_code, for `python -m`

    def exec_module(self, module: ModuleType) -> None:
        _this.keep(module)
        spec: Any = module.__spec__
        module.__loader__ = spec.loader = self.loader
        self.loader.exec_module(module)


class _Later:
    """Loads a module by noting how to load it."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.lock = RLock()
        self.running = False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        _this.keep(module)
        module.__class__ = _Waiting


def _run(module: ModuleType) -> None:
    """Run the code of a module, once, among the modules of its import."""
    if _is_later(module):
        _this.within(lambda: _run_here(module))


def _is_later(module: ModuleType) -> bool:
    return hasattr(object.__getattribute__(module, "__spec__").loader, "running")


def _run_here(module: ModuleType) -> None:
    """Run the code of a module; another thread waits, the code itself sees what is there so far."""
    spec: Any = module.__spec__
    later = spec.loader
    if not _is_later(module):
        return
    with later.lock:
        if later.running or module.__class__ is ModuleType:
            return
        later.running = True
        try:
            later.loader.exec_module(module)
            module.__class__ = ModuleType
            module.__loader__ = spec.loader = later.loader
        finally:
            later.running = False


class _Finder:
    """Finds the modules of the package as everybody else would, and has those of `PARTS` loaded later."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == _PACKAGE or not _is_of_package(name):
            return None
        for finder in sys.meta_path:
            found: Any = None if _is_ours(finder) else finder.find_spec(name, path, target)
            if found is not None:
                if hasattr(found.loader, "exec_module"):
                    found.loader = _Later(found.loader) if name in PARTS else _Loader(found.loader)
                return found
        return None


def install() -> None:
    """Have the parts loaded on first use from now on.

    Examples
    --------
    >>> install()
    """
    _this.modules.update(_of_package())
    if _Finder in sys.meta_path:
        return
    sys.meta_path[:] = [_Finder, *(finder for finder in sys.meta_path if not _is_ours(finder))]
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_threads)


def _forget_threads() -> None:
    """In a forked process: what another thread of the parent was running will be run anew."""
    for module in list(sys.modules.values()):
        spec: Any = module.__spec__ if module.__class__ is _Waiting else None
        if spec is not None and hasattr(spec.loader, "running"):
            spec.loader.lock, spec.loader.running = RLock(), False
