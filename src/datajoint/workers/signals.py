"""Handlers of SIGTERM and Ctrl-C: the first signal ends a worker in order, the second immediately."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from datajoint.jobs.cancel import Cancels

__all__ = ["GivenUp", "Interrupts"]


class GivenUp(BaseException):
    """Raised at a second signal, or when the grace period ends."""


class Interrupts:
    """Signal handlers of a worker in the main thread; in other threads they do nothing.

    Parameters
    ----------
    stop
        Function to call at the first signal; it must be safe at any point of the program.
    grace
        Seconds between the first signal and `GivenUp`.

    Examples
    --------
    >>> with Interrupts(print, 20).handled():
    ...     pass  # compute
    """

    def __init__(self, stop: Callable[[], None], grace: float) -> None:
        self._stop, self._grace = stop, grace
        self._clock: threading.Timer | None = None
        self._cancels: Cancels | None = None

    @contextmanager
    def handled(self, cancels: Cancels | None = None) -> Generator[None]:
        """Handle the signals inside the block, and restore the previous handlers.

        Parameters
        ----------
        cancels
            Cancellations, whose signal ends a single make.
        """
        self._cancels = cancels
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, frame: Any) -> None:
        if self._cancels is not None and self._cancels.take_signal():
            return
        if self._clock is not None:
            raise GivenUp
        self._stop()
        self._clock = threading.Timer(self._grace, _ask_again, [number])
        self._clock.daemon = True
        self._clock.start()

    def close(self) -> None:
        """Stop the timer of the grace period."""
        if self._clock is not None:
            self._clock.cancel()


def _ask_again(number: int) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)
    else:
        signal.raise_signal(number)
