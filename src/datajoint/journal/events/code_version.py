"""The version of the code that runs, for columns that older releases have (JOB-17)."""

from __future__ import annotations

import os
import sys
from functools import cache

from datajoint.journal.code import units
from datajoint.journal.events.environment import repository_at
from datajoint.settings.config import Config

__all__ = ["code_version"]

_LONGEST = 64


def code_version(config: Config, module: str | None = None) -> str:
    """Return the commit of the repository of a module, "" where ``jobs.version_method`` asks for none.

    ``-dirty`` follows where files differ from the commit. Without a module it is the repository of the main
    program, or of the current folder.

    Examples
    --------
    >>> import datajoint as dj
    >>> code_version(dj.Instance(backend="sqlite", database__name=":memory:").config)
    ''
    """
    if config.jobs.version_method != "git":
        return ""
    file = units.file_of_module(module) if module else getattr(sys.modules.get("__main__"), "__file__", None)
    return _version(os.path.dirname(os.path.realpath(file)) if file else os.getcwd())


@cache  # what runs was loaded once
def _version(folder: str) -> str:
    found = repository_at(folder)
    if found is None or found.commit is None:
        return ""
    return f"{found.commit}{'-dirty' if found.dirty else ''}"[:_LONGEST]
