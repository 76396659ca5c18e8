"""Hourly deletion of old versions of rows, according to the settings."""

from __future__ import annotations

import datetime as dt

from datajoint import logging
from datajoint.engine.connection import Connection
from datajoint.make.task import MakeOutcome
from datajoint.provenance.history.retention import prune
from datajoint.reactions.once_only import Marks, Place

__all__ = ["Retention"]

_NAME = "history"
_SECONDS = 3600


class Retention:
    """Reaction that deletes old versions of the rows of a schema once an hour, in one worker.

    It does nothing unless ``provenance.history_days`` or ``provenance.history_bytes`` is set.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> Retention(schema.connection, "lab").tick(0)
    3600
    """

    def __init__(self, connection: Connection, schema: str) -> None:
        self._place = Place(connection, schema)
        self._marks: Marks | None = None

    def __repr__(self) -> str:
        return f"Retention({self._place.schema!r})"

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Do nothing: only the time matters."""

    def tick(self, now: float) -> float:
        """Delete expired versions, unless another worker has done so within this hour."""
        connection, schema = self._place.connection, self._place.schema
        settings = connection.config.provenance
        if settings.history_days is None and settings.history_bytes is None:
            return _SECONDS
        if self._marks is None:
            self._marks = Marks(self._place, _NAME)
        hour = dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%d %H")
        if self._marks.add(hour):
            self._marks.keep_only(hour)
            gone = prune(connection, schema)
            if gone:
                told = ", ".join(f"{count:,} of {table}" for table, count in gone.items())
                logging.logger.info("old versions forgotten in %s: %s", schema, told)
        return _SECONDS
