"""Connections: one session to a database, its transactions, and the one place where it is found lost."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Self

from datajoint import logging
from datajoint.backends.base import Backend, Cursor, Dialect, Parameters, Session
from datajoint.backends.registry import get_backend
from datajoint.engine import catalog, observe, query_cache as caches
from datajoint.engine.user_sql import Rows, prepared
from datajoint.errors import ConfigurationError, DataJointError, LostConnectionError, TransactionError
from datajoint.settings.backend import ConnectionSettings, resolve_connection
from datajoint.settings.config import Config, load_config

if TYPE_CHECKING:
    from datajoint.graph.dependencies import DependencyGraph

__all__ = ["Connection", "Transaction"]

_COMMITS_IMPLICITLY = re.compile(
    r"\s*(create|alter|drop|rename|truncate|lock|grant|revoke|analyze|optimize)\b", re.IGNORECASE
)

_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 17), "PostgreSQL": (12,), "SQLite": (3, 38)}


@cache  # so that it is said once a process and version: CFG-18
def _look_at_version(server: str) -> None:
    """Say that a server is older than what DataJoint is tested with."""
    product, _, version = server.partition(" ")
    oldest = _OLDEST.get(product)
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if oldest is not None and found >= oldest:
        return
    supported = ", ".join(f"{name} {'.'.join(map(str, oldest))}" for name, oldest in _OLDEST.items())
    logging.logger.warning("%s is not supported: things may go wrong; supported from: %s", server, supported)


class _Opened:
    """The session of a connection, to be closed when the connection is forgotten or the process ends."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.session: Session | None = None

    def close(self) -> None:
        # A forked process must not say good-bye to the server in the name of its parent.
        if self.session is not None and self.process == os.getpid():
            self.session.close()


def _rolled_back() -> LostConnectionError:
    return LostConnectionError(
        "The connection was lost inside a transaction; everything of it was rolled back.",
        hint="Run the transaction again.",
        reason="rolled_back",
    )


class Transaction:
    """The open transaction of a connection.

    Attributes
    ----------
    before_commit
        Called, in order, as the last statements before COMMIT; this is where a block writes its event.
    depth
        Number of savepoints that are open.
    explicit
        Whether it was begun by ``start_transaction``.
    """

    __slots__ = ("before_commit", "depth", "explicit", "state", "thread")

    def __init__(self, explicit: bool) -> None:
        self.before_commit: list[Callable[[], None]] = []
        self.depth = 0
        self.explicit = explicit
        self.state: dict[str, Any] = {}
        self.thread = threading.get_ident()


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
        Settings that govern the work on this connection; those of the process by default.

    Examples
    --------
    >>> import datajoint as dj
    >>> with dj.Connection(backend="sqlite", database_name=":memory:") as connection:
    ...     connection.query("SELECT 1 + 1").fetchall()
    [(2,)]
    """

    def __init__(
        self, host: str | None = None, user: str | None = None, password: str | None = None,
        port: int | None = None, use_tls: Any = None, *, database_name: str | None = None,
        backend: str | None = None, config_override: Config | None = None,
    ) -> None:  # fmt: skip
        given = {
            "host": host, "user": user, "password": password, "port": port, "use_tls": use_tls,
            "name": database_name, "backend": backend,
        }  # fmt: skip
        config = config_override or load_config()
        config = config.copy(
            **{f"database__{name}": value for name, value in given.items() if value is not None}
        )
        self._start(resolve_connection(config), config)

    @classmethod
    def of(cls, settings: ConnectionSettings, config: Config) -> Self:
        """Open a connection whose settings are resolved already."""
        connection = cls.__new__(cls)
        connection._start(settings, config)
        return connection

    def _start(self, settings: ConnectionSettings, config: Config) -> None:
        self.settings = settings
        self.config = config
        self.backend: Backend = get_backend(settings.backend)
        self.schemas: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._cache: caches.QueryCache | None = None
        self._transaction: Transaction | None = None
        self._ended: Transaction | None = None  # that of a block which has not been left yet
        self._opened = _Opened()
        weakref.finalize(self, self._opened.close)
        self.session: Session = self._open()
        _look_at_version(self.session.server_version)

    # -------------------------------------------------------------------------------------- the session

    def _open(self) -> Session:
        database = self.config.database
        session = self.backend.session.open(
            self.settings, synchronous=database.synchronous, busy_timeout=database.busy_timeout
        )
        self._opened.session = session
        return session

    @cached_property
    def catalog(self) -> catalog.Catalog:
        """What is in the database."""
        return catalog.Catalog(self)

    @property
    def dialect(self) -> Dialect:
        """How SQL is written for this database."""
        return self.backend.dialect

    @property
    def server_version(self) -> str:
        """Product and version of the database."""
        return self.session.server_version

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return self.session.alive

    def ping(self) -> None:
        """Ask the server for a sign of life.

        Raises
        ------
        LostConnectionError
            When there is none.
        """
        self.session.ping()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._transaction = None
        self.session.close()

    def after_fork(self) -> None:
        """Open a session of our own in a forked process; that of the parent is left alone, never closed."""
        self._inherited = self.session  # kept: were it collected, the parent's session would be closed
        self._lock = threading.RLock()
        self._transaction = self._ended = None
        self._opened.process = os.getpid()
        self.session = self._open()

    def get_user(self) -> str:
        """Return user and host as the server reports them."""
        try:
            return self.session.user
        except LostConnectionError as error:
            with self._lock:
                self._reopen(error)
            return self.session.user

    @property
    def connection_id(self) -> int:
        """Number of the connection at the server."""
        return self.session.connection_id

    def register(self, schema: Any) -> None:
        """Take a schema that was activated on this connection into `schemas`."""
        self.schemas[schema.database] = schema

    @property
    def dependencies(self) -> DependencyGraph:
        """Foreign keys between the tables of the activated schemas and all that are connected with them."""
        for schema in list(self.schemas):
            self.catalog.load_family(schema)
        return self.catalog.graph

    @property
    def conn_info(self) -> dict[str, Any]:
        """Where the connection leads, without the password."""
        s = self.settings
        return {"backend": s.backend, "host": s.host, "port": s.port, "user": s.user, "database": s.name}

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
        with self._lock:
            self.check()
            if self._cache is not None:
                return self._cache.execute(partial(self._run, core=core), text, parameters)
            return self._run(text, parameters, core)

    def _run(self, text: str, parameters: Parameters, core: bool = False) -> Cursor:
        try:
            return self.session.execute(text, parameters, core)
        except LostConnectionError as error:
            self._reopen(error)
            return self.session.execute(text, parameters, core)

    def fetch_all(self, text: str, parameters: Parameters = (), core: bool = False) -> list[Any]:
        """Run one SELECT and return its rows as the driver gives them; `core` as for `execute`."""
        with self._lock:
            return self.execute(text, parameters, core).fetchall()

    def execute_batch(self, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
        """Run statements in one round trip: inside a transaction, or all of one from BEGIN to COMMIT."""
        with self._lock:
            self.check()
            if self._cache is not None:
                self._cache.refuse(statements[0][0])
            try:
                return self.session.execute_batch(statements)
            except LostConnectionError as error:
                self._reopen(error)
                return self.session.execute_batch(statements)

    def stream(
        self, text: str, parameters: Parameters = (), size: int = 10_000, core: bool = False
    ) -> Iterator[list[Any]]:
        """Yield the rows of a SELECT in chunks; `core` as for `execute`."""
        if self._cache is not None:
            yield self.fetch_all(text, parameters, core)
            return
        self.check()
        chunks = self.session.stream(text, parameters, size, core)
        try:
            first = next(chunks, None)
        except LostConnectionError as error:
            with self._lock:
                self._reopen(error)
            chunks = self.session.stream(text, parameters, size, core)
            first = next(chunks, None)
        if first is not None:
            yield first
            yield from chunks

    def query(
        self, query: str, args: Sequence[Any] = (), *, as_dict: bool = False, suppress_warnings: bool = True,
        reconnect: bool | None = None,
    ) -> Rows:  # fmt: skip
        """Run SQL of the user's own and return its rows.

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
        """
        if self.is_atomic and _COMMITS_IMPLICITLY.match(query):
            raise TransactionError(
                f"`{query.split(None, 1)[0].upper()}` would end the open transaction.",
                hint="Run it outside the transaction.",
            )
        observe.running_sql(self, query)
        with self._lock:
            return Rows(self.execute(prepared(query, args, self.dialect), tuple(args)), as_dict)

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

    def _reopen(self, error: LostConnectionError) -> None:
        """Open the session again after it was lost, where that cannot lose anything."""
        if self._transaction is not None:
            self._end()
            raise _rolled_back() from error
        if not self.config.database.reconnect or self.settings.name == ":memory:":
            raise error
        self.session.close()
        self.session = self._open()

    def _end(self) -> None:
        """Note that the database has ended the transaction; what is left of its block must not run alone."""
        if self._transaction is not None and not self._transaction.explicit:
            self._ended = self._transaction
        self._transaction = None

    def check(self) -> None:
        """Refuse what would run in a transaction of others, or outside the one it was meant for.

        Raises
        ------
        TransactionError
            When another thread is in a transaction, or the database has ended that of the present block.
        """
        self._check_thread()
        ended = self._ended if self._transaction is None or not self.in_transaction else None
        if ended is not None and ended.thread == threading.get_ident():
            raise TransactionError(
                "The database has rolled back the transaction of this block; nothing more can be done in it.",
                hint="Leave the block, and run it again.",
            )

    def _check_thread(self) -> None:
        if self._transaction is not None and self._transaction.thread != threading.get_ident():
            raise TransactionError(
                "This connection is in a transaction of another thread.",
                hint="Give each thread its own dj.Instance.",
            )

    # ------------------------------------------------------------------------------------- transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        if self._transaction is not None and not self.session.in_transaction:
            self._end()  # the server ended it by itself
        return self._transaction is not None

    @property
    def is_atomic(self) -> bool:
        """Whether what is written is stored with more to come: in a transaction, or in a make (POP-6)."""
        return self.in_transaction or observe.block(self) is not None

    @property
    def current(self) -> Transaction | None:
        """The open transaction, or None."""
        return self._transaction

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
        self._begin(explicit=True)

    def _begin(self, explicit: bool) -> Transaction:
        with self._lock:
            self.check()
            if self._cache is not None:
                self._cache.refuse("A transaction")
            try:
                self.session.begin()
            except LostConnectionError as error:
                self._reopen(error)
                self.session.begin()
            self._transaction = Transaction(explicit)
            return self._transaction

    def commit_transaction(self) -> None:
        """Commit the open transaction."""
        transaction = self._transaction
        if transaction is None or not self.in_transaction:
            raise TransactionError(
                "There is no transaction to commit.", hint="It may have been rolled back by an error."
            )
        self.check()
        try:
            for finish in transaction.before_commit:
                finish()
            self._commit()
        except BaseException:
            self.cancel_transaction()
            raise
        self._transaction = None

    def _commit(self) -> None:
        try:
            self.session.commit()
        except LostConnectionError as error:
            raise LostConnectionError(
                "The connection was lost during COMMIT; whether the transaction is stored is not known.",
                hint="Look for its rows before you run it again.",
                reason="unknown",
            ) from error

    def cancel_transaction(self) -> None:
        """Roll back the open transaction."""
        self._check_thread()
        self._transaction = None
        if self.session.alive:
            with suppress(LostConnectionError):  # which rolls back, too
                self.session.rollback()

    @property
    def transaction(self) -> Any:
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

    @contextmanager
    def _block(self) -> Generator[Self]:
        if (instead := observe.block(self)) is not None:
            with instead:
                yield self
            return
        if self.in_transaction:
            with self.savepoint():
                yield self
            return
        self._begin(explicit=False)
        try:
            yield self
            self.check()
            self.commit_transaction()
        except BaseException as error:
            self._ended = None
            self.cancel_transaction()
            if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
                raise _rolled_back() from error
            raise

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo only what is inside when it fails (TXN-2, TXN-6)."""
        transaction = self._transaction
        if transaction is None:
            raise TransactionError("A savepoint needs a transaction.")
        self.check()
        name = f"dj{transaction.depth}"
        finishers = len(transaction.before_commit)
        try:
            self.session.savepoint(name)
        except LostConnectionError as error:
            self._reopen(error)
        transaction.depth += 1
        try:
            yield
        except BaseException as error:
            del transaction.before_commit[finishers:]
            self._undo(name, error)
            raise
        finally:
            transaction.depth -= 1
        self.session.release(name)

    def _undo(self, name: str, error: BaseException) -> None:
        """Return to a savepoint, or note that the database has ended the transaction."""
        if not self.in_transaction:
            if isinstance(error, LostConnectionError) and error.context.get("reason") == "lost":
                raise _rolled_back() from error
            return
        try:
            self.session.rollback_to(name)
            self.session.release(name)
        except DataJointError as failed:
            self.cancel_transaction()
            raise failed from error
