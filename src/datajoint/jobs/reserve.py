"""What a worker holds of a job queue: it reserves a few jobs at a time, hands them out, and settles each."""

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
from datajoint.journal.events.change import packet
from datajoint.logging import logger
from datajoint.make.reuse import Reuse
from datajoint.make.task import DONE, FAILED, NOTHING, MakeOutcome, MakeTask
from datajoint.query.expression import QueryExpression
from datajoint.sql.system_tables.jobs import SKIPPED

if TYPE_CHECKING:
    from datajoint.provenance.reuse import Candidate

__all__ = ["Reservations"]

_PAGE = 20
"""Keys looked at in one statement."""
_PAGE_SECONDS = 1.0
"""Age from which they are looked at again: more urgent jobs may have come."""
_MOST = 20
"""Jobs reserved in one statement."""
_LOSSES = 5
"""A key whose connection was lost is tried so often at least."""
_ASKED_SECONDS = 5.0
"""After so long it is asked again whether the table has a history."""
_LONGEST_DELAY = 3600.0
"""Between two attempts."""
_AHEAD_SECONDS = 0.5
"""Work that may wait in reserved jobs."""

Key = dict[str, Any]


class Reservations:
    """The jobs that one populate holds.

    Parameters
    ----------
    jobs
        The queue.
    among
        Take only jobs with these keys; None for any.
    priority
        Take only jobs at least so urgent.
    most
        The most jobs to take.
    worker
        Who holds them; one of their own by default, which ends with them.
    reuse
        Whether earlier results may be used again; None leaves it to the class and the setting.

    Attributes
    ----------
    owner
        Who holds them.
    lock
        Held while the connection is used.
    retry_at
        When, by ``time.monotonic()``, the next of the jobs that have failed may be tried again.
    """

    def __init__(
        self, jobs: Jobs, among: QueryExpression | None, priority: int | None, most: int | None,
        worker: Worker | None = None, reuse: bool | None = None,
    ) -> None:  # fmt: skip
        self._jobs, self._among, self._priority = jobs, among, priority
        self._left: int | None = most
        self.lock = threading.RLock()  # tasks are taken by threads, one for each process that makes them
        self._worker = worker or Worker(jobs.connection, [jobs.target.name])
        self._is_shared = worker is not None
        self.owner, self.cancels = self._worker.owner, self._worker.cancels
        jobs.holder = self.owner
        self.retry_at = float("inf")
        self._losses = jobs.connection.losses
        self._page: list[tuple[int, Key]] = []
        self._looked = 0.0
        self._begun = self._contended = self._is_left = False
        self._is_taking = False  # what is reserved is not in our books yet
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
        """Context that closes the reservations, or lets the next statement do so after an interruption."""
        return Holding(self._worker, self.close)

    def count(self) -> int:
        """Return how many jobs there are to be made now."""
        pending = self._jobs.pending
        if self._among is not None:
            pending = pending.restrict(self._among, semantic_check=False)
        found = len(pending)
        return found if self._left is None else min(found, self._left)

    def tasks(self) -> Iterator[MakeTask]:
        """Yield the jobs to be made, each reserved for us."""
        return iter(self.take, None)

    def take(self) -> MakeTask | None:
        """Return a job to be made, reserved for us; None if there is none now."""
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
        """Take only jobs with these keys from now on; what is reserved and not handed out is released."""
        with self.lock:
            self._among, self._page, self._begun = among, [], False
            waiting = [key for _, key in self._waiting]
            self._waiting.clear()
            if waiting:
                self._jobs.release(waiting, self.owner)
                self._left = None if self._left is None else self._left + len(waiting)

    def urgency(self) -> int | None:
        """Return the priority of the job to be taken next, None if there is none now."""
        with self.lock:
            if not self._waiting:
                self._look()
            known = self._waiting or self._page
            return known[0][0] if known else None

    def holds(self, key: Key) -> bool:
        """Whether a key was handed out and is not settled."""
        return tuple(key.values()) in self._running

    def settle(self, outcome: MakeOutcome) -> None:
        """Record what became of a job, unless the transaction of its results has done so."""
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
        """Give back what is not made, also what was interrupted (POP-23)."""
        running, self._running = list(self._running.values()), {}
        back = [*(key for _, key in self._waiting), *running]
        self._waiting.clear()
        try:
            in_doubt = self._is_in_doubt(cause)
            self._worker.may_hold_more |= in_doubt
            if (
                in_doubt or cause is not None
            ):  # which may have come while a key passed from one list to another
                self._jobs.release_all(self.owner)
            elif back:
                self._jobs.release(back, self.owner)
            if not self._is_shared:
                self._worker.close()
        except DataJointError as error:
            self._worker.abandon()  # what it holds is taken back by others
            if cause is None:
                raise
            logger.warning(
                "jobs of `%s` may stay reserved for a while: %s", self._jobs.target.class_name, error
            )

    def _is_in_doubt(self, cause: BaseException | None) -> bool:
        """Whether more may be ours than we know of: an answer was lost, or something came between."""
        replaced = self._jobs.connection.losses != self._losses
        return replaced or self._is_taking or self._is_left or isinstance(cause, LostConnectionError)

    # ---------------------------------------------------------------------------------------------- taking

    def _take(self) -> bool:
        """Reserve the next few jobs and return whether there were any."""
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
        """Leave out keys that this populate has taken too often; None where no other key is left.

        A key that does not compare equal to itself, such as a rounded number, stays in the queue whatever is
        done. A worker, which runs for long, may take a key any number of times.
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
        """Release jobs that are not taken again in this run."""
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
        """Reserve the next few jobs and return them; None if there are none."""
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
        """Reserve some of those looked at, which others may be about to take; None if there are none."""
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
        """Note that others are at it, too: what we know of the queue is old."""
        self._page, self._contended = [], True

    def _look(self) -> None:
        if not self._page or time.monotonic() - self._looked > _PAGE_SECONDS:
            self._page = self._jobs.next_keys(_PAGE, self._priority, self._among)
            self._find_earlier([key for _, key in self._page])
            self._looked = time.monotonic()

    def _find_earlier(self, keys: list[Key]) -> None:
        """Look for earlier results that may be used again."""
        if keys and time.monotonic() - self._asked > _ASKED_SECONDS:
            has_appeared(self._jobs.target)
            self._asked = time.monotonic()
        self._earlier = self._reuse.earlier(keys)

    def _be_seen(self) -> None:
        """Let others know that we are alive, before we take anything."""
        self._worker.expect(self._jobs.name)
        self._worker.start()
        self._worker.look()

    def _choose(self) -> list[tuple[int, Key]]:
        """Return the next few jobs; where others take the same, somewhere among those equally urgent."""
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
        """Return how many jobs to reserve at once: few at first, and where they take long, only one."""
        count = 1
        if self._seconds is not None:
            count = max(1, min(_MOST, self._settled, int(_AHEAD_SECONDS / max(self._seconds, 1e-3))))
        return count if self._left is None else min(count, self._left)

    def _fail(self, key: Key, outcome: MakeOutcome) -> None:
        """Record an error; where the key may be tried again, it is pending from some time on (JOB-7)."""
        jobs, error = self._jobs, outcome.error
        if isinstance(error, JobCancelled):
            end_cancelled(jobs, key, self._worker.id, outcome.seconds, outcome.log)
            return
        settings = jobs.connection.config.jobs
        most = int(getattr(jobs.target, "max_attempts", None) or settings.max_attempts)
        if isinstance(error, LostConnectionError):  # which is no fault of the key
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
        """Release a job whose make inserted nothing; workers take it again later."""
        delay = float(self._jobs.connection.config.jobs.skipped_retry)
        self._jobs.release([key], self.owner, delay, SKIPPED)
        self._skipped.add(tuple(key.values()))

    def _complete(self, key: Key) -> None:
        """End a job whose result is there already."""
        try:
            end_cancelled(self._jobs, key, self._worker.id, 0.0, "")  # it has not heard of it
            packet(self._jobs.connection, self._jobs.finishing(key, self.owner, 0.0))
        except LostConnectionError:
            raise
        except DataJointError as error:
            if not is_lost(error):
                raise
