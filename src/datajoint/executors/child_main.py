"""Main loop of a worker process, which receives keys and sends outcomes.

Parent and child exchange pickles through two pipes. A fresh process receives the `Definition` of a target
before the first `Order` for it. A forked process has the targets already, but needs its own connections.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, BinaryIO

from datajoint._value import Value, replace
from datajoint.engine.instance import default_instance, thread_safe
from datajoint.errors import MakeError
from datajoint.executors.run_job import run_job
from datajoint.make.target import Target, prepare
from datajoint.make.task import MakeOutcome, MakeTask

__all__ = ["READY", "Definition", "Order", "main", "pack", "serve", "serve_forked", "unpack"]

READY = "ready"
_IDLE = 60.0
"""Idle seconds after which a worker ends; the parent stops using it earlier (`FRESH_SECONDS`)."""
_LOOK = 0.5
_UNSENDABLE = (
    TypeError,
    AttributeError,
    ValueError,
    LookupError,
    ImportError,
    RuntimeError,
    OSError,
)


class Definition(Value):
    """Target for the worker to prepare.

    Attributes
    ----------
    name
        Number that orders use for it.
    description
        See `datajoint.make.target`.
    strict
        Whether the parent can fork instead, which is better if this process cannot rebuild the same class.
    """

    name: int
    description: bytes
    strict: bool


class Order(Value):
    """Task for the worker, of a target that it has prepared."""

    target: int
    task: MakeTask
    memory: int | None = None


def main() -> None:
    """Run as a fresh process with standard input and output as its pipes."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # input and output of a make must not mix with the messages
    os.dup2(2, 1)
    serve(reader, writer, {})


def serve_forked(targets: Iterable[Target], reader: int, writer: int, foreign: Iterable[int]) -> None:
    """Run as a fork of the parent; close `foreign`, the inherited ends that belong to the parent."""
    for descriptor in foreign:
        os.close(descriptor)
    known = dict(enumerate(targets))
    connections = [target.table.connection for target in known.values()]
    if not thread_safe() and default_instance()._connection is not None:
        connections.append(default_instance().connection)
    for connection in dict.fromkeys(connections):
        connection.after_fork()
    serve(os.fdopen(reader, "rb"), os.fdopen(writer, "wb"), known)


def serve(reader: BinaryIO, writer: BinaryIO, known: dict[int, Target]) -> None:
    """Compute keys until the parent closes the pipe or dies."""
    watch = _Watch((reader.fileno(), writer.fileno()))
    watch.start()
    _send(writer, READY)
    while True:
        watch.rest()
        try:
            message = _receive(reader)
        except EOFError:
            return
        watch.work()
        if isinstance(message, Definition):
            with _refusals(writer):
                known[message.name] = prepare(message.description, message.strict)
            _send(writer, READY)
        else:
            _send(writer, _made(known[message.target], message))


def _made(target: Target, order: Order) -> bytes:
    with _memory_limit(order.memory):
        return pack(run_job(target.table, order.task, target.make_kwargs))


class _Watch:
    """Watchdog that ends this process with its parent or after a long rest, and protects its pipes."""

    def __init__(self, pipes: Iterable[int]) -> None:
        self._pipes = tuple(pipes)
        self._parent = os.getppid()
        self._rested: float | None = None

    def start(self) -> None:
        import signal

        signal.signal(signal.SIGTERM, _stop)  # so that a make can clean up
        signal.signal(signal.SIGINT, _leave_to_parent)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close)
        threading.Thread(target=self._look, daemon=True).start()

    def rest(self) -> None:
        self._rested = time.monotonic()

    def work(self) -> None:
        self._rested = None

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK)
            rested = self._rested
            if (os.name == "posix" and os.getppid() != self._parent) or (
                rested is not None and time.monotonic() - rested > _IDLE
            ):
                os._exit(1)

    def _close(self) -> None:
        """Close the pipes in a process that a make forks, which must neither hold nor use them."""
        for descriptor in self._pipes:
            os.close(descriptor)


@contextmanager
def _memory_limit(most: int | None) -> Generator[None]:
    """Limit the memory of a make, if the operating system supports it."""
    if most is None or not sys.platform.startswith("linux"):
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextmanager
def _refusals(writer: BinaryIO) -> Generator[None]:
    """Send the parent the reason why a target cannot be prepared; the process then ends."""
    hook = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, _trace: Any) -> None:
        _send(writer, f"{kind.__name__}: {error}")

    sys.excepthook = tell
    yield
    sys.excepthook = hook


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _leave_to_parent(number: int, frame: Any) -> None:
    """Ignore Ctrl-C, which the terminal sends to every process; the parent stops this one."""


def _receive(reader: BinaryIO) -> Any:
    import pickle

    return pickle.load(reader)  # noqa: S301 - from the parent process


def _send(writer: BinaryIO, message: Any) -> None:
    import pickle

    try:
        pickle.dump(message, writer)
        writer.flush()
    except BrokenPipeError:  # the parent has died
        raise SystemExit(1) from None


# ----------------------------------------------------------------------------------------- errors as they are


def pack(outcome: MakeOutcome, known: bool = False) -> bytes:
    """Pickle an outcome; add the traceback of this process as a note to its error, unless it is `known`.

    Examples
    --------
    >>> unpack(pack(MakeOutcome({"a": 1}, "done"))) == MakeOutcome({"a": 1}, "done")
    True
    """
    import pickle
    import traceback

    error = outcome.error
    if error is None:
        return pickle.dumps((outcome, None, "", ()))
    if not known:
        text = "".join(traceback.format_exception(error))
        error.add_note(f"in worker process {os.getpid()}:\n{text}")
    notes = tuple(getattr(error, "__notes__", ()))
    told = f"{type(error).__name__}: {error}"
    return pickle.dumps((replace(outcome, error=None), _pickled(error), told, notes))


def _pickled(error: BaseException) -> bytes | None:
    import pickle

    try:
        sent = pickle.dumps(error)
        return sent if type(pickle.loads(sent)) is type(error) else None  # noqa: S301 - pickled above
    except (pickle.PicklingError, *_UNSENDABLE):
        return None


def unpack(sent: bytes) -> MakeOutcome:
    """Unpickle an outcome; an exception that cannot be unpickled becomes a `MakeError` with its text.

    Examples
    --------
    >>> unpack(pack(MakeOutcome({"a": 1}, "failed", ValueError("no")))).error
    ValueError('no')
    """
    import pickle

    outcome, pickled, told, notes = pickle.loads(sent)  # noqa: S301 - from a worker process
    if not told:
        return outcome
    error: BaseException | None = None
    if pickled is not None:
        try:
            error = pickle.loads(pickled)  # noqa: S301
        except (pickle.PicklingError, *_UNSENDABLE):
            error = None
    if error is None:
        error = MakeError(told, hint="The exception itself cannot be sent between processes.")
        for note in notes:
            error.add_note(note)
    return replace(outcome, error=error)
