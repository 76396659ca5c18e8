"""Schemas: decorators that attach table classes to a database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, TypeVar, cast

from datajoint._edge import edge
from datajoint.engine import define, lineage
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance
from datajoint.errors import DataJointError, MissingTableError, TransactionError, nearest
from datajoint.heading.names import TableName
from datajoint.journal.events import event
from datajoint.schemas import grants, queues, virtual
from datajoint.schemas.bind import attach
from datajoint.schemas.computing import Computing
from datajoint.schemas.recorded import Recorded
from datajoint.schemas.resolve import Scope, caller_scope
from datajoint.sql.system import EVENTS, LINEAGE
from datajoint.table import external as stores, prompt as prompts
from datajoint.table.free import FreeTable

__all__ = ["Schema", "list_schemas"]

T = TypeVar("T", bound=type)
_SYSTEM = frozenset(("information_schema", "mysql", "performance_schema", "pg_catalog", "sys"))
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@edge
class Schema(Computing, Recorded):
    """A schema of the database, and the decorator of its table classes.

    Parameters
    ----------
    schema_name
        Name in the database; without it the schema is activated later.
    context
        Namespace in which references are looked up, instead of that of the caller.
    connection
        Where the schema is; the shared connection by default.
    create_schema
        Make the schema when it is missing.
    create_tables
        Make missing tables of decorated classes; default is the setting ``database.create_tables``.
    add_objects
        Further names for references.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> schema.list_tables()
    ['subject']
    """

    def __init__(
        self, schema_name: str | None = None, context: Mapping[str, Any] | None = None, *,
        connection: Connection | None = None, create_schema: bool = True, create_tables: bool | None = None,
        add_objects: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._name = None
        self._create_schema = create_schema
        self._create_tables = create_tables
        self._context = context
        self._objects: dict[str, Any] = dict(add_objects or {})
        self._waiting: list[tuple[Any, Scope]] = []
        self._just_read = False
        if schema_name is not None:
            self.activate(schema_name)

    # --------------------------------------------------------------------------------------- activation

    def activate(
        self, schema_name: str | None = None, *, connection: Connection | None = None,
        create_schema: bool | None = None, create_tables: bool | None = None,
        add_objects: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Attach to the schema in the database and declare the classes decorated so far (SCH-2).

        Raises
        ------
        DataJointError
            When no name is given, or the schema is attached to another one.
        """
        if (schema_name is None or schema_name == "") and not self.is_activated():
            raise DataJointError("Please provide a schema_name to activate the schema.")
        if self.is_activated():
            if schema_name is not None and self._prefixed(schema_name) != self._name:
                raise DataJointError(f"The schema is already activated for schema `{self._name}`.",
                                     hint=f"Make another dj.Schema for `{schema_name}`.")  # fmt: skip
            return
        if connection is not None:
            self._connection = connection
        self._objects.update(add_objects or {})
        self._create_schema = self._create_schema if create_schema is None else create_schema
        self._create_tables = self._create_tables if create_tables is None else create_tables
        if not isinstance(schema_name, str):
            raise DataJointError(f"A schema is named by text, not by {schema_name!r:.60}.")
        self._open(schema_name)
        waiting, self._waiting = self._waiting, []
        for cls, scope in waiting:
            attach(self, cls, (self._objects, *scope))

    def _prefixed(self, name: str) -> str:
        """Put the configured prefix before a name that does not begin with it."""
        prefix = self.connection.config.database.database_prefix
        return name if name.startswith(prefix) else prefix + name

    def _open(self, name: str) -> None:
        _check_connection(self.connection)
        if not (self.connection.dialect.features.any_schema_name or _NAME.fullmatch(name)):
            raise DataJointError(
                f"`{name}` is no schema name.", hint="Use lower-case letters, digits and underscores."
            )
        connection, name = self.connection, self._prefixed(name)
        if name.lower() in _SYSTEM:
            raise DataJointError(f"`{name}` is a schema of the database itself.", hint="Choose another name.")
        longest = connection.dialect.max_identifier
        if len(name.encode()) > longest:
            raise DataJointError(f"The schema name `{name}` is longer than {longest} characters.")
        if not connection.catalog.reader.schema_exists(name):
            if not self._create_schema:
                meant = nearest(name, connection.catalog.reader.list_schemas())
                raise DataJointError(
                    f"Database schema `{name}` has not yet been declared.",
                    hint=f"{meant or ''} Set create_schema=True.".strip(),
                )
            _refuse_inside(connection, name)
            define.create_schema(connection, name)
        self._just_read = not connection.catalog.knows(name)
        connection.catalog.load([name])
        bare = self.create_tables and TableName(name, EVENTS) not in connection.catalog.tables(name)
        if bare:
            _refuse_inside(connection, name)
        self._name = name
        connection.register(self)
        if bare:
            event.prepare(connection, name)

    def __call__(self, cls: T, *, context: Mapping[str, Any] | None = None) -> T:
        """Decorate a table class."""
        given = context if context is not None else self._context
        scope = (given,) if given is not None else caller_scope(beyond=self)
        if self.is_activated():
            attach(self, cls, (self._objects, *scope))
        else:
            self._waiting.append((cls, scope))
        return cls

    @property
    def context(self) -> Mapping[str, Any] | None:
        """Where the names in definitions are looked up; None for the scope of each decorator."""
        return self._context

    @property
    def add_objects(self) -> dict[str, Any]:
        """Further names for references."""
        return self._objects

    @property
    def declare_list(self) -> list[tuple[Any, Mapping[str, Any]]]:
        """Classes that wait for the activation, with the namespace of each."""
        return [(cls, scope[0]) for cls, scope in self._waiting]

    @property
    def create_schema(self) -> bool:
        """Whether a missing schema is made."""
        return self._create_schema

    @property
    def exists(self) -> bool:
        """Whether the schema is there in the database."""
        return self.connection.catalog.reader.schema_exists(self.database)

    # ------------------------------------------------------------------------------------------- tables

    def _names(self, reread: bool = True) -> list[TableName]:
        catalog = self.connection.catalog
        if reread:
            catalog.forget(self.database)  # other clients may have declared tables
        names = [name for name in catalog.tables(self.database) if not name.name.startswith("~")]
        return catalog.graph.sorted(names)

    def list_tables(self) -> list[str]:
        """Return the names of the tables, parents first; those of the platform left out (SCH-6)."""
        return [name.name for name in self._names()]

    def _find(self, name: str) -> TableName | None:
        names = self._names()
        for table in names:
            if name in (table.name, table.class_name):
                return table
        return next((table for table in names if name == table.name.lstrip("#_")), None)

    def get_table(self, name: str) -> FreeTable:
        """Return a table by the name of its class or its name in the database.

        Raises
        ------
        MissingTableError
            When there is no such table.
        """
        found = self._find(name)
        if found is None:
            names = [n for table in self._names() for n in (table.name, table.class_name)]
            raise MissingTableError(
                f"Schema `{self.database}` has no table `{name}`.", hint=nearest(str(name), names)
            )
        return FreeTable(self.connection, found)

    @property
    def jobs(self) -> queues.Queues:
        """The job queues that exist in the schema; restricted, their jobs as those of one table (SCH-10)."""
        names = [n for n in self.connection.catalog.tables(self.database) if n.name.startswith("~~")]
        return queues.Queues(FreeTable(self.connection, name) for name in sorted(names, key=lambda n: n.name))

    def __getitem__(self, name: str) -> FreeTable:
        return self.get_table(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def __iter__(self) -> Iterator[FreeTable]:
        return iter([FreeTable(self.connection, name) for name in self._names()])

    def make_classes(self, into: dict[str, Any] | ModuleType | None = None) -> None:
        """Put a class for each table without one into a namespace (SCH-8).

        Parameters
        ----------
        into
            A dict or a module; the module of the caller by default, also where a function calls.
        """
        virtual.fill_namespace(self.connection, self._names(), _namespace(into, self))

    def _fill(self, into: dict[str, Any]) -> None:
        """Put the classes into a namespace right after the activation, which may have read the tables."""
        virtual.fill_namespace(self.connection, self._names(reread=not self._just_read), into)

    def spawn_missing_classes(self, context: dict[str, Any] | ModuleType | None = None) -> None:
        """Do as `make_classes`, in older spelling."""
        virtual.fill_namespace(self.connection, self._names(), _namespace(context, self))

    # ------------------------------------------------------------------------------------------ lineage

    @property
    def external(self) -> stores.ExternalMapping:
        """The tables in which 0.1x counted the objects of its stores; there are none here."""
        self.connection.catalog.forget(self.database)
        tables = self.connection.catalog.tables(self.database)
        return stores.ExternalMapping(
            self.database, [t.name for t in tables if t.name.startswith("~external")]
        )

    @property
    def lineage_table_exists(self) -> bool:
        """Whether the schema keeps the lineage of attributes."""
        return self.connection.catalog.find(TableName(self.database, LINEAGE)) is not None

    @property
    def lineage(self) -> dict[str, str]:
        """``{"schema.table.attribute": lineage}`` of the schema (LIN-6)."""
        if not self.lineage_table_exists:
            return {}
        rows = FreeTable(self.connection, TableName(self.database, LINEAGE)).to_dicts()
        return {
            f"{self.database}.{row['table_name']}.{row['attribute_name']}": row["lineage"] for row in rows
        }

    def rebuild_lineage(self) -> None:
        """Write the lineage of all tables again, from their foreign keys."""
        lineage.rebuild_lineage(self.connection, self.database)

    # --------------------------------------------------------------------------------------------- drop

    def drop(self, prompt: bool | None = None, *, force: bool = False) -> None:
        """Drop the schema and all its tables.

        Parameters
        ----------
        prompt
            Ask first; default is the setting ``safemode``.
        force
            Do not ask; the older spelling of ``prompt=False``.

        Raises
        ------
        DataJointError
            When other schemas depend on it; nothing is dropped then (SCH-5).
        """
        prompt = False if force else prompt
        prompts.refuse_conditions("schema", "drop", prompt)
        name, catalog = self.database, self.connection.catalog
        if not self.exists:
            return
        catalog.clear()
        graph = catalog.load_family(name)
        outside = {
            edge.child
            for table in self._names()
            for edge in graph.to_children(table)
            if edge.child.schema != name
        }
        if outside:
            raise DataJointError(
                f"Schema `{name}` cannot be dropped: other schemas depend on it: "
                + ", ".join(sorted(f"`{child}`" for child in outside)) + ".",
                hint="Drop the dependent tables first.",
            )  # fmt: skip
        tables = self._names()
        if not prompts.confirm(
            self.connection.config, prompt, f"Drop schema `{name}` with {len(tables)} tables?"
        ):
            return
        system = [table for table in catalog.tables(name) if table.name.startswith("~")]
        system.sort(key=lambda table: table.name == LINEAGE)
        define.drop_tables(self.connection, [*tables[::-1], *system])
        define.drop_schema(self.connection, name)

    # ------------------------------------------------------------------------------------------- rights

    def grant(self, user: str, level: str) -> None:
        """Give a user or role of the server the rights that a kind of work needs.

        Parameters
        ----------
        user
            Name of a user or role; on MySQL ``"name@host"``, without a host ``name@%``.
        level
            ``"reader"`` reads everything; ``"writer"`` also inserts, updates and deletes in manual tables;
            ``"computer"`` also does so in imported and computed tables, and keeps job queues; ``"admin"``
            does everything, and declares. Each has what it needs of the tables of the platform, such as the
            one of events.

        Raises
        ------
        DataJointError
            When the level is unknown, or the database has no users.
        AccessError
            When you may not give these rights yourself.

        Notes
        -----
        Tables declared later are readable at once (on PostgreSQL: when you declare them); grant again for the
        right to write to them. Rights can be given to several levels one after the other. Tables of other
        schemas that this one refers to have rights of their own. On PostgreSQL a table is altered and dropped
        by its owner alone.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.grant("ann", "reader")
        Traceback (most recent call last):
        ...
        datajoint.errors.DataJointError: SQLite has no users, so that there are no rights to give on `lab`.
        Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.
        """
        grants.grant(self, user, level)

    def revoke(self, user: str, level: str | None = None) -> None:
        """Take rights away that `grant` has given; reading remains unless ``level`` is ``"reader"`` or None.

        Parameters
        ----------
        user
            Name of a user or role.
        level
            As for `grant`; None takes everything.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> schema.revoke("ann")
        Traceback (most recent call last):
        ...
        datajoint.errors.DataJointError: SQLite has no users, so that there are no rights to give on `lab`.
        Protect the file by the rights of the operating system, or use PostgreSQL or MySQL.
        """
        grants.revoke(self, user, level)

    def __repr__(self) -> str:
        return f"Schema `{self._name}`\n" if self._name else "Schema (not activated)"


def _namespace(into: object, schema: Schema) -> dict[str, Any]:
    """Return the namespace that classes are put into, by default that of the module that called."""
    found = caller_scope(3, beyond=schema)[-1] if into is None else into
    if isinstance(found, ModuleType):
        return found.__dict__
    if not isinstance(found, dict):
        raise DataJointError(f"Classes are put into a dict or a module, not into {found!r:.60}.")
    return cast("dict[str, Any]", found)


def _check_connection(connection: object) -> None:
    if not isinstance(connection, Connection):
        raise DataJointError(
            f"{connection!r:.60} is no connection.",
            hint="Give dj.conn(), or the connection of a dj.Instance.",
        )


def _refuse_inside(connection: Connection, name: str) -> None:
    if connection.is_atomic:
        raise TransactionError(
            f"Cannot set up schema `{name}` inside a transaction.", hint="Activate it before or after."
        )


@edge
def list_schemas(connection: Connection | None = None) -> list[str]:
    """Return the names of the schemas that the user may see (SCH-10).

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> list_schemas(schema.connection)
    ['lab']
    """
    connection = connection or default_instance("dj.list_schemas()").connection
    _check_connection(connection)
    return connection.catalog.reader.list_schemas()
