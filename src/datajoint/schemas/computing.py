"""The methods by which the computed tables of a schema are computed and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datajoint._edge import edge
from datajoint.compute import options
from datajoint.compute.pipeline import run, status

if TYPE_CHECKING:
    from datajoint.compute.pipeline.result import PipelineResult
    from datajoint.compute.pipeline.status import PipelineProgress

__all__ = ["Computing"]


@edge
class Computing:
    """All computed tables of a schema as one pipeline."""

    def populate(
        self, *restrictions: Any, suppress_errors: bool = False, return_exception_objects: bool = False,
        reserve_jobs: bool = False, max_calls: int | None = None, display_progress: bool = False,
        processes: int | None = 1, priority: int | None = None, refresh: bool | None = None,
        executor: Any = None, stale: bool = False, prompt: bool | None = None, reuse: bool | None = None,
    ) -> PipelineResult:  # fmt: skip
        """Compute all tables of the schema, each key as soon as what it is made from is there (SCH-12).

        Arguments are those of `dj.populate`.

        Parameters
        ----------
        *restrictions
            Conditions on the keys; all must hold.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Lookup):
        ...     definition = "subject_id : int32"
        ...     contents = [(1,), (2,)]
        >>> @schema
        ... class Fit(dj.Computed):
        ...     definition = "-> Subject"
        ...
        ...     def make(self, key):
        ...         self.insert1(key)
        >>> schema.populate("subject_id < 2")
        table  made  failed  remaining
        -----  ----  ------  ---------
        Fit       1       0          0
        """
        chosen = options.PopulateOptions(
            suppress_errors, return_exception_objects, reserve_jobs, max_calls, display_progress, processes,
            None, priority, refresh, executor, stale, reuse, prompt,
        )  # fmt: skip
        return run.compute([self], restrictions, chosen)

    def progress(self, stale: bool = False) -> PipelineProgress:
        """Return how far all computed tables of the schema are, by one statement; nothing is computed.

        Parameters
        ----------
        stale
            Look for stale rows, too: several statements for each table.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Lookup):
        ...     definition = "subject_id : int32"
        ...     contents = [(1,), (2,)]
        >>> @schema
        ... class Fit(dj.Computed):
        ...     definition = "-> Subject"
        ...
        ...     def make(self, key):
        ...         self.insert1(key)
        >>> schema.progress()
        table  done  total  remaining  reserved  errors  ignored
        -----  ----  -----  ---------  --------  ------  -------
        Fit       0      2          2         0       0        0
        """
        return status.pipeline_progress(self, stale=stale)
