"""What a make does outside the database while it runs: files, connections, programs, shared random numbers.

Python tells an audit hook of files that are opened, sockets that connect and programs that start. The hook is
installed when the first make is audited; it cannot be removed, and does nothing outside of an audited make.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from datajoint.engine.connection import Connection
from datajoint.heading.names import COMPUTED
from datajoint.journal.code import fingerprint
from datajoint.journal.code.units import is_project
from datajoint.journal.events.environment import root_of
from datajoint.make.contract.static_purity import impurities, seeds
from datajoint.make.user_code import raised_by
from datajoint.table.table import Table

__all__ = ["Audit", "audited"]

_SYSTEM = ("/dev", "/proc", "/sys", "/etc", "/usr/share/zoneinfo")
_EVENTS = frozenset({
    "open", "sqlite3.connect", "socket.connect", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.startfile",
})  # fmt: skip
_IMPORTING = ("importlib.", "zipimport", "linecache", "tokenize", "pkgutil")
_DEEP = 200

_CURRENT: ContextVar[Audit | None] = ContextVar("datajoint_audit", default=None)


class _Hook:
    """The one hook of the process."""

    installed = False


class Audit:
    """What one make was seen to do.

    Parameters
    ----------
    table
        What is made.

    Attributes
    ----------
    found
        In words, each once.
    """

    def __init__(self, table: Table) -> None:
        self.found: dict[str, None] = {}
        self._outside = table.name.tier == COMPUTED  # imported tables are there for what is outside
        self._allowed = tuple(_allowed(type(table), table.connection))
        self._own: set[str] = set()
        self._busy = False

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take note of an event, if it is the make that does it."""
        if self._busy or not self._outside:
            return
        self._busy = True
        try:
            self._note(event, arguments)
        finally:
            self._busy = False

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        by = _caller()
        if event in ("open", "sqlite3.connect"):
            self._file(arguments[0], by)
        elif by == "make" and event.startswith("socket."):
            self._say(f"it connects to {_address(arguments[1])}")
        elif by == "make":
            program = arguments[0] if event != "subprocess.Popen" else arguments[0] or arguments[1]
            self._say(f"it runs a program (`{os.fsdecode(_first(program))}`), whose reads are not seen")

    def _file(self, path: Any, by: str) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)) or by == "import":
            return
        real = os.path.realpath(os.fsdecode(path))  # type: ignore[unknownArgumentType]
        if by == "library":  # what we write for the make may be read by it
            self._own.add(real)
        elif real not in self._own and not f"{real}{os.sep}".startswith(self._allowed) and is_project(real):
            self._say(f"it opens the file `{real}`, outside its project and stores")

    def _say(self, text: str) -> None:
        self.found[text] = None


@contextmanager
def audited(table: Table) -> Generator[Audit]:
    """Watch what is done inside, and look at the code of the make.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> with audited(Subject()) as audit:
    ...     pass  # the user's make
    >>> list(audit.found)
    []
    """
    if not _Hook.installed:
        sys.addaudithook(_heard)
        _Hook.installed = True
    audit = Audit(table)
    before = _states()
    token = _CURRENT.set(audit)
    try:
        yield audit
    finally:
        _CURRENT.reset(token)
    told, seeded = _of_code(table)
    audit.found = dict.fromkeys(told) | audit.found
    for module, state in _states().items():
        known = any(f"(`{module}." in text for text in told)
        if module in before and before[module] != state and module not in seeded and not known:
            audit.found[f"it draws from the generator of `{module}` that all share, without a seed"] = None


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS:
        audit = _CURRENT.get()
        if audit is not None:
            raised_by(audit.note, event, arguments)  # a hook must never disturb what it hears of


def _of_code(table: Table) -> tuple[list[str], frozenset[str]]:
    """Return what the code tells; found once a class."""
    cls, source = type(table), table.connection.catalog.source(table.name)
    found: tuple[list[str], frozenset[str]] | None = source.child((Audit, cls))
    if found is None:
        found = impurities(cls), seeds(fingerprint(cls).external)
        source.keep((Audit, cls), found)
    return found


def _states() -> dict[str, Any]:
    """Return the states of the generators that all of the process shares."""
    found: dict[str, Any] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        found["numpy.random"] = (kind, keys.tobytes(), *rest)
    return found


def _caller() -> str:
    """Return who does something: the make, this library for it, or the import system."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEEP):
        if frame is None:
            break
        name = str(frame.f_globals.get("__name__", ""))
        if name == "datajoint.make.make":
            return "make"
        if name.startswith(_IMPORTING):
            return "import"
        if name.startswith("datajoint.") and name not in (__name__, raised_by.__module__):
            return "library"
        frame = frame.f_back
    return "make"


def _allowed(cls: type, connection: Connection) -> Iterator[str]:
    """Yield the beginnings of paths that a make may open: its project, stores, what is temporary."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    places = [tempfile.gettempdir(), sys.prefix, sys.base_prefix, sys.exec_prefix, *_SYSTEM]
    if file:
        folder = os.path.dirname(os.path.realpath(file))
        places.append(root_of(folder) or folder)
    described: list[Any] = [
        store for store in connection.config.stores.values() if isinstance(store, Mapping)
    ]
    places += [str(store["location"]) for store in described if store.get("protocol") == "file"]
    if connection.settings.name and not connection.dialect.features.server:
        yield os.path.realpath(connection.settings.name)
    for place in places:
        yield os.path.realpath(place) + os.sep


def _address(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else f"`{address!s}`"


def _first(program: Any) -> Any:
    return next(iter(program)) if isinstance(program, (list, tuple)) else program  # type: ignore[unknownArgumentType]
