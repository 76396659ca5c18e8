"""The command line: `dj`, `datajoint`, `python -m datajoint`."""

from __future__ import annotations

from datajoint.cli.main import main

__all__ = ["main"]
