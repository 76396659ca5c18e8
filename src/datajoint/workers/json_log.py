"""Log records as lines of JSON, for programs that collect logs."""

from __future__ import annotations

import json
import logging as standard
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from datajoint import logging

__all__ = ["FIELDS", "JsonLines", "json_lines"]

FIELDS = "datajoint"
"""Attribute of a record that holds further fields: ``logger.info(text, extra={"datajoint": {…}})``."""


class JsonLines(standard.Formatter):
    """Formatter that writes a record as one JSON object: time, level, logger, message, further fields.

    Examples
    --------
    >>> record = standard.LogRecord("lab", 20, "fit.py", 1, "made %d", (3,), None)
    >>> json.loads(JsonLines().format(record))["message"]
    'made 3'
    """

    def format(self, record: standard.LogRecord) -> str:
        """Return the line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str, ensure_ascii=False)


@contextmanager
def json_lines() -> Generator[None]:
    """Switch the DataJoint logger to lines of JSON inside the block.

    Examples
    --------
    >>> with json_lines():
    ...     pass
    """
    handlers = list(logging.logger.handlers)
    before = [handler.formatter for handler in handlers]
    for handler in handlers:
        handler.setFormatter(JsonLines())
    try:
        yield
    finally:
        for handler, formatter in zip(handlers, before, strict=True):
            handler.setFormatter(formatter)
