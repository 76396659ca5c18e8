"""Connections: what runs statements on a database."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Self, TypeVar

from datajoint._edge import edge
from datajoint._value import replace
from datajoint.backends.backend import Backend
from datajoint.backends.base import Cursor, Dialect, Parameters, Session, changed_by
from datajoint.engine import catalog, observe, query_cache as caches, unanswered, user_sql
from datajoint.engine.blocks import Cleanup, Owner
from datajoint.engine.guard import Guard, Stream, Transaction
from datajoint.engine.link import Link
from datajoint.engine.transactions import Inside, Savepoint, TransactionBlock, Transactions, Whole
from datajoint.errors import (
    ConfigurationError,
    DataJointError,
    LostConnectionError,
    MissingTableError,
    TransactionError,
    UnknownAttributeError,
)
from datajoint.graph import named
from datajoint.settings.backend import ConnectionSettings, resolve_connection
from datajoint.settings.config import Config, process_config
from datajoint.settings.secret import Secret

if TYPE_CHECKING:
    from datajoint.graph.dependencies import DependencyGraph
    from datajoint.graph.named import LoadedGraph

__all__ = ["Connection"]

T = TypeVar("T")


class Connection:
    """A connection to a database.

    Parameters
    ----------
    host, user, password, port, use_tls
        Where to connect; what is not given is taken from the settings.
    database_name
        The database on a PostgreSQL server, or the file of SQLite.
    backend
        ``sqlite``, ``postgresql`` or ``mysql``.
    config_override
        Settings that govern the work on this connection, as they are at each moment; ``dj.config`` by
        default.

    Examples
    --------
    >>> import datajoint as dj
    >>> with dj.Connection(backend="sqlite", database_name=":memory:") as connection:
    ...     connection.query("SELECT 1 + 1").fetchall()
    [(2,)]
    """

    @edge
    def __init__(
        self, host: str | None = None, user: str | None = None, password: str | None = None,
        port: int | None = None, use_tls: Any = None, *, database_name: str | None = None,
        backend: str | None = None, config_override: Config | None = None,
    ) -> None:  # fmt: skip
        given = {
            "host": host, "user": user, "password": password, "port": port, "use_tls": use_tls,
            "name": database_name, "backend": backend,
        }  # fmt: skip
        config = config_override or process_config()
        where = config.copy(
            **{f"database__{name}": value for name, value in given.items() if value is not None}
        )
        self._start(resolve_connection(where), config)

    @classmethod
    def of(cls, settings: ConnectionSettings, config: Config) -> Self:
        """Open a connection whose settings are resolved already."""
        connection = cls.__new__(cls)
        connection._start(settings, config)
        return connection

    def _start(self, settings: ConnectionSettings, config: Config) -> None:
        self.settings = settings
        self.config = config
        self.schemas: dict[str, Any] = {}
        self.observers: dict[int, observe.Observer[Any]] = {}  # makes that run; told of reads by any thread
        self._cache: caches.QueryCache | None = None
        self._link = Link(settings, config)
        self.dialect: Dialect = self._link.session.dialect  # MySQL and MariaDB differ, as a session finds
        self._guard = Guard(self._link, self._look_anew)
        self._transactions = Transactions(self._guard)
        weakref.finalize(self, self._link.close)

    def _look_anew(self) -> None:
        """Read the catalog again: a server that has lost its power has lost what was declared just before."""
        self.catalog.clear()

    # -------------------------------------------------------------------------------------- the session

    @property
    def backend(self) -> Backend:
        """What the database is spoken to with."""
        return self._link.backend

    @property
    def session(self) -> Session:
        """The session that is open now, to be looked at: what is sent goes through the guard."""
        return self._link.session

    @property
    def losses(self) -> int:
        """How often what a session was doing may have been lost: with it, or because it was interrupted."""
        return self._guard.number

    @cached_property
    def catalog(self) -> catalog.Catalog:
        """What is in the database."""
        return catalog.Catalog(self)

    @property
    def server_version(self) -> str:
        """Product and version of the database."""
        return self.session.server_version

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return self.session.alive

    @edge
    def ping(self) -> None:
        """Ask the server for a sign of life.

        Raises
        ------
        LostConnectionError
            When there is none.
        """
        with self._link.lock:
            self._guard.ping()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._guard.close()

    def after_fork(self) -> None:
        """Open a session of our own in a forked process; that of the parent is left alone, never closed."""
        self._guard.after_fork()
        self._link.after_fork()

    def get_user(self) -> str:
        """Return user and host as the server reports them."""
        return self._repeated(lambda session: session.user)

    @property
    def connection_id(self) -> int:
        """Number of the connection at the server."""
        return self._repeated(lambda session: session.connection_id)

    def use_password(self, password: str) -> None:
        """Open later sessions, after a loss, with another password."""
        self.settings = self._link.settings = replace(self.settings, password=password)

    def register(self, schema: Any) -> None:
        """Take a schema that was activated on this connection into `schemas`."""
        self.schemas[schema.database] = schema

    @property
    def graph(self) -> DependencyGraph:
        """Foreign keys between the tables of the activated schemas and all that are connected with them."""
        for schema in list(self.schemas):
            self.catalog.load_family(schema)
        return self.catalog.graph

    @cached_property
    def dependencies(self) -> LoadedGraph:
        """Foreign keys between tables by their full names, in the interface of a graph of networkx."""

        def read(force: bool) -> DependencyGraph:
            if force:
                self.catalog.clear()
            return self.graph

        return named.LoadedGraph(read, self.dialect.table)

    @property
    def adapter(self) -> Dialect:
        """The SQL of the database, under the name that older code uses."""
        return self.dialect

    @property
    def conn_info(self) -> dict[str, Any]:
        """Where the connection leads, with all that older code opens another connection with.

        `passwd` shows as stars where the dict is printed; it is used as any text.
        """
        s = self.settings
        return {
            "backend": s.backend, "host": s.host, "port": s.port, "user": s.user,
            "passwd": None if s.password is None else Secret(s.password),
            "database": s.name, "database_name": s.name, "ssl": s.use_tls, "ssl_input": s.use_tls,
        }  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        s = self.settings
        where = s.name if s.backend == "sqlite" else f"{s.user}@{s.host}:{s.port}"
        state = "connected" if self.is_connected else "closed"
        return f"DataJoint connection ({state}) {s.backend} {where}"

    # --------------------------------------------------------------------------------------- statements

    def execute(self, text: str, parameters: Parameters = (), core: bool = False) -> Cursor:
        """Run one statement of ours; outside a transaction a lost connection is re-opened once (TXN-3).

        Parameters
        ----------
        core
            Whether all columns of the result are of core types, for which drivers have a faster form.
        """
        with self._link.lock:
            run: Callable[..., Cursor] = self._guard.execute
            if self._cache is not None:
                self._guard.check()
                run = partial(self._cache.execute, run)
            try:
                return run(text, parameters, core)
            except LostConnectionError as error:
                self._reopen(error)
                return run(text, parameters, core)
            except (MissingTableError, UnknownAttributeError):
                self.catalog.clear()  # others have altered a table, or dropped it: it is to be read anew
                raise

    def _repeated(self, act: Callable[[Session], T]) -> T:
        """Call what speaks to the session, once more where that was lost outside a transaction."""
        with self._link.lock:
            try:
                return self._guard.call(act)
            except LostConnectionError as error:
                self._reopen(error)
                return self._guard.call(act)

    def _reopen(self, error: LostConnectionError) -> None:
        """Open the session again after a statement was lost with it, so that it can be repeated."""
        try:
            self._guard.reopen(error)
        except LostConnectionError as failed:
            failed.context["sent"] = error.context.get("sent", True)
            raise

    def _execute_once(self, word: str, text: str, parameters: Parameters) -> Cursor:
        """Run a statement that may change anything, and does so twice if it is repeated."""
        if not self.in_transaction:
            self._repeated(_ping)  # a connection that was lost before is opened again
        try:
            return unanswered.execute_once(self._guard, word, text, parameters)
        except (MissingTableError, UnknownAttributeError):
            self.catalog.clear()
            raise

    def fetch_all(self, text: str, parameters: Parameters = (), core: bool = False) -> list[Any]:
        """Run one SELECT and return its rows as the driver gives them; `core` as for `execute`."""
        with self._link.lock:
            return self._read(text, self.execute(text, parameters, core).fetchall)

    def fetch_few(self, text: str, parameters: Parameters, size: int, core: bool = False) -> list[Any]:
        """Run one SELECT and return up to `size` rows as the driver gives them; `core` as for `execute`."""
        with self._link.lock:
            cursor = self.execute(text, parameters, core)
            return self._read(text, partial(cursor.fetchmany, size))

    def _read(self, text: str, fetch: Callable[[], T]) -> T:
        """Return rows; SQLite computes them now, and drivers refuse values that Python cannot hold."""
        try:
            return fetch()
        except DataJointError:
            raise
        except Exception as error:
            raise self._link.session.translate(error, text) from error

    def change(self, text: str, parameters: Parameters = ()) -> int:
        """Run one statement of ours and return the number of rows that it changed."""
        with self._link.lock:
            return changed_by(self.execute(text, parameters))

    def load_rows(self, *arguments: Any) -> int:
        """Insert many rows the fastest way, in the open transaction; see `Session.load_rows`."""
        with self._link.lock:
            return self._guard.call(_load_rows, *arguments)

    def execute_batch(
        self, statements: Sequence[tuple[str, Parameters]], whole: bool = False, unhurried: bool = False
    ) -> list[int]:
        """Run statements in one round trip.

        Parameters
        ----------
        whole
            Whether they are all of a transaction, from BEGIN to COMMIT, of which nothing is left when it
            fails.
        unhurried
            Whether their commit may be on the disk a little later.
        """
        with self._link.lock:
            self.check()
            self._refuse_for_cache(statements[0][0])
            act: Any = methodcaller("execute_batch", statements)  # adds no frame
            act = partial(_unhurried, statements=statements) if unhurried else act
            try:
                try:
                    return self._guard.call(act)
                except LostConnectionError as error:
                    self._reopen(error)
                    return self._guard.call(act)
            except BaseException as error:
                if whole:  # before another thread begins one
                    self._transactions.cancel()
                if isinstance(error, MissingTableError | UnknownAttributeError):
                    self.catalog.clear()
                raise

    def stream(
        self, text: str, parameters: Parameters = (), size: int = 10_000, core: bool = False
    ) -> Iterator[list[Any]]:
        """Yield the rows of a SELECT in chunks; `core` as for `execute`."""
        if self._cache is not None:
            yield self.fetch_all(text, parameters, core)
            return
        # Only what is sent and received is under the lock: who has a part of the rows may take long.
        stream, rows = self._first(text, parameters, size, core)
        while rows is not None:
            yield rows
            rows = stream.read()

    def _first(
        self, text: str, parameters: Parameters, size: int, core: bool
    ) -> tuple[Stream, list[Any] | None]:
        with self._link.lock:
            try:
                stream = self._guard.stream(text, parameters, size, core)
                return stream, stream.read()
            except LostConnectionError as error:
                self._guard.reopen(error)
                stream = self._guard.stream(text, parameters, size, core)
                return stream, stream.read()

    @edge
    def query(
        self, query: str, args: Sequence[Any] = (), *, as_dict: bool = False, suppress_warnings: bool = True,
        reconnect: bool | None = None,
    ) -> user_sql.Rows:  # fmt: skip
        """Run SQL of the user's own and return its rows.

        A statement that may write is sent once: where the connection is lost before its answer, the error
        says that it may have been carried out. A query is repeated on another session.

        Parameters
        ----------
        query
            One statement in the dialect of the database.
        args
            Values for its placeholders: ``%s``, or those of the database.
        as_dict
            Return the rows as dicts.
        suppress_warnings, reconnect
            Accepted, without effect: warnings are not shown, ``database.reconnect`` decides.

        Raises
        ------
        TransactionError
            When the statement would end the open transaction.
        LostConnectionError
            When the connection was lost; the reason ``unknown`` in its context says that the statement may
            have been carried out.
        """
        args = user_sql.checked(query, args)
        word = user_sql.first_word(query, self.dialect)
        if self.is_atomic and word in user_sql.COMMITS:
            raise TransactionError(
                f"`{word}` would end the open transaction.", hint="Run it outside the transaction."
            )
        observe.running_sql(self, query)
        with self._link.lock:
            try:
                text, values = user_sql.prepared(query, args, self.dialect), tuple(args)
                repeats = (
                    word in user_sql.READS or self._cache is not None or not self.dialect.features.server
                )
                cursor = self.execute(text, values) if repeats else self._execute_once(word, text, values)
                return self._read(query, partial(user_sql.Rows, cursor, as_dict))
            finally:
                if word in user_sql.DECLARES:  # also after an error: a part of it may have been done
                    self.catalog.clear()

    @edge
    def set_query_cache(self, query_cache: str | None = None) -> None:
        """Answer queries that were asked before from the folder of the setting `query_cache`.

        While it is on, everything but queries is refused, and changes in the database go unnoticed.

        Parameters
        ----------
        query_cache
            Name of the cache: results are kept by name. None turns it off.

        Raises
        ------
        ConfigurationError
            When no folder is set.

        Examples
        --------
        >>> import datajoint as dj, tempfile
        >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
        >>> connection.config.query_cache = tempfile.mkdtemp()
        >>> connection.set_query_cache("figures")
        >>> connection.query("SELECT 1").fetchall()
        [(1,)]
        >>> connection.set_query_cache()
        """
        self._cache = None
        if query_cache is not None:
            s = self.settings
            where = f"{s.backend} {s.host} {s.port} {s.name} {s.user}"
            self._cache = caches.QueryCache(self._cache_folder(), query_cache, where)

    @edge
    def purge_query_cache(self) -> None:
        """Delete all that is kept in the folder of the setting `query_cache`.

        Examples
        --------
        >>> import datajoint as dj, tempfile
        >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
        >>> connection.config.query_cache = tempfile.mkdtemp()
        >>> connection.purge_query_cache()
        """
        caches.purge(self._cache_folder())

    def _cache_folder(self) -> str:
        folder = self.config.query_cache
        if not folder:
            raise ConfigurationError(
                "There is no folder for cached queries, by the setting query_cache.",
                hint="Set dj.config.query_cache = '/path/of/a/folder'.",
            )
        return str(folder)

    # ------------------------------------------------------------------------------------- transactions

    def check(self) -> None:
        """Refuse what would run in a transaction of others, or outside the one it was meant for.

        Raises
        ------
        TransactionError
            When another thread is in a transaction, or the database has ended that of the present block.
        """
        with self._link.lock:
            self._guard.check()

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is in a transaction."""
        return self._guard.is_open

    @property
    def is_atomic(self) -> bool:
        """Whether what is written is stored with more to come: in a transaction, or in a make (POP-6)."""
        return self.in_transaction or observe.block(self) is not None

    @property
    def current(self) -> Transaction | None:
        """The open transaction, or None."""
        return self._guard.current

    @edge
    def start_transaction(self) -> None:
        """Begin a transaction.

        Raises
        ------
        TransactionError
            When one is open already.
        """
        self.check()
        if self.is_atomic:
            raise TransactionError(
                "Nested transactions are not supported.",
                hint="Commit or cancel the open one first, or nest `with connection.transaction:` blocks.",
            )
        self._refuse_for_cache("A transaction")
        self._transactions.start()

    @edge
    def commit_transaction(self) -> None:
        """Commit the open transaction."""
        self._transactions.commit()

    @edge
    def cancel_transaction(self) -> None:
        """Roll back the open transaction."""
        self._transactions.cancel()

    @property
    def transaction(self) -> AbstractContextManager[Self]:
        """Context of a transaction: committed at exit, rolled back on any exception; nested, a savepoint.

        Examples
        --------
        >>> import datajoint as dj
        >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
        >>> with connection.transaction:
        ...     connection.in_transaction
        True
        """
        return self._block()

    def _block(self) -> TransactionBlock | Inside:
        instead = observe.block(self)
        if instead is not None:
            return Inside(instead, self)
        self._refuse_for_cache("A transaction")
        return TransactionBlock(self._transactions, self)

    def whole(self) -> Whole:
        """Context of a transaction of ours, for whose end other threads wait; a user's may last.

        Examples
        --------
        >>> import datajoint as dj
        >>> with dj.Instance(backend="sqlite", database__name=":memory:").connection.whole() as connection:
        ...     connection.in_transaction
        True
        """
        return Whole(self._transactions, self._block)

    def savepoint(self) -> Savepoint:
        """Undo only what is inside when it fails (TXN-2, TXN-6)."""
        return Savepoint(self._transactions)

    def clean_up_after(self, owner: Owner, cleanup: Cleanup) -> None:
        """Let the next statement clean up after a block if that cannot do so because it was interrupted."""
        self._guard.cleanups.add(owner, cleanup)

    def cancel_cleanup(self, cleanup: Cleanup) -> None:
        """Forget a cleanup: its block has released all it held."""
        self._guard.cleanups.cancel(cleanup)

    def return_to(self, savepoint: str) -> None:
        """Undo what was done since a savepoint of the open transaction, and forget it.

        Parameters
        ----------
        savepoint
            Its name; where it is not set any more, the whole transaction is undone.
        """
        with self._link.lock:
            try:
                self._guard.call(_return_to, savepoint)
            except DataJointError:
                self.cancel_transaction()
                raise

    def _refuse_for_cache(self, what: str) -> None:
        if self._cache is not None:
            self._cache.refuse(what)


def _ping(session: Session) -> None:
    session.ping()


def _unhurried(session: Session, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
    with session.unhurried():
        return session.execute_batch(statements)


def _load_rows(session: Session, *arguments: Any) -> int:
    return session.load_rows(*arguments)


def _return_to(session: Session, savepoint: str) -> None:
    session.rollback_to(savepoint)
    session.release(savepoint)
