"""What is in the database: tables, headings, foreign keys; loaded in bulk, forgotten when we change it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from datajoint import logging
from datajoint._value import replace
from datajoint.algebra.plans.nodes import Source
from datajoint.backends.base import Asked, CatalogReader
from datajoint.declare.spec import Specs, TableSpec
from datajoint.engine.observe import unobserved
from datajoint.errors import MissingTableError, nearest
from datajoint.graph import dependencies
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName
from datajoint.heading.types import TEXTS
from datajoint.sql.system import LINEAGE, find_columns, find_tables, traced

if TYPE_CHECKING:
    from datajoint.backends.backend import Backend
    from datajoint.declare.resolve import Reading
    from datajoint.settings.backend import ConnectionSettings

__all__ = ["Catalog"]


class _Queried(Asked, Protocol):
    """Connection, as far as its catalog needs it."""

    settings: ConnectionSettings

    @property
    def backend(self) -> Backend: ...


class Catalog:
    """The tables of the schemas that were asked for, as the database has them.

    Plans of tables live here too, one `Source` a table, so that equal queries share their statements.
    """

    def __init__(self, connection: _Queried) -> None:
        self._connection = connection
        self._specs: dict[str, Specs] = {}
        self._sources: dict[tuple[str, str], Source] = {}  # texts are hashed once
        self._graph: dependencies.DependencyGraph | None = None
        self._known_dependents: dict[str, list[str]] = {}
        self._untracked: set[str] = set()
        self._collations: dict[str, str | None] = {}
        self._attributes: set[str] = set()  # names of attributes known to exist in some table or query
        self.agreed: dict[TableName, Reading] = {}
        self.declared: dict[TableName, TableSpec] = {}  # tables as classes of this process define them
        self.version = 0  # counts changes, for those who keep something made from the catalog

    @property
    def reader(self) -> CatalogReader:
        """The reader of the backend."""
        return self._connection.backend.catalog(self._connection)

    @cached_property
    def database(self) -> str | None:
        """Which database this is, whatever host or port it is reached by: what a store remembers.

        None for a database in memory, whose rows end with the process.
        """
        connection = self._connection
        if connection.settings.name == ":memory:":
            return None
        query, where = connection.dialect.identity, connection.settings.label
        with unobserved():
            found = connection.fetch_all(query) if query else []
        return f"{where} ({found[0][-1]})" if found else where

    def load(self, schemas: Iterable[str]) -> None:
        """Read all tables of the schemas that are not known yet."""
        wanted = [schema for schema in dict.fromkeys(schemas) if schema not in self._specs]
        if not wanted:
            return
        found = self.reader.read(wanted, ChainMap(*self._specs.values()))
        for schema in wanted:
            self._specs[schema] = Specs([name for name in found if name.schema == schema], found.__getitem__)
            self._look_for_lineage(schema)
        self._graph = None

    def knows(self, schema: str) -> bool:
        """Whether the tables of a schema were read."""
        return schema in self._specs

    def _look_for_lineage(self, schema: str) -> None:
        """Say, once, that attributes of a schema made by others can only be matched by name (LIN-8)."""
        names = self._specs[schema]
        if schema in self._untracked or not any(name.tier for name in names):
            return
        if TableName(schema, LINEAGE) not in names:
            self._untracked.add(schema)
            logging.logger.warning(
                "schema `%s` has no lineage table: attributes are matched by name alone; "
                "Schema('%s').rebuild_lineage() makes one from the foreign keys", schema, schema,
            )  # fmt: skip

    def forget(self, schema: str) -> None:
        """Forget a schema; it is read again when next asked for."""
        self._known_dependents.clear()
        self._collations.pop(schema, None)
        self._specs.pop(schema, None)
        self.agreed.clear()
        self._changed()
        for place in [place for place in self._sources if place[0] == schema]:
            del self._sources[place]

    def clear(self) -> None:
        """Forget everything: what others did meanwhile matters now."""
        for schema in list(self._specs):
            self.forget(schema)

    def add(self, spec: TableSpec, collations: Mapping[str, str] | None = None) -> None:
        """Take in a table that we have just declared; `collations` are those of single columns."""
        spec = self._collated(spec, collations or {})
        self.tables(spec.name.schema)[spec.name] = spec
        self._sources.pop((spec.name.schema, spec.name.name), None)
        self._changed()

    def _collated(self, spec: TableSpec, collations: Mapping[str, str]) -> TableSpec:
        """Note which texts the database does not compare exactly."""
        schema = spec.name.schema
        if schema not in self._collations:
            self._collations[schema] = self.reader.collation(schema)
        general = self._collations[schema]
        if general is None and not collations:
            return spec

        def collated(a: Attribute) -> Attribute:
            if a.dtype.kind not in TEXTS:
                return a
            own = collations[a.name].rpartition(" ")[2] if a.name in collations else general
            inexact = None if own in self.reader.exact else own
            return replace(a, dtype=replace(a.dtype, collation=inexact))

        return replace(
            spec, attributes=tuple(map(collated, spec.attributes)), hidden=tuple(map(collated, spec.hidden))
        )

    def remove(self, name: TableName) -> None:
        """Take out a table that we have just dropped."""
        if name.schema in self._specs:
            self._specs[name.schema].pop(name, None)
        self._sources.pop((name.schema, name.name), None)
        self._changed()

    def _changed(self) -> None:
        self._graph = None
        self.version += 1

    def tables(self, schema: str) -> Specs:
        """All tables of a schema, those of the platform included."""
        specs = self._specs.get(schema)
        if specs is None:
            self.load([schema])
            specs = self._specs[schema]
        return specs

    def find(self, name: TableName) -> TableSpec | None:
        """Return what the database has under a name, or None."""
        return self.tables(name.schema).get(name)

    def look(self, name: TableName) -> TableSpec | None:
        """As `find`, but what is missing is looked for again: another process may have made it meanwhile."""
        found = self.find(name)
        return self.find(name) if found is None and self.reread([name]) else found

    def reread(self, names: Sequence[TableName]) -> bool:
        """Read a schema again where tables of it, of which we did not know, are there; return whether."""
        unknown = [name for name in names if self.find(name) is None]
        if not unknown or not self._connection.fetch_all(find_tables(unknown, self._connection.dialect)):
            return False
        self.forget(unknown[0].schema)
        self.load([unknown[0].schema])
        return True

    def spec(self, name: TableName) -> TableSpec:
        """Return what the database has under a name.

        Raises
        ------
        MissingTableError
            When there is no such table.
        """
        found = self.look(name)
        if found is None:
            names = [other.name for other in self.tables(name.schema)]
            unseen = None if names else "The schema is empty, or you have no right to see its tables."
            raise MissingTableError(
                f"Table `{name}` does not exist in the database.",
                hint=nearest(name.name, names) or unseen,
                table=str(name),
            )
        return found

    def know(self, names: Iterable[str]) -> None:
        """Record names of attributes that a query computes or renames to."""
        self._attributes.update(names)

    def unknown_attributes(self, names: Iterable[str]) -> list[str]:
        """Return the names that no table has and no query of this process made; asks the database once."""
        unknown = [name for name in dict.fromkeys(names) if name not in self._attributes]
        if unknown:
            for specs in self._specs.values():
                for spec in specs.specified():
                    self._attributes.update(a.name for a in (*spec.attributes, *spec.hidden))
            unknown = [name for name in unknown if name not in self._attributes]
        if unknown:
            found = self._connection.fetch_all(find_columns(unknown, self._connection.dialect))
            self._attributes.update(str(row[0]) for row in found)
        return [name for name in unknown if name not in self._attributes]

    def source(self, name: TableName) -> Source:
        """Return the plan of a table."""
        place = (name.schema, name.name)
        source = self._sources.get(place)
        if source is None:
            source = self._sources[place] = Source(name, traced(self.spec(name)).heading())
        return source

    @property
    def graph(self) -> dependencies.DependencyGraph:
        """Foreign keys between all tables loaded so far, in an order that is the same on every database."""
        if self._graph is None:
            specs = {name: spec for specs in self._specs.values() for name, spec in specs.items()}
            shown = [name for name in specs if not name.name.startswith("~")]
            shown.sort(key=lambda name: (name.schema, name.name.lstrip("#_")))
            self._graph = dependencies.DependencyGraph({name: specs[name] for name in shown})
        return self._graph

    def load_family(self, schema: str) -> dependencies.DependencyGraph:
        """Load every schema connected to one by foreign keys in either direction, and return the graph."""
        todo = [schema]
        seen: set[str] = set()
        while todo:
            seen.update(todo)
            self.load(todo)
            parents = {
                key.parent.schema
                for s in todo
                for spec in self._specs[s].values()
                for key in spec.foreign_keys
            }
            todo = sorted((parents | self._dependents(todo)) - seen)
        return self.graph

    def reload_family(self, schema: str) -> dependencies.DependencyGraph:
        """Do as `load_family`, after forgetting: other processes may have declared tables meanwhile."""
        self.clear()
        return self.load_family(schema)

    def _dependents(self, schemas: Iterable[str]) -> set[str]:
        """Schemas that refer to some of these; asked once: a delete that later ones refuse asks again."""
        for schema in schemas:
            if schema not in self._known_dependents:
                self._known_dependents[schema] = self.reader.dependents([schema])
        return {found for schema in schemas for found in self._known_dependents[schema]}
