"""Interrupt operations at random moments, on every database, and look at what is left behind.

    python tools/soak.py [-n 100000] [--only sqlite:fetch] [--seed 1] [--page docs/soak.md]

Half of the interruptions come from a timer, as Ctrl-C and timeouts do, half from another thread. After each,
a second connection looks for what the first has acknowledged, and the first is asked things whose answers are
known. Ends with status 1 if anything was found. Servers are expected on 127.0.0.1, see `make services`.
"""

import argparse
import ctypes
import json
import logging
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import datajoint as dj

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "build" / "soak.json"
SERVERS: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {"host": "127.0.0.1", "user": "postgres", "password": ""},
    "mysql": {"host": "127.0.0.1", "user": "root", "password": ""},
}
MOST_TOLD = 10
"""Faults of an operation that are told in words."""
FAULTS = ("lost", "wrong", "stuck", "left")
KEPT = (1, 2, 3, 4)
"""Rows that no operation deletes."""
KEYS = (1, 2)
"""Keys that are populated."""


class Interruption(BaseException):
    """Arrives at a moment that nobody has chosen."""


class Timer:
    """Interrupts by a signal, whose handler raises the exception."""

    def __init__(self) -> None:
        self._armed = False
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise Interruption

    def run(self, act: Callable[[], Any], delay: float) -> Interruption | None:
        """Call a function, interrupt it after a delay; return the exception if it came."""
        try:
            try:
                self._armed = True
                signal.setitimer(signal.ITIMER_REAL, delay)
                act()
            finally:
                self._armed = False
        except Interruption as error:
            return error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None


class OtherThread:
    """Interrupts by an exception that another thread sets."""

    def run(self, act: Callable[[], Any], delay: float) -> Interruption | None:
        """Call a function, interrupt it after a delay; return the exception if it came."""
        over = threading.Event()
        here = ctypes.c_ulong(threading.get_ident())

        def interrupt(delay: float = delay) -> None:
            # Before 3.12, Python takes a thread that is just being started for the one that starts it, which
            # then waits for it for ever.
            while not over.wait(delay) and threading._limbo:  # type: ignore[attr-defined]
                delay = 0.0001
            if not over.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(Interruption))

        thread = threading.Thread(target=interrupt)
        try:
            try:
                thread.start()
                act()
            finally:
                over.set()
            thread.join()
            for _ in range(3):  # what was set arrives now; taken back, it lets Python 3.11 loop for ever
                time.monotonic()
        except Interruption as error:
            thread.join()
            return error
        return None


class Lab:
    """A small pipeline, and two connections to it: `number` and `square` here, `seen` by another one."""

    def __init__(self, here: Any, there: Any, name: str) -> None:
        self.here, self.there = here.connection, there.connection
        schema = here.Schema(name)

        @schema
        class Number(dj.Manual):
            definition = """
            n : int64
            ---
            x = 0 : int64
            """

        @schema
        class Square(dj.Computed):
            definition = """
            -> Number
            ---
            y : int64
            """

            class Term(dj.Part):
                definition = """
                -> master
                term : int8
                """

            def make(self, key: dict[str, Any]) -> None:
                self.insert1({**key, "y": key["n"] ** 2})
                self.Term.insert({**key, "term": term} for term in range(3))

        self.number, self.square = Number(), Square()
        self.number.insert({"n": n} for n in KEPT)
        self.keys = self.square.key_source & [{"n": n} for n in KEYS]
        self.square.populate(self.keys, reserve_jobs=True)
        names: dict[str, Any] = {}
        there.Schema(name).spawn_missing_classes(context=names)
        self.seen, self.seen_square = names["Number"](), names["Square"]()

    def x(self, n: int) -> int:
        """Return the value of a row as the other connection sees it."""
        return (self.seen & {"n": n}).fetch1("x")

    def count(self, first: int) -> int:
        """Return how many of the three rows from `first` on the other connection sees."""
        return len(self.seen & f"n BETWEEN {first} AND {first + 2}")


class Operation:
    """What is interrupted, and what must hold of its outcome.

    Parameters
    ----------
    lab
        Where.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab, self.n = lab, 0
        self.holds = False  # a job, by a call that has returned

    def before(self) -> None:
        """Prepare; not interrupted."""

    def act(self) -> None:
        """Do it."""

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        yield from ()

    @property
    def first(self) -> int:
        """A number of a row that was never used before."""
        return 1000 * self.n


class Fetch(Operation):
    """Read all rows."""

    def before(self) -> None:
        """Prepare."""
        self.rows = None

    def act(self) -> None:
        """Do it."""
        self.rows = (self.lab.number & [{"n": n} for n in KEPT]).to_arrays("n", order_by="n").tolist()

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        if self.rows not in ([list(KEPT)] if returned else [list(KEPT), None]):
            yield "wrong"


class Insert(Operation):
    """Insert three rows."""

    def act(self) -> None:
        """Do it."""
        self.lab.number.insert({"n": self.first + n} for n in range(3))

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        if self.lab.count(self.first) not in ((3,) if returned else (0, 3)):
            yield "lost"


class Update(Operation):
    """Update a row."""

    def before(self) -> None:
        """Prepare."""
        self.old = self.lab.x(1)

    def act(self) -> None:
        """Do it."""
        self.lab.number.update1({"n": 1, "x": self.n})

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        if self.lab.x(1) not in ((self.n,) if returned else (self.old, self.n)):
            yield "lost"


class Delete(Operation):
    """Delete three rows."""

    def before(self) -> None:
        """Prepare."""
        self.lab.number.insert({"n": self.first + n} for n in range(3))

    def act(self) -> None:
        """Do it."""
        (self.lab.number & f"n BETWEEN {self.first} AND {self.first + 2}").delete()

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        if self.lab.count(self.first) not in ((0,) if returned else (0, 3)):
            yield "lost"


class Transaction(Update):
    """Update two rows in a transaction."""

    def act(self) -> None:
        """Do it."""
        with self.lab.here.transaction:
            self.lab.number.update1({"n": 1, "x": self.n})
            self.lab.number.update1({"n": 2, "x": self.n})

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        yield from super().check(returned)
        if len(set((self.lab.seen & "n IN (1, 2)").to_arrays("x").tolist())) != 1:
            yield "wrong"


class Populate(Operation):
    """Compute two keys, with jobs."""

    def before(self) -> None:
        """Prepare."""
        self.lab.square.delete()

    def act(self) -> None:
        """Do it."""
        self.lab.square.populate(self.lab.keys, reserve_jobs=True)

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        lab = self.lab
        if returned and len(lab.seen_square) != len(KEYS):
            yield "lost"
        if len(lab.seen_square.Term()) != 3 * len(lab.seen_square):
            yield "wrong"
        lab.square.populate(lab.keys, reserve_jobs=True)
        if (len(lab.seen_square), lab.seen_square.jobs.progress()["total"]) != (len(KEYS), 0):
            yield "left"


class Reserve(Operation):
    """Reserve a job by hand."""

    def before(self) -> None:
        """Prepare."""
        self.lab.square.delete()
        self.lab.square.jobs.delete()
        self.holds = False
        self.lab.square.jobs.refresh(self.lab.keys)

    def act(self) -> None:
        """Do it."""
        self.holds = self.lab.square.jobs.reserve({"n": 1})

    def check(self, returned: bool) -> Iterator[str]:
        """Yield the faults of the outcome."""
        if self.holds:
            self.lab.square.jobs.complete({"n": 1})
        if returned and not self.holds:
            yield "lost"
        if self.lab.seen_square.jobs.reserved:
            yield "left"


OPERATIONS: dict[str, type[Operation]] = {
    kind.__name__.lower(): kind for kind in (Fetch, Insert, Update, Delete, Transaction, Populate, Reserve)
}


class Soak:
    """Interrupts one operation often.

    Parameters
    ----------
    lab
        Where it works.
    operation
        Its name.
    chance
        Chooses moments and ways.

    Attributes
    ----------
    counts
        Runs, interruptions, and faults by kind.
    """

    def __init__(self, lab: Lab, operation: str, chance: random.Random) -> None:
        self._lab, self._operation, self._chance = lab, OPERATIONS[operation](lab), chance
        self._ways = (Timer(), OtherThread())
        self._durations = deque[float](maxlen=100)
        self.counts: Counter[str] = Counter()

    def run(self, n: int) -> Counter[str]:
        """Interrupt it n times."""
        self._durations.extend(self._time() for _ in range(5))
        while self.counts["interrupted"] < n:
            self._interrupt()
        return self.counts

    def _time(self) -> float:
        operation = self._operation
        operation.n += 1
        operation.before()
        start = time.perf_counter()
        operation.act()
        duration = time.perf_counter() - start
        list(operation.check(True))
        return duration

    def _interrupt(self) -> None:
        operation, chance = self._operation, self._chance
        operation.n += 1
        operation.before()
        delay = chance.uniform(0, 1.1 * statistics.median(self._durations))
        start = time.perf_counter()
        way, keep = chance.choice(self._ways), chance.random() < 0.5
        kept: BaseException | None = None
        try:
            kept = way.run(operation.act, delay)
        except Exception as error:  # noqa: BLE001 - an interruption that became another error is a fault
            kept = error
            self._tell("wrong", "".join(traceback.format_exception(error)))
        self.counts["runs"] += 1
        self.counts["interrupted"] += kept is not None
        returned = kept is None
        where = "" if kept is None else "".join(traceback.format_tb(kept.__traceback__)[-8:])
        if returned:
            self._durations.append(time.perf_counter() - start)
        elif not keep:
            kept = None
        try:
            for fault in [*self._look(), *operation.check(returned)]:
                self._tell(fault, f"{type(way).__name__}, returned={returned}\n{where}")
        except Exception as error:  # noqa: BLE001 - the connection does not work any more
            self._tell("stuck", "".join(traceback.format_exception(error)))
        del kept  # with the frames of its traceback, as an interactive session keeps the last one

    def _tell(self, fault: str, words: str) -> None:
        self.counts[fault] += 1
        if sum(self.counts[kind] for kind in FAULTS) <= MOST_TOLD:
            print(f"{type(self._operation).__name__} {self._operation.n}: {fault}; {words}", file=sys.stderr)

    def _look(self) -> Iterator[str]:
        """Use both connections; yield what is not as it should be."""
        lab, first = self._lab, self._operation.first
        if lab.here.in_transaction:
            yield "stuck"
        lab.number.insert1({"n": first + 10})
        if not lab.seen & {"n": first + 10}:
            yield "lost"
        if [[n] for n in KEPT] != [(lab.number & {"n": n}).to_arrays("n").tolist() for n in KEPT]:
            yield "wrong"
        if bool(lab.seen_square.jobs.reserved) is not self._operation.holds:
            yield "left"
        lab.seen.insert1({"n": first + 11})
        (lab.seen & f"n BETWEEN {first + 10} AND {first + 11}").delete_quick()


@contextmanager
def lab(backend: str, folder: Path) -> Generator[Lab]:
    """Give a pipeline of its own on a database."""
    where: dict[str, Any] = {f"database__{name}": value for name, value in SERVERS[backend].items()}
    if backend == "sqlite":
        where["database__name"] = str(folder / "soak.db")
    name = f"djt_soak_{secrets.token_hex(4)}"
    settings: dict[str, Any] = {"backend": backend, **where, "safemode": False, "database__busy_timeout": 10}
    here, there = dj.Instance(**settings), dj.Instance(**settings)
    try:
        yield Lab(here, there, name)
    finally:
        here.connection.close()
        there.Schema(name).drop(prompt=False)
        there.connection.close()


def soak(backend: str, operation: str, n: int, seed: int) -> dict[str, Any]:
    """Interrupt an operation on a database n times; return what is written down."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, lab(backend, Path(folder)) as found:
        run = Soak(found, operation, random.Random(f"{backend} {operation} {seed}"))  # noqa: S311 - no secret
        counts = run.run(n)
        version = found.here.server_version.partition("-")[0]
    return {
        "database": version, "operation": operation, "seed": seed,
        **{kind: counts[kind] for kind in ("runs", "interrupted", *FAULTS)},
        "python": sys.version.split()[0], "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(time.monotonic() - start),
    }  # fmt: skip


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return described.stdout.strip()


PAGE = """# Random interruptions

`make soak` interrupts operations at random moments, half of them by the handler of a signal, as Ctrl-C and
timeouts do, half by an exception that another thread sets. After each it looks from a second connection. It
takes hours and is no part of `make test`, which interrupts at *every line* of the code that speaks to a
database.

| | |
| --- | --- |
| lost | what was acknowledged, before or after the interruption, is not stored, or stored in part |
| wrong | an answer is that of another question, a transaction was stored in part, or the error is another |
| stuck | one of the two connections does not work any more, or is in a transaction that nobody knows of |
| left | a job is reserved after the next statement, or cannot be computed |

"""
COLUMNS = (
    "database", "operation", "interrupted", *FAULTS, "runs", "seed", "python", "commit", "date", "seconds",
)  # fmt: skip


def write_page(page: Path, results: dict[str, dict[str, Any]]) -> None:
    """Write the last result of each operation on each database as a table."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    rows += [[str(result[name]) for name in COLUMNS] for result in results.values()]
    page.write_text(PAGE + "".join(f"| {' | '.join(row)} |\n" for row in rows), encoding="utf-8")


def main() -> int:
    """Run, print, write down, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-n", type=int, default=100_000, help="interruptions of each operation")
    parser.add_argument("--only", action="append", help="sqlite, :fetch or sqlite:fetch; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, help="where the results are written")
    options = parser.parse_args()
    logging.getLogger("datajoint").setLevel(logging.WARNING)
    results: dict[str, dict[str, Any]] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    faults, commit = 0, _commit()
    for name in [f"{backend}:{operation}" for backend in SERVERS for operation in OPERATIONS]:
        if options.only and not any(only in (name, *name.split(":")) for only in _plain(options.only)):
            continue
        backend, _, operation = name.partition(":")
        result = soak(backend, operation, options.n, options.seed)
        faults += sum(result[kind] for kind in FAULTS)
        result["commit"] = commit
        results[name] = result
        print("  ".join(f"{column} {result[column]}" for column in COLUMNS), flush=True)
        RESULT.write_text(json.dumps(results, indent=1), encoding="utf-8")
        if options.page:
            write_page(options.page, results)
    return int(faults > 0)


def _plain(only: list[str]) -> list[str]:
    return [text.strip(":") for text in only]


if __name__ == "__main__":
    sys.exit(main())
