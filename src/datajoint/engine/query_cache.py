"""Results of SELECTs kept in a folder, for work that reads the same again and again (FET-18)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from datajoint.backends.base import Cursor, Parameters
from datajoint.codecs.blob import pack, unpack
from datajoint.errors import CodecError, DataJointError

__all__ = ["QueryCache", "StoredRows", "purge"]

_SUFFIX = ".djquery"
_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|`[^`]*`", re.DOTALL)
_READS = re.compile(r"[\s(]*(select|with|values)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)


class QueryCache:
    """Answers SELECTs from files, and refuses everything else.

    Parameters
    ----------
    folder
        Where the files are.
    name
        Results are kept by this name: another name is another cache.
    where
        The database that is asked.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> QueryCache(folder, "today", "lab").refuse("DELETE FROM `lab`.`subject`")
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: DELETE is refused: only queries run while the query cache is on.
    Turn it off by connection.set_query_cache().
    """

    def __init__(self, folder: str, name: str, where: str) -> None:
        self.folder = Path(folder).expanduser()
        self._seed = f"{where}\n{name}\n"

    def execute(
        self, run: Callable[[str, Parameters, bool], Cursor], text: str, parameters: Parameters, core: bool
    ) -> StoredRows:
        """Return the rows of a statement from its file, or run it and write the file."""
        plain = _QUOTED.sub("", text)
        if not _READS.match(plain) or _WRITES.search(plain):
            self.refuse(text)
        question = f"{self._seed}{text}\n{tuple(parameters)!r}"
        path = self.folder / f"{sha256(question.encode()).hexdigest()}{_SUFFIX}"
        with suppress(
            OSError, CodecError, ValueError, TypeError
        ):  # a file that cannot be read is written anew
            names, rows = unpack(path.read_bytes())
            return StoredRows(names, rows)
        cursor = run(text, parameters, core)
        names = [column[0] for column in cursor.description or ()]
        rows = [tuple([_storable(value) for value in row]) for row in cursor.fetchall()]
        self._write(path, (names, rows))
        return StoredRows(names, rows)

    def _write(self, path: Path, content: object) -> None:
        try:
            data = pack(content, extended=True)
        except (CodecError, TypeError, ValueError, OverflowError):  # a value without a form in files
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)

    @staticmethod
    def refuse(text: str) -> NoReturn:
        """Refuse a statement that is no query."""
        word = (text.split(None, 1) or ["This"])[0].upper()
        raise DataJointError(
            f"{word} is refused: only queries run while the query cache is on.",
            hint="Turn it off by connection.set_query_cache().",
        )


def purge(folder: str | Path) -> None:
    """Delete all results that are kept in a folder.

    Examples
    --------
    >>> import tempfile
    >>> purge(tempfile.mkdtemp())
    """
    for path in Path(folder).expanduser().glob(f"*{_SUFFIX}"):
        path.unlink(missing_ok=True)


def _storable(value: Any) -> Any:
    return bytes(value) if type(value) in (memoryview, bytearray) else value


class StoredRows:
    """Rows that were read before, as a cursor gives them.

    Examples
    --------
    >>> StoredRows(["a"], [(1,), (2,)]).fetchmany(2)
    [(1,), (2,)]
    """

    def __init__(self, names: Sequence[str], rows: list[Any]) -> None:
        self.description: Sequence[Sequence[Any]] | None = [(name,) for name in names]
        self.rowcount = len(rows)
        self._rows = rows

    def fetchone(self) -> Any:
        """Next row, or None."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Next rows."""
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        """All remaining rows."""
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Forget the rows that were not read."""
        self._rows = []
