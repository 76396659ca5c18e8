"""PostgreSQL: sessions through psycopg."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any, Self

from datajoint.backends.backend import Backend
from datajoint.backends.base import Cursor, Parameters, Session, changed_by, in_parts, milliseconds
from datajoint.backends.interruptions import interruption, wait_until
from datajoint.backends.postgresql import signals
from datajoint.backends.postgresql.catalog import PostgresqlCatalog
from datajoint.backends.postgresql.dialect import COPY_TYPES, PostgresqlDialect
from datajoint.backends.postgresql.errors import refused, translate
from datajoint.errors import ConfigurationError, DataJointError, TransactionError

if TYPE_CHECKING:
    from datajoint.backends.signals import Signals
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType
    from datajoint.settings.backend import ConnectionSettings

__all__ = ["BACKEND", "PostgresqlSession"]

OPTIONS = {
    "standard_conforming_strings": "on", "search_path": "pg_catalog", "DateStyle": "ISO",
    "bytea_output": "hex",
}  # fmt: skip
CONNECT_TIMEOUT = 10
LARGE = 1 << 16
"""Bytes of a row above which COPY is slower than INSERT."""

UNKNOWN_TYPE = 0
"""What the driver looks up for types it does not know: those of enum, whose values come as their labels."""

_FAILED = 3
"""Status of a transaction in which nothing more can be done."""

STALE_PLAN = "cached plan must not change result type"


class PostgresqlSession(Session):
    """One connection to a PostgreSQL server."""

    dialect = PostgresqlDialect()

    def __init__(self, connection: Any, where: str) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._where = where
        self._number = connection.info.backend_pid
        self._numbers = count(1)
        self._doubtful = False  # the driver may take statements for prepared that are not
        self._limited: float | None = None  # the limit that the server knows; -1: not known

    @classmethod
    def open(
        cls,
        settings: ConnectionSettings,
        *,
        synchronous: str = "FULL",  # noqa: ARG003
        busy_timeout: float = 30,  # noqa: ARG003
    ) -> Self:
        psycopg = _driver()
        logging.getLogger("psycopg").addFilter(_is_news)
        where = f"{settings.user}@{settings.host}:{settings.port}"
        try:
            connection = psycopg.connect(
                host=settings.host, port=settings.port, user=settings.user, password=settings.password,
                dbname=settings.name or "postgres", autocommit=True, client_encoding="utf8",
                connect_timeout=CONNECT_TIMEOUT, application_name="datajoint",
                cursor_factory=psycopg.RawCursor,
                options=" ".join(f"-c {name}={value}" for name, value in OPTIONS.items()),
                **_tls(settings.use_tls),
            )  # fmt: skip
        except psycopg.Error as error:
            if (raised := interruption(error)) is not None:
                raise raised from None
            raise refused(error, where) from error
        connection.adapters.register_loader(UNKNOWN_TYPE, psycopg.types.string.TextBinaryLoader)
        return cls(connection, where)

    # ------------------------------------------------------------------------------------------ statements

    def execute(self, text: str, parameters: Parameters = (), core: bool = False) -> Cursor:
        self._make_sure()
        prepare = True if not parameters and ";" in text.rstrip()[:-1] else None  # refuses several statements
        try:
            return self._cursor.execute(text, parameters, prepare=prepare, binary=core)
        except Exception as error:
            if STALE_PLAN in str(error) and not self.in_transaction:
                return self._execute_anew(text, parameters, core)
            raise self._failed(error, text) from error

    def _execute_anew(self, text: str, parameters: Parameters, core: bool) -> Cursor:
        """Forget prepared statements, which another client's ALTER TABLE made useless, and repeat."""
        try:
            self._forget_prepared()
            return self._cursor.execute(text, parameters, prepare=False, binary=core)
        except Exception as error:
            raise self._failed(error, text) from error

    def _make_sure(self) -> None:
        """Send the time limit where it has changed.

        After a batch has failed, forget prepared statements: the driver counts skipped ones, too.
        """
        if self.limit != self._limited and self._connection.info.transaction_status != _FAILED:
            self._send_limit()
        if self._doubtful and self._connection.info.transaction_status != _FAILED:
            self._doubtful = False
            with suppress(_driver().Error):  # a lost connection shows at the next statement
                self._forget_prepared()

    def _send_limit(self) -> None:
        text = "RESET statement_timeout"
        if self.limit is not None:
            text = f"SET statement_timeout = {milliseconds(self.limit)}"
        try:
            self._connection.execute(text, prepare=False)
        except Exception as error:
            raise self._failed(error, text) from error
        self._limited = self.limit

    def _forget_limit(self) -> None:
        """Note that the server may have returned to an earlier limit: ROLLBACK undoes SET."""
        if self._limited is not None or self.limit is not None:
            self._limited = -1

    def _forget_prepared(self) -> None:
        """Have server and driver forget; the driver only notices from a text that it has not sent before."""
        self._connection.execute(f"DEALLOCATE ALL -- {next(self._numbers)}", prepare=False)

    def execute_batch(self, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
        self._make_sure()
        if len(statements) > 1 and not any(parameters for _, parameters in statements):
            return self._execute_script([text for text, _ in statements])
        if len(statements) < 2 or not _driver().Pipeline.is_supported():
            return [changed_by(self.execute(text, parameters)) for text, parameters in statements]
        cursors: list[Any] = []
        try:
            with self._connection.pipeline():
                for text, parameters in statements:
                    cursors.append(self._connection.cursor())
                    cursors[-1].execute(text, parameters)
        except Exception as error:
            self._doubtful = True
            if self._connection.pgconn.pipeline_status:  # answers are on their way that nobody will read
                self.close()
            raise self._failed(error, ";\n".join(text for text, _ in statements)) from error
        return list(map(changed_by, cursors))

    def _execute_script(self, texts: Sequence[str]) -> list[int]:
        """Run texts without parameters, which the server takes as one."""
        text, cursor = ";\n".join(texts), self._connection.cursor()
        try:
            cursor.execute(text, prepare=False)
        except Exception as error:
            raise self._failed(error, text) from error
        counts = [cursor.rowcount]
        while cursor.nextset():
            counts.append(cursor.rowcount)
        return counts

    def execute_many(self, text: str, rows: Iterable[Parameters]) -> int:
        self._make_sure()
        try:
            cursor = self._connection.cursor()
            cursor.executemany(text, rows)
        except Exception as error:
            raise self._failed(error, text) from error
        return cursor.rowcount

    def stream(
        self, text: str, parameters: Parameters = (), size: int = 1000, core: bool = False
    ) -> Generator[list[Any]]:
        self._make_sure()
        cursor = _driver().RawServerCursor(self._connection, f"dj_{next(self._numbers)}", withhold=True)
        try:
            cursor.execute(text, parameters, binary=core)
            yield from in_parts(cursor.fetchmany, size)
        except Exception as error:
            raise self._failed(error, text) from error
        finally:
            with suppress(_driver().Error):  # in a failed transaction the cursor is gone already
                cursor.close()

    def load_rows(
        self, table: str, columns: Sequence[str], dtypes: Sequence[AttributeType],
        chunks: Sequence[Sequence[Sequence[Any]]], constants: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        first = chunks[0] if chunks else ()
        if sum(len(column[0]) for column in first if isinstance(column[0], bytes)) > LARGE:
            return super().load_rows(table, columns, dtypes, chunks, constants)
        constants = constants or {}
        types = [COPY_TYPES.get(t.kind) or self.dialect.column_type(t).split("(")[0] for t in dtypes]
        types += map(_constant_type, constants.values())
        names = ", ".join(map(self.dialect.quote, [*columns, *constants]))
        text = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
        self._make_sure()
        try:
            with self._connection.cursor() as cursor:
                with cursor.copy(text) as copy:
                    copy.set_types(types)
                    # As copy.write_row() does, without two more calls a row.
                    pack, send = copy.formatter.write_row, copy.writer.write
                    for row in _rows(dtypes, chunks, tuple(constants.values())):
                        if block := pack(row):
                            send(block)
                return cursor.rowcount
        except Exception as error:
            raise self._failed(error, text) from error

    # ---------------------------------------------------------------------------------------- transactions

    def begin(self) -> None:
        self.execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    def commit(self) -> None:
        self.execute("COMMIT")
        if self._cursor.statusmessage == "ROLLBACK":
            self._forget_limit()
            raise TransactionError(
                "The transaction was rolled back, because a statement in it had failed.",
                reason="failed_before",
            )

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")
            self._forget_limit()

    def rollback_to(self, name: str) -> None:
        super().rollback_to(name)
        self._forget_limit()

    @property
    def in_transaction(self) -> bool:
        return not self._connection.closed and self._connection.info.transaction_status != 0  # 0: idle

    # ------------------------------------------------------------------------------------------ connection

    @property
    def alive(self) -> bool:
        return not self._connection.closed

    def ping(self) -> None:
        self.execute("SELECT 1")

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def recover(self) -> bool:
        self._connection.pgconn.finish()
        return False

    @property
    def connection_id(self) -> int:
        return self._number

    def end_other(self, number: int, age: float) -> bool:
        # Behind a pooler the numbers are not those of the server.
        if self.execute("SELECT pg_backend_pid()").fetchone()[0] != self._number:
            return False
        end = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid = $1 AND pid <> $2 AND pg_backend_pid() = $2 "
            "AND usename = current_user "
            "AND backend_start < clock_timestamp() - make_interval(secs => $3) + '1 s'"
        )
        parameters = (number, self._number, age)
        return wait_until(lambda: self.execute(end, parameters).fetchone() is None)

    @property
    def user(self) -> str:
        return self._known("user")

    @property
    def server_version(self) -> str:
        number = self._known("server_version")
        return f"PostgreSQL {number // 10000}.{number % 10000}"

    def _known(self, what: str) -> Any:
        """Return what the driver knows of the connection, as long as it is open."""
        try:
            return getattr(self._connection.info, what)
        except _driver().Error as error:
            raise self.translate(error) from error

    def translate(self, exception: BaseException, text: str = "") -> DataJointError:
        return translate(exception, text, self._where, self.limit)

    def _failed(self, exception: Exception, text: str) -> DataJointError:
        """Return the translation of a driver's exception; what is none goes its way."""
        if not isinstance(exception, (_driver().Error, OverflowError)):
            raise exception
        if (raised := interruption(exception)) is not None:
            raise raised
        return self.translate(exception, text)


def _pack_json(text: str) -> bytes:
    return b"\x01" + text.encode()


_PACKERS: dict[str, Callable[[Any], Any]] = {"json": _pack_json, "uint64": Decimal}  # fmt: skip


def _rows(
    dtypes: Sequence[AttributeType], chunks: Iterable[Sequence[Sequence[Any]]], constants: Parameters
) -> Iterable[tuple[Any, ...]]:
    """Return rows as they are packed."""
    packers = [_PACKERS.get(dtype.kind) for dtype in dtypes]
    fixed = list(map(repeat, constants))
    return chain.from_iterable(
        zip(*map(_packed, packers, chunk), *fixed, strict=False)  # the constants have no end
        for chunk in chunks
    )


def _packed(pack: Callable[[Any], Any] | None, column: Sequence[Any]) -> Sequence[Any]:
    return column if pack is None else [None if value is None else pack(value) for value in column]


def _constant_type(value: Any) -> str:
    types: dict[Any, str] = {int: "int8", float: "float8", bool: "bool", bytes: "bytea"}
    return types.get(type(value), "text")


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out that a packet was given up after its first error, which is raised anyway."""
    return not str(record.msg).startswith("error ignored terminating")


def _tls(use_tls: Any) -> dict[str, Any]:
    """Return the driver's options (CFG-17)."""
    if isinstance(use_tls, Mapping):
        given: dict[str, Any] = dict(use_tls)  # pyright: ignore[reportUnknownArgumentType]
        return {"sslmode": "require", **given}
    return {"sslmode": {None: "prefer", True: "require", False: "disable"}[use_tls]}


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        if error.name not in ("psycopg", "psycopg_c", "psycopg_binary") and "libpq" not in str(error):
            path = f" ({error.path})" if error.path else ""
            raise ConfigurationError(
                f"The driver of PostgreSQL cannot be imported: {error}{path}.",
                hint="A module of yours may have the name of one that it uses.",
            ) from error
        raise ConfigurationError(
            "The driver of PostgreSQL is not installed.", hint="pip install 'datajoint[postgresql]'"
        ) from error
    return psycopg


def _signals(session: Session, tables: Sequence[TableName]) -> Signals:
    return signals.PostgresqlSignals(session, tables)


BACKEND = Backend("postgresql", PostgresqlSession.dialect, PostgresqlSession, PostgresqlCatalog, _signals)
