"""Files that a make reads: those that it declares, with a digest of what they hold, and others."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import FrameType
from typing import Any, TypeVar

from datajoint.journal.code import units
from datajoint.journal.digest import written
from datajoint.journal.ran.observation import CURRENT, Observation, watch

__all__ = ["FILES", "READS", "depends", "digest_of_path", "note_read", "place_of"]

PathLike = TypeVar("PathLike", str, "os.PathLike[str]")

READS = frozenset({"open", "os.listdir", "os.scandir"})
"""Audit events by which files and folders are read."""

FILES = "it reads files that no `dj.depends` names"
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd")
_SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/share/zoneinfo/")
_IMPORTING = ("importlib.", "zipimport", "linecache", "tokenize", "pkgutil")
_DEEP = 200
_BLOCK = 1 << 20


def depends(path: PathLike) -> PathLike:
    """Say that a make depends on what a file or folder holds, and return the path.

    Rows are stale once it holds something else, and results are used again only while it does not. It is
    called in a `make`, each time that it runs; elsewhere it has no effect.

    Parameters
    ----------
    path
        As for `open`.

    Examples
    --------
    >>> depends("config.json")
    'config.json'
    """
    mine = CURRENT.get()
    makes = watch().active if mine is None else [mine]
    if makes:
        real = os.path.realpath(path)
        for one in makes:
            one.known.add(real)
        place, digest = _place(real, sys._getframe(1)), digest_of_path(real)
        for one in makes:
            one.files[place] = digest
    return path


def _place(real: str, frame: FrameType) -> tuple[str, str]:
    """Return where a file is: relative to the folder of the module that names it, as both may move."""
    module = str(frame.f_globals.get("__name__", ""))
    folder = os.path.dirname(os.path.realpath(units.file_of_module(module) or ""))
    inside = bool(module) and real.startswith(folder + os.sep)
    return (module, os.path.relpath(real, folder)) if inside else ("", real)


def place_of(module: str, name: str) -> str:
    """Return the path of a file that is recorded by its module and its name relative to that.

    Examples
    --------
    >>> place_of("", "/data/config.json")
    '/data/config.json'
    """
    file = units.file_of_module(module) if module else None
    return os.path.join(os.path.dirname(os.path.realpath(file)), name) if file else name


def digest_of_path(path: str) -> str:
    """Return the digest of what a file or folder holds, "" where there is none.

    Examples
    --------
    >>> digest_of_path("no such file"), len(digest_of_path(os.__file__))
    ('', 26)
    """
    if not os.path.isdir(path):
        return _digest_of_file(path)
    whole = hashlib.blake2b(digest_size=16)
    for name, digest in _held_in(path):
        whole.update(f"{name}\0{digest}\0".encode(errors="surrogateescape"))
    return written(whole.digest())


def _held_in(folder: str) -> Iterator[tuple[str, str]]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            yield os.path.relpath(path, folder), _digest_of_file(path)


def _digest_of_file(path: str) -> str:
    try:
        about = os.stat(path)
        return _digest(path, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=4096)
def _digest(path: str, *state: int) -> str:
    """Return the digest of a file, read once as long as the system tells that it is the same."""
    whole = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            whole.update(block)
    return written(whole.digest())


# ------------------------------------------------------------------------------------------ other files


def note_read(arguments: tuple[Any, ...]) -> None:
    """Take note of a file that is opened, or a folder that is listed, while makes run."""
    path = arguments[0] if arguments else None
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    mine = CURRENT.get()
    makes = [one for one in (watch().active if mine is None else [mine]) if FILES not in one.notes]
    by = _caller() if makes else "import"
    if by == "import":
        return
    real = os.path.realpath(os.fsdecode(path))  # type: ignore[unknownArgumentType]
    for one in makes:
        if by == "library" or _is_new(arguments):  # what is written for a make, or by it, may be read by it
            one.known.add(real)
        elif _counts(real, one):
            one.note(FILES)


def _is_new(arguments: tuple[Any, ...]) -> bool:
    """Whether a file is opened without regard to what it holds."""
    flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
    return flags & os.O_ACCMODE == os.O_WRONLY or bool(flags & (os.O_TRUNC | os.O_EXCL))


def _counts(real: str, make: Observation) -> bool:
    """Whether the results of a make depend on what a file holds, without its saying so."""
    if real.endswith(_CODE) or real.startswith(_SYSTEM) or not units.is_project(real):
        return False
    known = (*make.known, *make.stores())
    return real not in make.known and not any(real.startswith(place + os.sep) for place in known)


def _caller() -> str:
    """Return who opens a file: the make, this library for it, or the import system."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEEP):
        if frame is None:
            break
        name = str(frame.f_globals.get("__name__", ""))
        if name == "datajoint.make.make":
            return "make"
        if name.startswith(_IMPORTING):
            return "import"
        if name.startswith("datajoint.") and not name.startswith("datajoint.journal.ran."):
            return "library"
        frame = frame.f_back
    return "make"
