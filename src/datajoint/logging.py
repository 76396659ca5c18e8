"""The package logger and its levels."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import TextIO

from datajoint import _printed
from datajoint.errors import DataJointWarning

__all__ = ["JOBS", "logger", "warn"]

JOBS = 15
"""Level between DEBUG and INFO: the life of jobs."""

logging.addLevelName(JOBS, "JOBS")

logger = logging.getLogger("datajoint")
"""The logger of the package; plain lines on standard error unless the application configures logging."""


class _Printable(logging.Formatter):
    """Keeps control characters of rows and names away from the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return _printed.printable(super().format(record))


class _PlainHandler(logging.StreamHandler[TextIO]):
    """Writes to the current standard error (or output), whatever it is at that moment."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_Printable("datajoint: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout if os.environ.get("DJ_LOG_STREAM", "").lower() == "stdout" else sys.stderr
        super().emit(record)


def _clean(record: logging.LogRecord) -> bool:
    """Keep control characters of rows and names away from the handlers of the application, too."""
    record.msg, record.args = _printed.printable(record.getMessage()), ()
    return True


logger.addHandler(_PlainHandler())
logger.addFilter(_clean)
# A wrong word is reported by the settings, which name the variable.
_level = os.environ.get("DJ_LOG_LEVEL", "").upper()
if logger.level == logging.NOTSET:  # this module is loaded on first use: somebody may have chosen already
    logger.setLevel(_level if _level in logging.getLevelNamesMapping() else logging.INFO)


def warn(text: str, category: type[Warning] = DataJointWarning) -> None:
    """Warn about the user's code, at the line of it that called the library.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn("an old spelling")
    >>> str(caught[0].message)
    'an old spelling'
    """
    frame, depth = sys._getframe(1), 2
    while frame.f_back and str(frame.f_globals.get("__name__", "")).startswith("datajoint."):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(_printed.printable(text), category, stacklevel=depth)
