"""Packets: statements that are one change, and the route by which they travel to the database."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from datajoint._value import Value
from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, LostConnectionError, TransactionError
from datajoint.sql.dml import behind_savepoint, in_transaction
from datajoint.sql.together import together

__all__ = ["Packet", "Route", "Statement", "send", "undivided"]

Statement = tuple[str, Parameters]

_SAVEPOINT = "dj_write"


class Route(Enum):
    """How a packet travels.

    Attributes
    ----------
    ALONE
        One statement, atomic without a transaction.
    COMBINED
        One statement made of several. Refused, it does not name the part: the batch follows, which does.
    BATCH
        One round trip from BEGIN to COMMIT.
    SAVEPOINT
        One round trip inside the open transaction; a refusal undoes only the packet (TXN-6).
    INSIDE
        One round trip inside the open transaction, which is undone as a whole after a refusal.
    """

    ALONE = auto()
    COMBINED = auto()
    BATCH = auto()
    SAVEPOINT = auto()
    INSIDE = auto()


class Packet(Value):
    """Statements that are one change, and their route.

    Attributes
    ----------
    statements
        What is sent.
    counted
        Position of the statement whose row count is that of the change.
    rows
        Number of rows that the change affects if it affects any; None if the database counts them.
    batch
        On the route COMBINED, the statements before they were combined.
    """

    statements: Sequence[Statement]
    route: Route
    counted: int = 0
    rows: int | None = None
    batch: Sequence[Statement] = ()


def undivided(
    connection: Connection, statements: Sequence[Statement], combine: bool = False,
    batch: Sequence[Statement] = (),
) -> Packet:  # fmt: skip
    """Return statements as one transaction, or as a part of the open one, which a refusal undoes as a whole.

    Parameters
    ----------
    combine
        Whether no statement needs what another one has written, so that all may be combined into one.
    batch
        What is sent if the combined statement is refused; by default the same statements.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> undivided(connection, [("CREATE TABLE t (x INTEGER)", ())]).route
    <Route.BATCH: 3>
    """
    features = connection.dialect.features
    inside = connection.in_transaction
    # A combined statement of MariaDB is a block with a transaction of its own.
    combine = combine and (features.cte_insert or (features.blocks and not inside))
    combined = together(statements, connection.dialect) if combine else None
    if inside:
        return Packet([combined] if combined else batch or statements, Route.INSIDE)
    if combined is not None:
        return Packet([combined], Route.COMBINED, batch=batch or statements)
    return Packet(batch or statements, Route.BATCH)


def send(connection: Connection, packet: Packet) -> int:
    """Run the statements of a packet, all or none, and return the row count of the one that counts.

    Examples
    --------
    >>> import datajoint as dj
    >>> connection = dj.Instance(backend="sqlite", database__name=":memory:").connection
    >>> statements = [("CREATE TABLE t (x INTEGER)", ()), ("INSERT INTO t VALUES (?)", (1,))]
    >>> send(connection, Packet(statements, Route.BATCH, counted=1))
    1
    """
    statements, route = packet.statements, packet.route
    if route is Route.ALONE:
        return connection.change(*statements[0])
    if route is Route.COMBINED:
        try:
            return connection.execute_batch(statements, whole=True)[0]
        except (LostConnectionError, TransactionError):
            raise
        except DataJointError:
            statements = packet.batch
    if route is Route.SAVEPOINT:
        counts = _send_guarded(connection, statements)
    elif route is Route.INSIDE:
        counts = connection.execute_batch(statements)
    else:
        counts = connection.execute_batch(in_transaction(statements), whole=True)[1:-1]
    return counts[packet.counted] if counts else 0


def _send_guarded(connection: Connection, statements: Sequence[Statement]) -> list[int]:
    connection.check()  # a savepoint of another thread must not be undone below
    batch = behind_savepoint(statements, _SAVEPOINT, connection.dialect)
    try:
        return connection.execute_batch(batch)[1:-1]
    except DataJointError as error:
        if not connection.in_transaction:
            raise
        try:
            connection.return_to(_SAVEPOINT)
        except DataJointError as failed:
            raise failed from error
        raise
