"""Guard for makes that fork: the child ends at the end of the make and repeats no work of its parent."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress

__all__ = ["alone"]


@contextmanager
def alone() -> Generator[None]:
    """End a process that the block forks when it leaves the block, whether it returns or raises.

    The fork shares the connection of its parent. Without the guard it would store the results, too, and
    continue with the next key.

    Examples
    --------
    >>> with alone():
    ...     pass  # the user's make
    """
    process = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != process:
            _end(error)
        raise
    if os.getpid() != process:
        _end(None)


def _end(error: BaseException | None) -> None:
    code: object = 0
    if isinstance(error, SystemExit):
        code = error.code or 0
    elif error is not None:
        said = f"a process that a make had forked ended with {type(error).__name__}: {error}\n"
        with suppress(OSError):
            os.write(2, said.encode(errors="replace"))  # stream locks may be held forever
        code = 1
    os._exit(code if isinstance(code, int) else 1)
