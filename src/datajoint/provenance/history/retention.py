"""Size of the history, and removal of old or excess versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from datajoint._value import Value
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.journal.events.write_event import record
from datajoint.sql.system import EVENTS, column
from datajoint.sql.system_tables.images import shadow_name
from datajoint.sql.system_tables.retention import TIME, forget_versions, measure_versions

__all__ = ["Kept", "kept_versions", "prune"]

_MOST_DAYS = 365_000


class Kept(Value):
    """Old versions of the rows of one table.

    Attributes
    ----------
    table
        Name of the table.
    versions, bytes
        How many, and about how many bytes they take, without indexes.
    oldest, newest
        When the first and the last of them ended (UTC).
    """

    table: str
    versions: int
    bytes: int
    oldest: dt.datetime
    newest: dt.datetime


class _Ended(Value):
    """Versions of one table that ended at one time."""

    table: TableName
    at: dt.datetime
    versions: int
    bytes: int


def kept_versions(connection: Connection, schema: str) -> list[Kept]:
    """Return what is kept of each table of a schema of which anything is; see `Schema.history_sizes`."""
    found: dict[TableName, list[_Ended]] = {}
    for ended in _ended(connection, schema):
        found.setdefault(ended.table, []).append(ended)
    return [
        Kept(
            name.name, sum(e.versions for e in some), sum(e.bytes for e in some),
            min(e.at for e in some), max(e.at for e in some),
        )
        for name, some in found.items()
    ]  # fmt: skip


def prune(
    connection: Connection, schema: str, days: float | None = None, size: int | None = None,
    dry_run: bool = False,
) -> dict[str, int]:  # fmt: skip
    """Forget versions, and return how many by table; see `Schema.prune_history`."""
    settings = connection.config.provenance
    if days is None and size is None:
        days, size = settings.history_days, settings.history_bytes
    if days is None and size is None:
        raise DataJointError(
            "Nothing says which old versions are to be forgotten.",
            hint="Give days or bytes, or set provenance.history_days or provenance.history_bytes.",
        )
    for name, value in (("days", days), ("bytes", size)):
        if value is not None and (isinstance(value, str) or not value >= 0):
            raise DataJointError(f"{name} is a number not below 0, not {value!r}.")
    before = _cutoff(connection, schema, days, size)
    if before is None:
        return {}
    if dry_run:
        counts: dict[str, int] = {}
        for ended in _ended(connection, schema):
            if ended.at < before:
                counts[ended.table.name] = counts.get(ended.table.name, 0) + ended.versions
        return counts
    return _forget(connection, schema, before)


def _cutoff(connection: Connection, schema: str, days: float | None, size: int | None) -> dt.datetime | None:
    """Return the time before which what ended is forgotten."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    limits: list[dt.datetime] = []
    if days is not None:
        limits.append(now - dt.timedelta(days=min(days, _MOST_DAYS)))
    if size is not None:
        left: float = size
        for ended in sorted(_ended(connection, schema), key=lambda ended: ended.at, reverse=True):
            left -= ended.bytes
            if left < 0:
                limits.append(ended.at + dt.timedelta(microseconds=1))
                break
    return max(limits, default=None)


def _forget(connection: Connection, schema: str, before: dt.datetime) -> dict[str, int]:
    encode = connection.dialect.encoder(TIME)
    values = [encode(before) if encode else before]
    gone: dict[str, int] = {}
    with connection.whole():
        for name, _ in _shadows(connection, schema):
            count = connection.execute(forget_versions(name, connection.dialect), values).rowcount
            if count:
                gone[name.name] = count
        if gone:
            details = {"tables": gone, "before": before.isoformat(" ")}
            record(connection, "prune", TableName(schema, ""), sum(gone.values()), details)
    return gone


def _shadows(connection: Connection, schema: str) -> Sequence[tuple[TableName, TableSpec]]:
    """Return the tables of which old versions are kept, and what keeps them."""
    catalog = connection.catalog
    catalog.forget(schema)  # other processes may have begun to keep some
    if catalog.find(TableName(schema, EVENTS)) is None:
        return []
    pairs = [(name, catalog.find(shadow_name(name))) for name in catalog.tables(schema)]
    return [(name, spec) for name, spec in pairs if spec is not None]


def _ended(connection: Connection, schema: str) -> list[_Ended]:
    shown: list[Any] = [column("at", TIME.text), column("versions", "int64"), column("bytes", "int64")]
    decoder = RowDecoder(shown, connection.dialect, connection.config)
    found: list[_Ended] = []
    for name, spec in _shadows(connection, schema):
        rows = connection.fetch_all(measure_versions(spec, connection.dialect), (), decoder.core)
        found += [_Ended(name, *row) for row in decoder.tuples(rows)]
    return found
