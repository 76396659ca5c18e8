"""Populate: make the rows of a computed table for all keys that lack them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from datajoint.compute.executors.base import DONE, FAILED, SKIPPED, MakeOutcome, MakeTask
from datajoint.compute.executors.local import LocalExecutor
from datajoint.compute.key_source import all_keys, default_key_source, missing_keys
from datajoint.compute.make import Making, make
from datajoint.errors import DataJointError, TransactionError
from datajoint.query.expression import QueryExpression
from datajoint.table.meta import class_level
from datajoint.table.table import Table

__all__ = ["AutoPopulate"]


@class_level
class AutoPopulate(Making):
    """Tables whose rows are made by `make`."""

    @property
    def key_source(self) -> Any:
        """The keys to make: by default the join of the parents in the primary key."""
        return default_key_source(cast(Table, self))

    @property
    def jobs(self) -> Any:
        """The job queue of the table."""
        raise DataJointError(
            f"`{type(self).__name__}` has no job queue yet: job queues come with milestone 3.",
            hint="Call populate() without reserve_jobs.",
        )

    def populate(
        self, *restrictions: Any, suppress_errors: bool = False, return_exception_objects: bool = False,
        reserve_jobs: bool = False, max_calls: int | None = None, display_progress: bool = False,
        processes: int | None = 1, make_kwargs: dict[str, Any] | None = None, priority: int | None = None,
        refresh: bool | None = None, limit: int | None = None, order: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Make all keys of the key source that have no row."""
        table = cast(Table, self)
        if table.is_restricted:
            raise DataJointError("Cannot call populate on a restricted table.",
                                 hint="Pass conditions to populate() as arguments.")  # fmt: skip
        if table.connection.in_transaction:
            raise TransactionError("Populate cannot be called during a transaction.", hint="Call it before or after.")
        if reserve_jobs:
            _ = self.jobs
        keys = missing_keys(table, all_keys(table, restrictions)).keys(order_by="KEY", limit=max_calls)
        executor = LocalExecutor(lambda task: run_job(table, task, make_kwargs or {}))
        outcomes = executor.run([MakeTask(key) for key in keys])
        return _collect(outcomes, suppress_errors, return_exception_objects)

    def progress(self, *restrictions: Any, display: bool = False) -> tuple[int, int]:
        """Return how many keys remain, and how many there are."""
        table = cast(Table, self)
        keys = all_keys(table, restrictions)
        return len(missing_keys(table, keys)), len(keys)


def run_job(table: Table, task: MakeTask, make_kwargs: dict[str, Any]) -> MakeOutcome:
    """Make one key and say what became of it."""
    try:
        make(table, task.key, make_kwargs)
    except Exception as error:  # noqa: BLE001 - whatever a user's make raises is reported
        error.add_note(f"while making `{table.class_name}` for key {task.key}")
        return MakeOutcome(task.key, FAILED, error)
    return MakeOutcome(task.key, DONE)


def _collect(outcomes: Iterable[MakeOutcome], suppress_errors: bool, objects: bool) -> dict[str, Any]:
    success, errors = 0, list[tuple[Any, Any]]()
    for outcome in outcomes:
        if outcome.status == DONE:
            success += 1
        elif outcome.status != SKIPPED:
            error = cast(BaseException, outcome.error)
            if not suppress_errors:
                raise error
            errors.append((outcome.key, error if objects else f"{type(error).__name__}: {error}"))
    return {"success_count": success, "error_list": errors}


_ = QueryExpression
