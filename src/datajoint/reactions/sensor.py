"""Sensors: new files of a folder as rows of a table, each file once."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from datajoint import logging
from datajoint._value import Value
from datajoint.errors import DataJointError
from datajoint.journal.events.scope import compound
from datajoint.make.task import MakeOutcome
from datajoint.make.user_code import failure_of
from datajoint.reactions.once_only import DONE, FAILED, Marks, Place, place_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Sensor"]

_LOOK_SECONDS = 0.5
"""Longest time for files in one call, in seconds, before the worker continues with keys."""
_FIRST_RETRY, _LONGEST_RETRY = 60.0, 3600.0


class _Found(Value):
    """State of a file at the last poll."""

    size: int
    modified: int
    since: float


class _Taken(Exception):  # noqa: N818 - not an error
    """Raised if another worker has just taken the file."""


class Sensor:
    """Watch of a folder that inserts rows for each new file, once, even after restarts.

    Pass it to a worker: ``dj.Worker(schema, reactions=[sensor]).run()``. The command `dj worker module` uses
    the sensors of the module. The sensor takes a file that has not changed for `settle` seconds. The table
    ``~sensors`` of the schema stores the taken files. One transaction, with an event ``sensor``, inserts the
    rows and this record.

    Parameters
    ----------
    table
        Table that receives the rows.
    folder
        Folder to watch; it may be missing for a while.
    rows
        Function of the path of a file that returns a row as a dict, a list of rows, or None to ignore it.
    pattern
        Pattern of paths within the folder: ``*.tif``, or ``**/*.tif`` to include all subfolders.
    every
        Seconds between two polls.
    settle
        Seconds without a change before the sensor takes a file.
    retry
        Seconds before the next attempt at a file whose rows were refused; doubles each time, up to an hour.
    name
        Name that identifies the sensor after a restart; the default is the table and the pattern.

    Attributes
    ----------
    taken, failures
        Number of files taken, and of failed attempts, since the start.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Recording(dj.Manual):
    ...     definition = "file : varchar(100)"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pathlib.Path(folder, "one.dat").touch()
    ...     sensor = dj.Sensor(Recording, folder, lambda path: {"file": path.name}, settle=0)
    ...     _ = sensor.tick(0)
    >>> Recording.to_dicts()
    [{'file': 'one.dat'}]
    """

    def __init__(
        self, table: Any, folder: str | os.PathLike[str], rows: Callable[[Path], Any], *, pattern: str = "*",
        every: float = 5.0, settle: float = 2.0, retry: float = _FIRST_RETRY, name: str | None = None,
    ) -> None:  # fmt: skip
        if not callable(rows):
            raise DataJointError("A sensor needs a function that makes rows of a path.")
        self._table, self._folder, self._rows = table, os.path.abspath(os.path.expanduser(folder)), rows
        self._pattern, self._deep = pattern, "**" in pattern
        self._every, self._settle, self._retry, self._name = every, settle, retry, name
        self._marks: Marks | None = None
        self._place: Place | None = None
        self._seen: set[str] = set()
        self._found: dict[str, _Found] = {}
        self._again: dict[str, tuple[float, int]] = {}
        self.taken = self.failures = 0

    def __repr__(self) -> str:
        return f"Sensor({os.path.join(self._folder, self._pattern)!r})"

    def on_outcome(self, outcome: MakeOutcome) -> None:
        """Do nothing: the sensor polls the folder."""

    def tick(self, now: float) -> float:
        """Poll the folder and insert rows for new files; return the seconds until the next poll."""
        marks = self._known()
        if not os.path.isdir(self._folder):
            raise DataJointError(f"There is no folder {self._folder}.", hint="It is looked for again.")
        end, present = time.monotonic() + _LOOK_SECONDS, set[str]()
        for label, entry in self._files():
            present.add(label)
            if label in self._seen or not self._has_settled(label, entry) or not self._is_due(label):
                continue
            self._take(marks, label, entry.path)
            if time.monotonic() > end:
                return 0.0
        for gone in self._found.keys() - present:
            del self._found[gone]
        return self._every

    def _known(self) -> Marks:
        """Return the marks; the first call reads them."""
        if self._marks is None:
            self._place = place_of(self._table)
            table = self._place.table
            if table is None:
                raise DataJointError("A sensor inserts into a table, not into a schema.")
            self._marks = Marks(self._place, self._name or f"{table.class_name} {self._pattern}"[:64])
            found = self._marks.all()
            self._seen = {label for label, mark in found.items() if mark.outcome != FAILED}
            self._again = {n: (0.0, mark.attempts) for n, mark in found.items() if mark.outcome == FAILED}
        return self._marks

    # ----------------------------------------------------------------------------------------------- files

    def _files(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Yield relative path and entry of the files that match the pattern, sorted by name."""
        waiting = [""]
        while waiting:
            below = waiting.pop()
            with os.scandir(os.path.join(self._folder, below)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
            for entry in listed:
                label = f"{below}/{entry.name}".lstrip("/")
                if entry.is_dir():
                    waiting += [label] if self._deep and not entry.is_symlink() else []
                elif self._matches(label):
                    yield label, entry

    def _matches(self, label: str) -> bool:
        if not self._deep:
            return fnmatch.fnmatch(label, self._pattern)
        return any(fnmatch.fnmatch(label, p) for p in (self._pattern, self._pattern.replace("**/", "")))

    def _has_settled(self, label: str, entry: os.DirEntry[str]) -> bool:
        """Whether a file has not changed for `settle` seconds, by the clock of this process."""
        try:
            status = entry.stat()
        except OSError:  # the file has just been deleted
            return False
        now, before = time.monotonic(), self._found.get(label)
        if before is None or (before.size, before.modified) != (status.st_size, status.st_mtime_ns):
            before = self._found[label] = _Found(status.st_size, status.st_mtime_ns, now)
        return now - before.since >= self._settle

    def _is_due(self, label: str) -> bool:
        return self._again.get(label, (0.0, 0))[0] <= time.monotonic()

    # ---------------------------------------------------------------------------------------------- taking

    def _take(self, marks: Marks, label: str, path: str) -> None:
        error = failure_of(self._insert, marks, label, path)
        if error is not None and not isinstance(error, _Taken):
            self._note_failure(marks, label, error)
            return
        self.taken += error is None
        self._settled(label)

    def _settled(self, label: str) -> None:
        self._seen.add(label)
        self._found.pop(label, None)
        self._again.pop(label, None)

    def _insert(self, marks: Marks, label: str, path: str) -> None:
        """Insert the rows of a file and the mark of the file in one transaction."""
        from pathlib import Path

        made = self._rows(Path(path))
        rows: list[Any] = [made] if isinstance(made, dict) else list(made or ())
        place, table = self._place, self._table() if isinstance(self._table, type) else self._table
        assert place is not None  # noqa: S101 - known by now
        with compound(place.connection, "sensor", place.table) as scope:
            if not marks.add(label, DONE if rows else "ignored", event=scope.id if rows else None):
                raise _Taken
            if rows:
                table.insert(rows)

    def _note_failure(self, marks: Marks, label: str, error: Exception) -> None:
        attempts = self._again.get(label, (0.0, 0))[1] + 1
        pause = min(_LONGEST_RETRY, self._retry * 2 ** (attempts - 1))
        self._again[label] = (time.monotonic() + pause, attempts)
        self.failures += 1
        logging.logger.warning(
            "%r: %s: %s: %s; tried again in %g s", self, label, type(error).__name__, error, pause
        )
        marks.add(label, FAILED, attempts=attempts, error=f"{type(error).__name__}: {error}")
