"""Hidden columns of other releases: the user who entered a row, the duration of its make."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from typing import Any

from datajoint import logging
from datajoint.backends.base import Parameters
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointWarning
from datajoint.heading.names import TableName
from datajoint.heading.values import json_text
from datajoint.journal.events.code_version import code_version
from datajoint.sql.dml import Column, update_row
from datajoint.table.rows.layout import EVENT, Layout, layout_of

__all__ = ["JOB_COLUMNS", "PROVENANCE", "Run", "job_statements", "provenance_of"]

PROVENANCE = "_prov"
JOB_COLUMNS = ("_job_start_time", "_job_duration", "_job_version")


class Run:
    """A make that runs.

    Attributes
    ----------
    name, key
        What is made.
    version
        Version of its code.
    started
        When it began, by the clock and zone of this machine, as other releases write it.
    """

    __slots__ = ("_began", "key", "name", "started", "version")

    def __init__(self, name: TableName, key: Mapping[str, Any], version: str) -> None:
        self.name, self.key, self.version = name, key, version
        now = dt.datetime.now()  # noqa: DTZ005 - see above
        self.started = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began


def job_statements(connection: Connection, run: Run) -> list[tuple[str, Parameters]]:
    """Return the statements that write how long a make took; none where the table has no such columns.

    Events change sign and back meanwhile, as a guard takes an UPDATE that leaves them for one by others.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> job_statements(schema.connection, Run(Subject().name, {"subject_id": 1}, ""))
    []
    """
    layout = layout_of(connection, run.name)
    if not layout.has_job or not connection.config.jobs.add_job_metadata:
        return []
    key = [name for name in layout.heading.key if name in run.key]
    columns, keyed = layout.columns(JOB_COLUMNS), layout.columns(tuple(key))
    values = [
        run.started.replace(microsecond=run.started.microsecond // 1000 * 1000),
        run.seconds,
        run.version,
    ]
    given = [*zip(JOB_COLUMNS, values, strict=True), *((name, run.key[name]) for name in key)]
    values, place = [_driver(layout, *item) for item in given], layout.dialect.quote(EVENT[0])
    if not layout.has_event:
        return [(update_row(run.name, columns, keyed, layout.dialect), values)]
    there = [(EVENT[0], f"-{place}")]
    return [
        (update_row(run.name, columns, keyed, layout.dialect, there), values),
        (update_row(run.name, (), keyed, layout.dialect, there), values[len(columns) :]),
    ]


def _driver(layout: Layout, name: str, value: Any) -> Any:
    encode = layout.encoding(name).to_driver
    return encode(value) if encode and value is not None else value


def provenance_of(layout: Layout, run: Run | None) -> dict[Column, Any]:
    """Return the hidden column that says who enters rows, with its value; nothing where none is kept.

    Whatever goes wrong with it never keeps a row out: then it is NULL, and a warning says why.

    Parameters
    ----------
    run
        The make inside which the rows are entered.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> provenance_of(layout_of(schema.connection, Subject().name), None)
    {}
    """
    if not layout.has_provenance or not layout.connection.config.provenance.capture:
        return {}
    (column,) = layout.columns((PROVENANCE,))
    try:
        text = json_text(_record(layout, run))
    except (TypeError, ValueError, OSError, AttributeError) as error:
        logging.warn(
            f"The origin of rows of `{layout.label}` could not be recorded: {error}",
            DataJointWarning,
        )
        text = None
    return {column: text}


def _record(layout: Layout, run: Run | None) -> dict[str, Any] | None:
    connection = layout.connection
    settings, config = connection.settings, connection.config
    agent = {"user": settings.user, "host": settings.host, "database_name": settings.name}
    told: dict[str, Any] = {
        "agent": {name: str(value) for name, value in agent.items() if value},
        "version": code_version(config),
        "source": _plain(config.provenance.source),
        "context": _context(layout, run) if run is not None else None,
    }
    told = {name: value for name, value in told.items() if value}
    if not told:
        return None
    return {"time": dt.datetime.now(dt.UTC).isoformat(), **told}


def _context(layout: Layout, run: Run) -> dict[str, Any]:
    told = {
        "table": layout.dialect.table(run.name),
        "key": {name: _plain(value) for name, value in run.key.items()},
    }
    return {**told, "version": run.version} if run.version else told


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: dates ISO, bytes as hexadecimal digits, others as text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in dict(value).items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
