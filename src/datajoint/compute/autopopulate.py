"""What tables that are computed can do: `populate` and its kin."""

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
    """Tables whose rows are made by `make`, one key at a time.

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
        """The keys to make: by default the join of the parents in the primary key (POP-2).

        A class may set another expression instead, as an attribute or a property.
        """
        return sources.default_key_source(cast("Table", self))

    @property
    def upstream(self) -> upstreams.Upstream:
        """Inside `make`: the ancestors, restricted to what the key derives from; ``self.upstream[Subject]``.

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
        """The job queue of the table; it is declared when it is first used (JOB-2)."""
        return queues.Jobs(cast("Table", self))

    def populate(
        self, *restrictions: Any, suppress_errors: bool = False, return_exception_objects: bool = False,
        reserve_jobs: bool = False, max_calls: int | None = None, display_progress: bool = False,
        processes: int | None = 1, make_kwargs: Mapping[str, Any] | None = None, priority: int | None = None,
        refresh: bool | None = None, executor: Any = None, stale: bool = False, reuse: bool | None = None,
        prompt: bool | None = None, **older: Unpack[OlderOptions],
    ) -> PopulateResult:  # fmt: skip
        """Call `make` for every key of the key source that the table has no row for.

        Parameters
        ----------
        *restrictions
            Conditions on the keys; all must hold.
        suppress_errors
            Go on after an error and return it, instead of raising the first one.
        return_exception_objects
            Return errors as exceptions rather than as text.
        reserve_jobs
            Share the keys with other workers by the job queue.
        max_calls
            The most keys to make.
        display_progress
            Show how far it is.
        processes
            How many processes compute; None for as many as there are processors.
        make_kwargs
            Further arguments of `make` (`make_fetch` in the three-part form).
        priority
            With `reserve_jobs`: make only jobs at least so urgent; jobs that are added get this priority.
        refresh
            With `reserve_jobs`: bring the queue up to date first; default is ``jobs.auto_refresh``.
        executor
            What computes: the name of an executor (``"local"``, ``"processes"``, ``"dask"``, ``"ray"``
            or that of an installed package) or one that you made; default is ``jobs.executor``. One that is
            started by its name has `processes` workers, or what it thinks right if that is 1.
        stale
            Make the rows again that are stale or possibly stale, instead of those that are missing. What
            comes out as before stays untouched and is confirmed; rows with other values are changed in
            place, so that what depends on them becomes stale; rows that are not made any more are deleted,
            with what depends on them.
        reuse
            Whether an earlier result is used again instead of computing: rows that were deleted, of which
            history tells that the same code, in the same Python with the same packages, made them from the
            same values. By default computed tables do, as the setting ``provenance.reuse`` says; imported
            tables do not, as what they read outside the database may have changed. A class says otherwise
            by ``reuse = True``, or ``reuse = False`` for results that are to differ.
        prompt
            With `stale`: before rows of other tables are deleted, list them and ask; where nobody can be
            asked, as in other processes, the key counts as failed and stays as it is. Default is the
            setting ``safemode``.
        **older
            ``limit``, older name of `max_calls`, and ``order``, without effect: keys come in key order.

        Returns
        -------
        dict
            ``success_count`` and ``error_list``: pairs of key and ``"Class: text"`` or exception. Where
            earlier results were used again, ``reused_count`` says for how many of the keys. Where makes
            inserted nothing, ``skipped_count`` says for how many keys: these stay to do.

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
        """Return which rows are not fresh: what their make read has changed, or its code, and why (PRV-7).

        A row is *stale* when what was read is no longer what it was, when its code is other code now, or when
        a row that it depends on is stale; *possibly stale* when rows that were read were written again and
        nothing tells whether in what was read; of some rows nothing is *known*, such as those of other
        programs. The report is true where there are any of these. A row is *fresh, known in part* (`partly`)
        when nothing has changed, and not all of its code can be followed.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold.
        exact
            Ask everything again and compare the values, where they were recorded: that notices changes by
            other programs, too.

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
        """Return why the rows are stale, possibly stale, unknown or fresh, in words and as data (PRV-7).

        Of inputs it says which rows have changed, from what to what, by whom; of code how the functions
        differ from those that ran; of rows further up that are stale why these are.

        Parameters
        ----------
        exact
            As for `stale`.

        Raises
        ------
        DataJointError
            For more than 20 rows.

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
        """Run `make` afresh for stored keys, and compare what it gives with what is stored, without a change.

        What a make inserts into its table and parts is collected, compared, and forgotten. One that writes
        elsewhere, or reads what it has inserted, is stopped before it does, and its key counts as failed.
        The outcome is kept as an event of kind ``verify``. It confirms nothing: a stale row stays stale,
        until ``populate(stale=True)`` makes it again.

        Parameters
        ----------
        *restrictions
            Conditions on the rows; all must hold. The whole key of a row is made and compared.
        sample
            So many keys at random (100), or such a part of them (0.1); default is all.
        tolerance
            Numbers are equal, too, if they differ by no more than this, or than this part of the stored one
            (1e-6), as in ``numpy.isclose``; in arrays and other containers, too. Whole numbers have to be
            the same, unless a dict gives a tolerance for their attribute. Default is that all have to be
            the same, with their types and shapes.
        seed
            Of the sample: with the same one, the same keys are looked at.
        ignore
            Attributes that are not compared, such as times.
        make_kwargs
            Further arguments of `make`.
        display_progress
            Show how far it is.

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
        """Return how many keys remain to be made, and how many there are in all.

        Parameters
        ----------
        *restrictions
            Conditions on the keys; all must hold.
        display
            Print it, too.
        stale
            Look, too, how many rows are stale or possibly stale: attribute ``stale`` of what is returned.
        """
        return populating.progress(cast("Table", self), restrictions, display, stale)

    def _jobs_to_do(self, restrictions: Iterable[Any]) -> QueryExpression:
        """Return the keys to be made for, those made already included, in the spelling of 0.1x."""
        return sources.all_keys(cast("Table", self), tuple(restrictions))

    def _remark(self) -> str:
        """Return what a preview of the whole table says of stale rows, if they were looked for here."""
        table = cast("Table", self)
        found = None if table.is_restricted else reports.last_count(table)
        return str(found or "")
