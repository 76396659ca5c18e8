"""Options of `populate`, for one table and for pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from datajoint import logging
from datajoint._value import Value, replace
from datajoint.errors import DataJointDeprecationWarning

__all__ = ["OlderOptions", "PopulateOptions", "with_older"]


class PopulateOptions(Value):
    """Options of one call of `populate`; `AutoPopulate.populate` describes them.

    Examples
    --------
    >>> PopulateOptions(processes=4).is_here, PopulateOptions().is_here
    (False, True)
    """

    suppress_errors: bool = False
    return_exception_objects: bool = False
    reserve_jobs: bool = False
    max_calls: int | None = None
    display_progress: bool = False
    processes: int | None = 1
    make_kwargs: Mapping[str, Any] | None = None
    priority: int | None = None
    refresh: bool | None = None
    executor: Any = None
    stale: bool = False
    reuse: bool | None = None
    prompt: bool | None = None

    @property
    def is_here(self) -> bool:
        """Whether makes run in this process, one after the other, unless a setting says otherwise."""
        return self.processes == 1 and self.executor is None


class OlderOptions(TypedDict, total=False):
    """Older spellings of options."""

    limit: int | None
    order: str | None


def with_older(options: PopulateOptions, older: OlderOptions) -> PopulateOptions:
    """Return options that include older spellings: ``limit`` for ``max_calls``; ``order`` has no effect.

    Raises
    ------
    TypeError
        If an option does not exist.

    Examples
    --------
    >>> with_older(PopulateOptions(), {}) == PopulateOptions()
    True
    """
    if unknown := [name for name in older if name not in ("limit", "order")]:
        raise TypeError(f"populate() got an unexpected keyword argument {unknown[0]!r}")
    limit = older.get("limit")
    if limit is None and older.get("order") is None:
        return options
    logging.warn(
        "populate(limit=, order=) is older spelling: use max_calls=; keys come in key order.",
        DataJointDeprecationWarning,
    )
    return replace(options, max_calls=limit) if options.max_calls is None else options
