"""MySQL and MariaDB: sessions through PyMySQL."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache, lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from datajoint.backends import phrases
from datajoint.backends.backend import Backend
from datajoint.backends.base import Cursor, Parameters, Session, in_parts, is_timed, milliseconds
from datajoint.backends.interruptions import interruption, wait_until
from datajoint.backends.mysql import signals
from datajoint.backends.mysql.catalog import MysqlCatalog
from datajoint.backends.mysql.dialect import MysqlDialect, binary_literal
from datajoint.backends.mysql.errors import LOST, NO_TLS, refused, translate
from datajoint.backends.mysql.load import NOT_SERVED, can_load, load_statement, load_text
from datajoint.backends.mysql.results import packet_reader, result_class
from datajoint.errors import DataJointError, DuplicateError, QueryError

if TYPE_CHECKING:
    from datajoint.backends.signals import Signals
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType
    from datajoint.settings.backend import ConnectionSettings

__all__ = ["BACKEND", "MysqlSession"]

SQL_MODE = (
    "NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
    "ONLY_FULL_GROUP_BY"
)
"""The mode of all DataJoint sessions (interop §1.1)."""

CONNECT_TIMEOUT = 10
CHARSET = "utf8mb4"
PACKET = 1 << 20
"""Bytes of SQL after which another packet is begun; servers take 16 MB or more by default."""

_LARGEST, _SMALLEST = "1.7976931348623157e308", "5e-324"
_MOST_DIGITS, _MOST_PLACES = 80, 30
"""Beyond, the server cuts a decimal in silence, and then it may equal what a column holds."""
_BEFORE_LOAD = "dj_load"
IN_TRANSACTION = 1
_TOKENS = re.compile(
    r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|`(?:[^`]|``)*`"""
    r"""|--[ \t\n][^\n]*|\#[^\n]*|/\*.*?\*/|(;\s*\S)""",
    re.DOTALL,
)
_INTO = re.compile(r"\s*(?:INSERT|REPLACE|UPDATE)\b[^`]*`((?:[^`]|``)+)`\.`((?:[^`]|``)+)`", re.IGNORECASE)


_ROUNDING = 2
"""Seconds by which what the server says of its uptime may be too much."""


class MysqlSession(Session):
    """One connection to a MySQL or MariaDB server."""

    def __init__(self, connection: Any, where: str, again: Mapping[str, Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._where = where
        self._again = again
        self._mariadb = "mariadb" in connection.get_server_info().lower()
        self.dialect = self._literals = MysqlDialect(self._mariadb)
        self._user: str | None = None
        self._serves = True  # whether the server reads files of ours
        self._limited: float | None = None  # the limit that a MySQL server knows

    @classmethod
    def open(
        cls,
        settings: ConnectionSettings,
        *,
        synchronous: str = "FULL",  # noqa: ARG003
        busy_timeout: float = 30,  # noqa: ARG003
    ) -> Self:
        driver = _driver()
        where = f"{settings.user}@{settings.host}:{settings.port}"
        options: dict[str, Any] = {
            "host": settings.host, "port": settings.port, "user": settings.user,
            "password": (settings.password or "").encode(),  # of a text the driver takes Latin 1 only
            "database": None, "charset": CHARSET, "autocommit": None,
            "connect_timeout": CONNECT_TIMEOUT, "conv": _conversions(),
            "client_flag": driver.constants.CLIENT.MULTI_STATEMENTS | driver.constants.CLIENT.FOUND_ROWS
            | driver.constants.CLIENT.LOCAL_FILES,
        }  # fmt: skip
        try:
            connection, used = _connect(options, settings.use_tls)
        except (driver.Error, OSError, ValueError, TypeError) as error:
            if (raised := interruption(error)) is not None:
                raise raised from None
            raise refused(error, where) from error
        return cls(connection, where, used)

    # ------------------------------------------------------------------------------------------ statements

    def execute(
        self,
        text: str,
        parameters: Parameters = (),
        core: bool = False,
    ) -> Cursor:
        if ";" in text and not _single(text):
            raise phrases.several(text)
        try:
            self._cursor.execute(self._timed(text), parameters)
        except Exception as error:
            raise self._failed(error, text) from error
        return self._cursor

    def _timed(self, text: str) -> str:
        """Return a statement as it is sent so that the server stops it when its time is over.

        MariaDB takes the limit with the statement, MySQL for the session, and for SELECT only.
        """
        if self.limit is self._limited or (self._mariadb and not is_timed(text)):
            return text
        if self._mariadb:
            return f"SET STATEMENT max_statement_time = {milliseconds(self.limit or 0) / 1000:.3f} FOR {text}"
        self._limited = self.limit
        self._connection.query(
            f"SET SESSION max_execution_time = {milliseconds(self.limit) if self.limit else 0}"
        )
        return text

    def execute_batch(self, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
        counts: list[int] = []
        packet: list[str] = []
        size = 0
        for text, parameters in statements:
            sql = self._cursor.mogrify(text, parameters)
            if packet and size + len(sql) > PACKET:
                self._send(packet, counts)
                packet, size = [], 0
            packet.append(sql)
            size += len(sql)
        if packet:
            self._send(packet, counts)
        return counts

    def _send(self, packet: Sequence[str], counts: list[int]) -> None:
        """Send statements as one packet and append their row counts."""
        start, cursor = len(counts), self._cursor
        try:
            cursor.execute(";".join(map(self._timed, packet)))
            counts.append(cursor.rowcount)
            while cursor.nextset():
                counts.append(cursor.rowcount)
        except Exception as error:
            failed = min(len(counts) - start, len(packet) - 1)
            raise self._failed(error, packet[failed]) from error

    def execute_many(self, text: str, rows: Iterable[Parameters]) -> int:
        try:
            return self._cursor.executemany(text, list(rows)) or 0
        except Exception as error:
            raise self._failed(error, text) from error

    def stream(
        self,
        text: str,
        parameters: Parameters = (),
        size: int = 1000,
        core: bool = False,
    ) -> Generator[list[Any]]:
        if (
            self.in_transaction
        ):  # what it has written is seen only here, where no other statement may run meanwhile
            remaining = iter(self.execute(text, parameters).fetchall())
            while rows := list(islice(remaining, size)):
                yield rows
            return
        yield from self._stream_apart(text, parameters, size)

    def _stream_apart(self, text: str, parameters: Parameters, size: int) -> Generator[list[Any]]:
        """Yield rows as they arrive on a connection of their own."""
        driver = _driver()
        connection = cursor = None
        try:
            connection = type(self._connection)(**self._again)
            cursor = connection.cursor(driver.cursors.SSCursor)
            cursor.execute(text, parameters)
            yield from in_parts(cursor.fetchmany, size)
        except Exception as error:
            raise self._failed(error, text) from error
        finally:
            if cursor is not None:
                _forget(cursor)
            if connection is not None:
                connection._force_close()

    def load_rows(
        self, table: str, columns: Sequence[str], dtypes: Sequence[AttributeType],
        chunks: Sequence[Sequence[Sequence[Any]]], constants: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        constants = constants or {}
        names = ", ".join(map(self.dialect.quote, [*columns, *constants]))
        start = f"INSERT INTO {table} ({names}) VALUES ("
        if self._serves and self.in_transaction and can_load(dtypes):
            text = load_statement(table, columns, dtypes, constants, self.dialect)
            if self._load(text, start, dtypes, chunks):
                return sum(len(chunk[0]) for chunk in chunks)
        end = "".join(f",{self.dialect.literal(value)}" for value in constants.values()) + ")"
        done = 0
        for chunk in chunks:
            texts = self._literals.literal_rows(dtypes, chunk)
            for packet in _packets(texts):
                done += self._insert(start + f"{end},(".join(packet) + end)
        return done

    def _load(
        self,
        text: str,
        insert: str,
        dtypes: Sequence[AttributeType],
        chunks: Sequence[Sequence[Sequence[Any]]],
    ) -> bool:
        """Send rows as a file, and say whether the server took all of them as they are.

        It takes what it can of a file, and warns; another way of writing has to tell what was wrong.
        """
        cursor, connection = self._cursor, self._connection
        connection.upload = (load_text(dtypes, chunk) for chunk in chunks)
        try:
            cursor.execute(f"SAVEPOINT {_BEFORE_LOAD};{text}")
            cursor.nextset()
        except Exception as error:
            if isinstance(error, _driver().Error) and error.args[0] in NOT_SERVED:
                self._serves = False
                return False
            raise self._failed(error, insert) from error
        finally:
            connection.upload = None
        if cursor.rowcount == sum(len(chunk[0]) for chunk in chunks) and not cursor._result.warning_count:
            return True
        self.execute(f"ROLLBACK TO SAVEPOINT {_BEFORE_LOAD}")
        return False

    def _insert(self, text: str) -> int:
        try:
            return self._cursor.execute(self._timed(text))
        except Exception as error:
            raise self._failed(error, text[:2000]) from error

    # ---------------------------------------------------------------------------------------- transactions

    def begin(self) -> None:
        self._send(["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"], [])

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self.alive:
            self.execute("ROLLBACK")

    @property
    def in_transaction(self) -> bool:
        return self._connection.open and bool(self._connection.server_status & IN_TRANSACTION)

    # ------------------------------------------------------------------------------------------ connection

    @property
    def alive(self) -> bool:
        return self._connection.open

    def ping(self) -> None:
        try:
            self._connection.ping(reconnect=False)
        except Exception as error:
            raise self._failed(error, "") from error

    def close(self) -> None:
        if self.alive:
            with suppress(Exception):
                self._connection.close()

    def recover(self) -> bool:
        self._connection._force_close()
        return False

    @property
    def connection_id(self) -> int:
        return self._connection.thread_id()

    def end_other(self, number: int, age: float) -> bool:
        # Behind a proxy, and after a restart of the server, the number may be that of any session, or of
        # this one. The server counts whole seconds, so an uptime near the age proves nothing.
        own = self.connection_id
        if number == own or self.execute("SELECT CONNECTION_ID()").fetchone()[0] != own:
            return False
        uptime = int(self.execute("SHOW GLOBAL STATUS LIKE 'Uptime'").fetchone()[1])
        if uptime < age + _ROUNDING:
            return uptime + _ROUNDING < age  # the server has been restarted since, and with it all sessions

        def is_over() -> bool:
            runs = "SELECT 1 FROM information_schema.processlist WHERE id = %s"
            if self.execute(runs, (number,)).fetchone() is None:
                return True
            with suppress(QueryError):  # it has just ended
                self.execute(f"KILL {number:d}")
            return False

        return wait_until(is_over)

    @property
    def user(self) -> str:
        if self._user is None:
            self._user = str(self.execute("SELECT CURRENT_USER()").fetchone()[0])
        return self._user

    @property
    def server_version(self) -> str:
        product = "MariaDB" if self._mariadb else "MySQL"
        return f"{product} {self._connection.get_server_info().removeprefix('5.5.5-')}"

    def translate(self, exception: BaseException, text: str = "") -> DataJointError:
        return translate(exception, text, self._where, self.limit)

    def _failed(self, exception: Exception, text: str) -> DataJointError:
        """Translate a driver's exception, find out whether the transaction survived; others go their way."""
        if not isinstance(exception, _driver().Error):
            raise exception
        if (raised := interruption(exception)) is not None:
            raise raised
        error = self.translate(exception, text)
        if error.context["native"] in LOST:
            self.close()
        elif self.in_transaction:
            with suppress(_driver().Error):
                self._connection.query("DO 0")  # the answer carries the state, which an error does not
        if isinstance(error, DuplicateError) and self.alive:
            self._explain_duplicate(error, text)
        return error

    def _explain_duplicate(self, error: DuplicateError, text: str) -> None:
        """Add table and columns, which the message does not name."""
        match = _INTO.match(text)
        if match is None:
            return
        schema, table = (name.replace("``", "`") for name in match.groups())
        error.context["table"] = f"{schema}.{table}"
        key = str(error.context.get("constraint", "")).rpartition(".")[2]
        statement = (
            "SELECT column_name FROM information_schema.statistics "
            "WHERE table_schema = %s AND table_name = %s AND index_name = %s ORDER BY seq_in_index"
        )
        with suppress(_driver().Error), self._connection.cursor() as cursor:
            cursor.execute(statement, (schema, table, key))
            error.context["columns"] = tuple(row[0] for row in cursor.fetchall())


def _packets(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group rows so that a statement stays below a packet's size where it can."""
    packet: list[str] = []
    size = 0
    for text in texts:
        if packet and size + len(text) > PACKET:
            yield packet
            packet, size = [], 0
        packet.append(text)
        size += len(text)
    yield packet


@lru_cache(4096)
def _single(text: str) -> bool:
    """Whether a text holds one statement only."""
    return not any(match[1] for match in _TOKENS.finditer(text))


@cache
def _conversions() -> dict[Any, Any]:
    """Return the driver's conversions without times and decimals, which are decoded by column."""
    kinds, converters = _driver().constants.FIELD_TYPE, _driver().converters
    conversions = converters.conversions
    left_out = {
        kinds.DATE, kinds.DATETIME, kinds.TIMESTAMP, kinds.TIME, kinds.DECIMAL,
        kinds.NEWDECIMAL,
    }  # fmt: skip
    left_out |= {kind for kind, function in conversions.items() if function is converters.through}
    kept = {kind: function for kind, function in conversions.items() if kind not in left_out}
    return {**kept, Decimal: _plain_decimal, int: _plain_integer, bytes: _binary_literal}


def _binary_literal(value: bytes, _mapping: object) -> str:
    return binary_literal(value)


def _plain_decimal(value: Decimal, _mapping: object) -> str:
    """Return a number; one that no column holds, which is only compared, as one that none equals."""
    sign = "-" * value.is_signed()
    if not value.is_finite() or (value and value.adjusted() > _MOST_DIGITS):
        return f"{sign}{_LARGEST}"
    return f"{sign}{_SMALLEST}" if value and value.adjusted() < -_MOST_PLACES else format(value, "f")


def _plain_integer(value: int, _mapping: object) -> str:
    return str(value) if value.bit_length() < 4 * _MOST_DIGITS else f"{'-' * (value < 0)}{_LARGEST}"


def _connect(options: Mapping[str, Any], use_tls: Any) -> tuple[Any, dict[str, Any]]:
    """Connect as `use_tls` asks (CFG-17) and return the connection with the options that worked."""
    driver = _driver()
    if use_tls is False:
        plain: dict[str, Any] = {**options, "ssl_disabled": True}
        return _connection_class()(**plain), plain
    chosen: dict[str, Any] = {
        **options,
        "ssl": use_tls if isinstance(use_tls, Mapping) else _any_certificate(),
    }
    try:
        return _connection_class(encrypted=use_tls is not None)(**chosen), chosen
    except (driver.OperationalError, OSError) as error:
        if use_tls is not None or not _refused_tls(error):
            raise
        chosen = {**options, "ssl_disabled": True}
        return _connection_class()(**chosen), chosen


@cache
def _session_settings(server: str) -> str:
    """Return the statement that sets all that our sessions want, by the version that a server tells."""
    mariadb = "mariadb" in server.lower()
    version = tuple(map(int, re.findall(r"\d+", server.removeprefix("5.5.5-"))[:3]))
    isolation = "tx_isolation" if mariadb and version < (11, 1, 1) else "transaction_isolation"
    text = (
        f"SET NAMES {CHARSET} COLLATE {MysqlDialect(mariadb).collation}, sql_mode = '{SQL_MODE}', "
        # MariaDB refuses rows that changed since a snapshot; statements of ours want the rows of now.
        f"@@SESSION.{isolation} = 'READ-COMMITTED', autocommit = 1, group_concat_max_len = 1073741824"
    )
    # This switch of MariaDB applies the limit of a grouped subquery to each of its groups.
    return f"{text}, optimizer_switch = 'split_materialized=off'" if mariadb else text


def _forget(cursor: Any) -> None:
    """Keep an unbuffered cursor from reading the rest of its rows, which nobody wants."""
    cursor.connection = None
    if cursor._result is not None:
        cursor._result.unbuffered_active = False


_PLAIN: dict[type, Callable[[Any], str]] = {int: str, type(None): lambda _: "NULL", bytes: binary_literal}
"""Values that are written at once; the driver asks four functions for each."""


@cache
def _connection_class(encrypted: bool = False) -> Any:
    """Return the driver's connection, sending the bytes of `binary_literal` as they are.

    A server that asks for a file gets the rows that are to be sent now, or nothing, whatever it names.
    With `encrypted` it tells a server that cannot encrypt nothing of the user (CFG-17).
    """
    driver = _driver()
    base: Any = driver.connections.Connection

    def query(self: Any, sql: str | bytes, unbuffered: bool = False) -> Any:
        data = sql.encode("utf-8", "surrogateescape") if isinstance(sql, str) else sql
        return base.query(self, data, unbuffered)

    def escape(self: Any, value: Any, mapping: Any = None) -> str:
        write = _PLAIN.get(value.__class__)
        return base.escape(self, value, mapping) if write is None else write(value)

    def authenticate(self: Any) -> None:
        if encrypted and not self.server_capabilities & driver.constants.CLIENT.SSL:
            raise driver.OperationalError(NO_TLS, "the server offers no encryption")
        base._request_authentication(self)

    def set_character_set(self: Any, charset: str, collation: str | None = None) -> None:
        self.charset, self.collation = charset, collation
        self.query(_session_settings(self.server_version))  # by now it is known which server it is

    def read_result(self: Any, unbuffered: bool = False) -> Any:
        self._result = None
        result = result_class()(self)
        (result.init_unbuffered_query if unbuffered else result.read)()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows

    own = {
        "query": query, "escape": escape, "_request_authentication": authenticate,
        "set_character_set": set_character_set, "_read_query_result": read_result,
        "_read_packet": packet_reader(base), "upload": None,
    }  # fmt: skip
    return type("Connection", (base,), own)


def _driver() -> Any:
    import pymysql

    return pymysql


def _any_certificate() -> Any:
    """Return a context that encrypts without asking who the server is; a dict of `use_tls` can ask."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refused_tls(error: BaseException) -> bool:
    return "ssl" in str(error).lower() or "tls" in str(error).lower()


def _signals(session: Session, tables: Sequence[TableName]) -> Signals:
    return signals.MysqlSignals(session, tables)


BACKEND = Backend("mysql", MysqlDialect(), MysqlSession, MysqlCatalog, _signals)
