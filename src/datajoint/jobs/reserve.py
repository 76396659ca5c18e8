"""Reservations: the jobs that a worker holds, from their reservation in batches to their outcome."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datajoint.errors import DataJointError, LostConnectionError
from datajoint.jobs.appeared import has_appeared
from datajoint.jobs.attempts import (
    FAILED as GIVEN_UP,
    RETRY,
    add_attempt,
    end_cancelled,
    last_outcomes,
    trailing,
)
from datajoint.jobs.cancel import JobCancelled
from datajoint.jobs.claim import claim
from datajoint.jobs.jobs import Jobs, is_lost
from datajoint.jobs.lease.worker_lease import Holding, Worker
from datajoint.journal.events.packet import send, undivided
from datajoint.logging import logger
from datajoint.make.reuse import Reuse
from datajoint.make.task import DONE, FAILED, NOTHING, MakeOutcome, MakeTask
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables.jobs import SKIPPED

if TYPE_CHECKING:
    from datajoint.provenance.reuse import Candidate

__all__ = ["Reservations"]

_PAGE = 20
"""Pending keys read in one statement."""
_PAGE_SECONDS = 1.0
"""Age at which a page of keys is read again: more urgent jobs may have been queued."""
_MOST = 20
"""Jobs reserved in one statement."""
_LOSSES = 5
"""Least number of attempts at a key whose connection was lost."""
_ASKED_SECONDS = 5.0
"""Interval at which the catalog is checked for a new history of the table."""
_LONGEST_DELAY = 3600.0
"""Longest delay between two attempts, in seconds."""
_AHEAD_SECONDS = 0.5
"""Work that may wait in reserved jobs, in seconds."""

Key = dict[str, Any]


class Reservations:
    """Jobs that one populate holds.

    `lock` guards the books and the connection: threads take tasks, one thread for each child process. A job
    is waiting, running, or settled; `close` releases every job that is not settled.

    Parameters
    ----------
    jobs
        The queue.
    among
        Reserve only jobs with these keys; None for any.
    priority
        Reserve only jobs of this priority or a more urgent one.
    most
        Maximum number of jobs.
    worker
        Worker that holds the jobs; by default a new one, which ends with this object.
    reuse
        Whether to reuse earlier results; None leaves it to the class and the setting.

    Attributes
    ----------
    owner
        Identity of the worker in the queue.
    lock
        Held while the connection is in use.
    retry_at
        Time of the next retry of a failed job, by ``time.monotonic()``.
    """

    def __init__(
        self, jobs: Jobs, among: QueryExpression | None, priority: int | None, most: int | None,
        worker: Worker | None = None, reuse: bool | None = None,
    ) -> None:  # fmt: skip
        self._jobs, self._among, self._priority = jobs, among, priority
        self._left: int | None = most
        self.lock = threading.RLock()  # one thread for each child process takes tasks
        self._worker = worker or Worker(jobs.connection, [jobs.target.name])
        self._is_shared = worker is not None
        self.owner, self.cancels = self._worker.owner, self._worker.cancels
        jobs.holder = self.owner
        self.retry_at = float("inf")
        self._losses = jobs.connection.losses
        self._page: list[tuple[int, Key]] = []
        self._looked = 0.0
        self._begun = self._contended = self._is_left = False
        self._is_taking = False  # reserved jobs are not in `_waiting` yet
        self._settled = 0
        self._waiting: deque[tuple[int, Key]] = deque()
        self._reuse = Reuse(jobs.target, reuse)
        self._asked = -_ASKED_SECONDS
        self._earlier: dict[tuple[Any, ...], tuple[Candidate, ...]] = {}
        self._running: dict[tuple[Any, ...], Key] = {}
        self._seconds: float | None = None
        self._skipped: set[tuple[Any, ...]] = set()
        self._times: Counter[tuple[Any, ...]] = Counter()

    def holding(self) -> Holding:
        """Context that closes the reservations; after an interruption the next statement does so."""
        return Holding(self._worker, self.close)

    def count(self) -> int:
        """Return the number of jobs that can be computed now."""
        pending = self._jobs.pending
        if self._among is not None:
            pending = pending.restrict(self._among, semantic_check=False)
        found = len(pending)
        return found if self._left is None else min(found, self._left)

    def tasks(self) -> Iterator[MakeTask]:
        """Yield a task for each job that this worker reserves."""
        return iter(self.take, None)

    def take(self) -> MakeTask | None:
        """Reserve a job and return its task; None if no job is available."""
        with self.lock:
            if not self._waiting and not self._take():
                return None
            _, key = self._waiting.popleft()
            self._running[tuple(key.values())] = key
            task = self._task(key)
            self.cancels.begin(task)
            return task

    def _task(self, key: Key) -> MakeTask:
        earlier = self._earlier.get(tuple(key.values()), ())
        return MakeTask(key, self.owner, self._worker.id, self._jobs.target.name, earlier=earlier)

    def restrict(self, among: QueryExpression | None) -> None:
        """Reserve only jobs with these keys from now on, and release the waiting ones."""
        with self.lock:
            self._among, self._page, self._begun = among, [], False
            waiting = [key for _, key in self._waiting]
            self._waiting.clear()
            if waiting:
                self._jobs.release(waiting, self.owner)
                self._left = None if self._left is None else self._left + len(waiting)

    def urgency(self) -> int | None:
        """Return the priority of the next job; None if no job is available."""
        with self.lock:
            if not self._waiting:
                self._look()
            known = self._waiting or self._page
            return known[0][0] if known else None

    def holds(self, key: Key) -> bool:
        """Whether the job of a key is running."""
        return tuple(key.values()) in self._running

    def settle(self, outcome: MakeOutcome) -> None:
        """Record the outcome of a job, unless the transaction of its results has done so."""
        with self.lock:
            self._settle(outcome)

    def _settle(self, outcome: MakeOutcome) -> None:
        key = self._running.pop(tuple(outcome.key.values()), outcome.key)
        known = self._seconds
        self._settled += 1
        self._seconds = outcome.seconds if known is None else 0.7 * known + 0.3 * outcome.seconds
        self.cancels.end(self._jobs.target.name, key)
        if outcome.status == FAILED:
            self._fail(key, outcome)
        elif outcome.status == NOTHING:
            self._skip(key)
        elif outcome.status != DONE:
            self._complete(key)

    def close(self, cause: BaseException | None = None) -> None:
        """Release the waiting jobs and the interrupted ones."""
        running, self._running = list(self._running.values()), {}
        back = [*(key for _, key in self._waiting), *running]
        self._waiting.clear()
        try:
            in_doubt = self._is_in_doubt(cause)
            self._worker.may_hold_more |= in_doubt
            if (
                in_doubt or cause is not None
            ):  # an interruption may have come while a key moved between two lists
                self._jobs.release_all(self.owner)
            elif back:
                self._jobs.release(back, self.owner)
            if not self._is_shared:
                self._worker.close()
        except DataJointError as error:
            self._worker.abandon()  # other workers recover its jobs
            if cause is None:
                raise
            logger.warning(
                "jobs of `%s` may stay reserved for a while: %s", self._jobs.target.class_name, error
            )

    def _is_in_doubt(self, cause: BaseException | None) -> bool:
        """Whether this worker may hold unknown jobs: a reply was lost, or an interruption came."""
        replaced = self._jobs.connection.losses != self._losses
        return replaced or self._is_taking or self._is_left or isinstance(cause, LostConnectionError)

    # ---------------------------------------------------------------------------------------------- taking

    def _take(self) -> bool:
        """Reserve the next batch of jobs; return False if there is none."""
        while self._left is None or self._left > 0:
            self._is_taking = True
            some = self._reserve()
            some = some and self._bounded(some)
            self._waiting.extend(some or ())
            self._is_taking = False
            if some is None:
                return False
            if some:
                self._left = None if self._left is None else self._left - len(some)
                return True
        return False

    def _bounded(self, some: list[tuple[int, Key]]) -> list[tuple[int, Key]] | None:
        """Drop keys that this populate has reserved too often; return None if no other key remains.

        A key that does not compare equal to itself, such as a rounded number, never leaves the queue. A
        long-running worker may reserve a key any number of times.
        """
        if self._worker.is_endless:
            return some
        most = max(_LOSSES, int(self._jobs.connection.config.jobs.max_attempts)) + 1
        self._times.update(tuple(key.values()) for _, key in some)
        kept, left = list[tuple[int, Key]](), list[Key]()
        for priority, key in some:
            place = tuple(key.values())
            if place in self._skipped or self._times[place] > most:
                left.append(key)
            else:
                kept.append((priority, key))
        if left:
            self._leave(left)
        return kept or None

    def _leave(self, keys: list[Key]) -> None:
        """Release jobs that this run does not reserve again."""
        for key in keys:
            place = tuple(key.values())
            if place in self._skipped:
                delay = float(self._jobs.connection.config.jobs.skipped_retry)
                self._jobs.release([key], self.owner, delay, SKIPPED)
            else:
                message = f"The job was taken {self._times[place] - 1} times and is still in the queue."
                self._jobs.fail(key, message, None, self.owner)
                logger.warning(
                    "`%s`: %s It is left out for the key %s.", self._jobs.target.class_name, message, key
                )
        self._is_left = True

    def _reserve(self) -> list[tuple[int, Key]] | None:
        """Reserve the next batch of jobs and return it; None if there is none."""
        if not self._begun:
            self._look()
            if not self._page:
                return None
            self._begun = True
        self._be_seen()
        some = claim(self._jobs, self._ahead(), self.owner, self._priority, self._among)
        self._page = []
        if not some:
            return self._reserve_known()
        new = [job for job in some if tuple(job[1].values()) not in self._running]
        self._find_earlier([key for _, key in new])
        return new

    def _reserve_known(self) -> list[tuple[int, Key]] | None:
        """Reserve jobs of the page, for which other workers may compete; None if the page is empty."""
        self._look()
        if not self._page:
            return None
        self._be_seen()
        some = self._choose()
        taken = self._jobs.reserve_some([key for _, key in some], self.owner) if some else []
        if len(taken) < len(some):
            self._collide()
        return [job for job in some if job[1] in taken]

    def _collide(self) -> None:
        """Record that other workers compete for the queue, and discard the page."""
        self._page, self._contended = [], True

    def _look(self) -> None:
        if not self._page or time.monotonic() - self._looked > _PAGE_SECONDS:
            self._page = self._jobs.next_keys(_PAGE, self._priority, self._among)
            self._find_earlier([key for _, key in self._page])
            self._looked = time.monotonic()

    def _find_earlier(self, keys: list[Key]) -> None:
        """Search earlier results to reuse."""
        if keys and time.monotonic() - self._asked > _ASKED_SECONDS:
            has_appeared(self._jobs.target)
            self._asked = time.monotonic()
        self._earlier = self._reuse.earlier(keys)

    def _be_seen(self) -> None:
        """Publish this worker as alive before it reserves a job."""
        self._worker.expect(self._jobs.name)
        self._worker.start()
        self._worker.look()

    def _choose(self) -> list[tuple[int, Key]]:
        """Return the next batch of the page; under contention a random one among the most urgent."""
        count = self._ahead()
        start = 0
        if self._contended:
            first = self._page[0][0]
            equal = next((n for n, (p, _) in enumerate(self._page) if p != first), len(self._page))
            start = random.randrange(max(1, equal - count + 1))  # noqa: S311 - not for secrets
        some = self._page[start : start + count]
        del self._page[start : start + count]
        return some

    def _ahead(self) -> int:
        """Return the size of the next batch: small at first, and one if a job takes long."""
        count = 1
        if self._seconds is not None:
            count = max(1, min(_MOST, self._settled, int(_AHEAD_SECONDS / max(self._seconds, 1e-3))))
        return count if self._left is None else min(count, self._left)

    def _fail(self, key: Key, outcome: MakeOutcome) -> None:
        """Record an error; if another attempt remains, release the job with a delay (JOB-7)."""
        jobs, error = self._jobs, outcome.error
        if isinstance(error, JobCancelled):
            end_cancelled(jobs, key, self._worker.id, outcome.seconds, outcome.log)
            return
        settings = jobs.connection.config.jobs
        most = int(getattr(jobs.target, "max_attempts", None) or settings.max_attempts)
        if isinstance(error, LostConnectionError):  # not the fault of the key
            most = max(most, _LOSSES)
        before = trailing(last_outcomes(jobs, key), RETRY) if most > 1 else 0
        again = before + 1 < most
        if again:
            delay = min(_LONGEST_DELAY, float(settings.retry_delay) * 2**before)
            ours = bool(jobs.release([key], self.owner, delay))
            self.retry_at = min(self.retry_at, time.monotonic() + delay)
        else:
            ours = jobs.fail(key, f"{type(error).__name__}: {error}", outcome.stack or None, self.owner)
        if ours:
            add_attempt(
                jobs, key, self._worker.id, RETRY if again else GIVEN_UP, outcome.seconds, error,
                {"signature": outcome.signature}, outcome.log,
            )  # fmt: skip

    def _skip(self, key: Key) -> None:
        """Release a job whose make inserted nothing; workers retry it later."""
        delay = float(self._jobs.connection.config.jobs.skipped_retry)
        self._jobs.release([key], self.owner, delay, SKIPPED)
        self._skipped.add(tuple(key.values()))

    def _complete(self, key: Key) -> None:
        """Complete a job whose result exists already."""
        try:
            end_cancelled(self._jobs, key, self._worker.id, 0.0, "")  # unaware of its cancellation
            connection = self._jobs.connection
            send(connection, undivided(connection, self._jobs.finishing(key, self.owner, 0.0)))
        except LostConnectionError:
            raise
        except DataJointError as error:
            if not is_lost(error):
                raise
