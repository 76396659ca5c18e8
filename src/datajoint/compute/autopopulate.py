"""Public methods of computed tables: `populate`, `stale`, `why`, `verify`, `progress`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from datajoint.compute import options, populate as populating, verify as verifying
from datajoint.errors import DataJointError
from datajoint.jobs import jobs as queues
from datajoint.make import key_source as sources, make as makes, upstream as upstreams
from datajoint.make.methods import Making
from datajoint.provenance.staleness import report as reports, search as staleness
from datajoint.provenance.tracing import why as tracing
from datajoint.table.meta import class_level

if TYPE_CHECKING:
    from datajoint.compute.options import OlderOptions
    from datajoint.compute.populate import PopulateResult, Progress
    from datajoint.make.recompute.verify_report import VerifyReport
    from datajoint.provenance.staleness.report import StaleReport
    from datajoint.provenance.tracing.why import Why
    from datajoint.query.expression import QueryExpression
    from datajoint.table.table import Table

__all__ = ["AutoPopulate"]


@class_level
class AutoPopulate(Making):
    """Base class of tables whose method `make` computes the rows, one key at a time.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Square(dj.Computed):
    ...     definition = '''
    ...     -> Subject
    ...     ---
    ...     square : int64
    ...     '''
    ...
    ...     def make(self, key):
    ...         self.insert1({**key, "square": key["subject_id"] ** 2})
    >>> Subject.insert([{"subject_id": 3}, {"subject_id": 4}])
    >>> Square.populate()
    {'success_count': 2, 'error_list': []}
    >>> Square.progress()
    (0, 2)
    """

    @property
    def key_source(self) -> Any:
        """Keys to compute: by default the join of the parents in the primary key.

        A class may define another expression instead, as an attribute or a property.
        """
        return sources.default_key_source(cast("Table", self))

    @property
    def upstream(self) -> upstreams.Upstream:
        """Ancestors, restricted to the rows that the key of the running `make` is derived from.

        Write ``self.upstream[Subject]`` inside `make`.

        Raises
        ------
        DataJointError
            Outside `make`.
        """
        table = cast("Table", self)
        key = makes.running_key(table)
        if key is None:
            raise DataJointError(
                f"self.upstream is only available inside make(), and none of `{table.class_name}` runs here.",
                hint="Outside make(), trace explicitly: dj.Diagram.trace(table & key)[Ancestor].",
            )
        return upstreams.Upstream(table, dict(key))

    @property
    def jobs(self) -> queues.Jobs:
        """Job queue of the table; the first use declares it."""
        return queues.Jobs(cast("Table", self))

    def populate(
        self, *restrictions: Any, suppress_errors: bool = False, return_exception_objects: bool = False,
        reserve_jobs: bool = False, max_calls: int | None = None, display_progress: bool = False,
        processes: int | None = 1, make_kwargs: Mapping[str, Any] | None = None, priority: int | None = None,
        refresh: bool | None = None, executor: Any = None, stale: bool = False, reuse: bool | None = None,
        prompt: bool | None = None, **older: Unpack[OlderOptions],
    ) -> PopulateResult:  # fmt: skip
        """Call `make` for every key of the key source without a row in the table.

        Parameters
        ----------
        *restrictions
            Conditions on the keys; all must hold.
        suppress_errors
            Continue after an error and return it, instead of raising the first one.
        return_exception_objects
            Return errors as exceptions rather than as text.
        reserve_jobs
            Share the keys with other workers through the job queue.
        max_calls
            Maximum number of keys.
        display_progress
            Display the progress.
        processes
            Number of processes; None for the number of processors.
        make_kwargs
            Further arguments of `make` (`make_fetch` in the three-part form).
        priority
            With `reserve_jobs`: compute only jobs of this priority or a more urgent one; new jobs get it.
        refresh
            With `reserve_jobs`: update the queue first; the default is the setting ``jobs.auto_refresh``.
        executor
            Name of an executor (``"local"``, ``"processes"``, ``"dask"``, ``"ray"``, or one of an installed
            package), or an executor object; the default is the setting ``jobs.executor``. An executor
            started by name has `processes` workers, or its own default number if `processes` is 1.
        stale
            Recompute stale and possibly stale rows, instead of computing missing ones. Rows with equal
            results stay unchanged and are confirmed. Rows with other values are updated in place, so that
            dependent rows become stale. Rows that `make` no longer inserts are deleted with their
            dependent rows.
        reuse
            Whether to restore deleted rows from the history instead of computing, if the same code, in the
            same Python with the same packages, computed them from the same values. By default computed
            tables follow the setting ``provenance.reuse``, and imported tables do not reuse, because their
            external sources may have changed. A class overrides this with ``reuse = True``, or with
            ``reuse = False`` for results that must differ.
        prompt
            With `stale`: list the rows of other tables and ask before deleting them. If no user can answer,
            as in other processes, the key fails and stays unchanged. The default is the setting
            ``safemode``.
        **older
            ``limit``, older name of `max_calls`, and ``order``, which has no effect: keys come in key order.

        Returns
        -------
        dict
            ``success_count`` and ``error_list``: pairs of key and ``"Class: text"`` or exception. If earlier
            results were reused, ``reused_count`` is the number of those keys. If makes inserted nothing,
            ``skipped_count`` is the number of those keys, which remain missing.

        Raises
        ------
        DataJointError
            On a restricted table, inside a transaction or a make.
        """
        chosen = options.PopulateOptions(
            suppress_errors, return_exception_objects, reserve_jobs, max_calls, display_progress, processes,
            make_kwargs, priority, refresh, executor, stale, reuse, prompt,
        )  # fmt: skip
        chosen = options.with_older(chosen, older) if older else chosen
        return populating.populate(cast("Table", self), restrictions, chosen)

    def stale(self, *restrictions: Any, exact: bool = False) -> StaleReport:
        """Report the rows that are not fresh, because their inputs or their code have changed.

        A row is *stale* if an input or the code has changed, or if it depends on a stale row. It is *possibly
        stale* if rows that its make read were rewritten and the record does not show whether the values that
        it read have changed. A row of another program, for example, is *unknown*. The report is true if it
        has any of these rows. A row is *fresh, known in part* (`partly`) if nothing has changed but some of
        its code cannot be followed.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold.
        exact
            Repeat all queries and compare the values with the recorded ones, which also detects changes by
            other programs.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     weight : float64
        ...     '''
        >>> @schema
        ... class Dose(dj.Computed):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     dose : float64
        ...     '''
        ...
        ...     def make(self, key):
        ...         self.insert1({**key, "dose": 0.1 * (Subject & key).fetch1("weight")})
        >>> Subject.insert([{"subject_id": 1, "weight": 20}, {"subject_id": 2, "weight": 30}])
        >>> Dose.populate()
        {'success_count': 2, 'error_list': []}
        >>> Subject.update1({"subject_id": 2, "weight": 31})
        >>> Dose.stale().keys.to_dicts()
        [{'subject_id': 2, 'dose': 3.0}]
        """
        table = cast("Table", self)
        for restriction in restrictions:
            table = table & restriction
        return staleness.stale(table, exact)

    def why(self, *, exact: bool = False) -> Why:
        """Return why the rows are stale, possibly stale, unknown or fresh, in words and as data.

        For inputs it lists the changed rows with old value, new value and user. For code it shows the
        differences to the functions that ran. For stale ancestors it gives their reasons.

        Parameters
        ----------
        exact
            As for `stale`.

        Raises
        ------
        DataJointError
            If there are more than 20 rows.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     weight : float64
        ...     '''
        >>> @schema
        ... class Dose(dj.Computed):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     dose : float64
        ...     '''
        ...
        ...     def make(self, key):
        ...         self.insert1({**key, "dose": 0.1 * (Subject & key).fetch1("weight")})
        >>> Subject.insert1({"subject_id": 1, "weight": 20})
        >>> Dose.populate()
        {'success_count': 1, 'error_list': []}
        >>> Subject.update1({"subject_id": 1, "weight": 31})
        >>> (Dose & {"subject_id": 1}).why()
        Dose  subject_id=1  stale
          made ... by ..., code ..., Python ...
          • What was read of `Subject` has changed:
              subject_id=1: weight 20.0 → 31.0, updated ... by ... (event ...)
        """
        return tracing.why(cast("Table", self), exact)

    def verify(
        self, *restrictions: Any, sample: float | None = None,
        tolerance: float | Mapping[str, float] | None = None, seed: int | None = None,
        ignore: str | Iterable[str] = (), make_kwargs: Mapping[str, Any] | None = None,
        display_progress: bool = False,
    ) -> VerifyReport:  # fmt: skip
        """Run `make` again for stored keys and compare the results with the stored rows, without changes.

        The rows that a make inserts into its table and parts are collected, compared, and discarded. A make
        that writes other tables, or reads rows that it has inserted, is stopped first, and its key fails.
        An event of kind ``verify`` records the outcome. It confirms no row: a stale row stays stale until
        ``populate(stale=True)`` recomputes it.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold. The whole key of a row is computed and compared.
        sample
            Number of random keys (100), or a fraction of the keys (0.1); the default is all keys.
        tolerance
            Absolute tolerance of numbers, and relative tolerance to the stored number (1e-6), as in
            ``numpy.isclose``; it applies inside arrays and other containers, too. Whole numbers must be
            equal, unless a dict gives a tolerance for their attribute. By default all values must be
            equal, with their types and shapes.
        seed
            Seed of the sample: the same seed selects the same keys.
        ignore
            Attributes to leave out of the comparison, such as times.
        make_kwargs
            Further arguments of `make`.
        display_progress
            Display the progress.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> @schema
        ... class Square(dj.Computed):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     square : float64
        ...     '''
        ...
        ...     def make(self, key):
        ...         self.insert1({**key, "square": key["subject_id"] ** 2})
        >>> Subject.insert([{"subject_id": 3}, {"subject_id": 4}])
        >>> Square.populate()
        {'success_count': 2, 'error_list': []}
        >>> Square.verify()
        `Square`: 2 keys verified
        >>> Square.update1({"subject_id": 4, "square": 17}, allow_direct_update=True)
        >>> Square.verify()
        `Square`: 1 of 2 keys verified, 1 differs
          differs  subject_id=4
            square  17.0 → 16.0  (difference 1)
        """
        return verifying.verify(
            cast("Table", self), restrictions, sample=sample, tolerance=tolerance, seed=seed, ignore=ignore,
            make_kwargs=make_kwargs or {}, display_progress=display_progress,
        )  # fmt: skip

    def progress(self, *restrictions: Any, display: bool = False, stale: bool = False) -> Progress:
        """Return the number of remaining keys, and of all keys.

        Parameters
        ----------
        *restrictions
            Conditions on the keys; all must hold.
        display
            Print the result, too.
        stale
            Count stale and possibly stale rows, too, in the attribute ``stale`` of the result.
        """
        return populating.progress(cast("Table", self), restrictions, display, stale)

    def _jobs_to_do(self, restrictions: Iterable[Any]) -> QueryExpression:
        """Return all keys, including the computed ones; the name in 0.1x of `all_keys`."""
        return sources.all_keys(cast("Table", self), tuple(restrictions))

    def _remark(self) -> str:
        """Return the remark of a preview about stale rows, if this process has counted them."""
        table = cast("Table", self)
        found = None if table.is_restricted else reports.last_count(table)
        return str(found or "")
