"""The command line: `dj`, `datajoint`, `python -m datajoint`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from datajoint.cli.main import main

__all__ = ["main"]


class _Callable(ModuleType):
    """The package, which older code calls: ``dj.cli(args=["--help"])``."""

    def __call__(self, args: Sequence[str] | None = None) -> NoReturn:
        main(args)


sys.modules[__name__].__class__ = _Callable
