"""A set of texts that is too large for memory, in a temporary SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

__all__ = ["TextSet"]


class TextSet:
    """Texts on the disk; the file vanishes with the set.

    Examples
    --------
    >>> with TextSet() as texts:
    ...     texts.add(["a", "b", "a"])
    ...     "a" in texts, "c" in texts, len(texts)
    (True, False, 2)
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a temporary file, kept in memory while it is small
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE texts (text TEXT PRIMARY KEY) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, texts: Iterable[str]) -> None:
        """Add texts, of which some may be in the set already.

        Examples
        --------
        >>> with TextSet() as texts:
        ...     texts.add(str(n) for n in range(3))
        ...     len(texts)
        3
        """
        self._database.executemany("INSERT OR IGNORE INTO texts VALUES (?)", ((text,) for text in texts))

    def __contains__(self, text: str) -> bool:
        return bool(self._database.execute("SELECT 1 FROM texts WHERE text = ?", (text,)).fetchone())

    def __iter__(self) -> Iterator[str]:
        return (row[0] for row in self._database.execute("SELECT text FROM texts"))

    def __len__(self) -> int:
        return self._database.execute("SELECT count(*) FROM texts").fetchone()[0]
