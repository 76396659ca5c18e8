"""An exception between any two lines of what speaks to the database leaves nothing behind (L1, L2, W1)."""

import dis
import random
import sys
from contextlib import suppress

import pytest

import datajoint as dj

from .conftest import FULL

PLACES = ("engine/guard.py", "engine/transactions.py", "engine/blocks.py", "engine/link.py")


class Interruption(BaseException):
    """What comes at a moment that nobody has chosen."""


def is_leaving(frame):
    """Whether a frame is about to call `__exit__` with three times None."""
    first = frame.f_lasti
    return {dis.opmap["LOAD_CONST"]} == set(frame.f_code.co_code[first : first + 6 : 2])


class At:
    """Raises an exception at the n-th line that runs in `engine`'s guard or in a session.

    With `possible` it is not raised where the interpreter raises none: as a `with` block is left, before its
    `__exit__` is called.
    """

    def __init__(self, n, places=PLACES, possible=False):
        self.left, self._places, self._possible, self.where = n, places, possible, "nowhere"

    def _local(self, frame, event, _):
        if event in ("line", "opcode") and not (self._possible and is_leaving(frame)):
            self.left -= 1
            if self.left == 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                raise Interruption
        return self._local

    def __call__(self, frame, event, _):
        if self.left > 0 and any(place in frame.f_code.co_filename for place in self._places):
            return self._local(frame, event, _)
        return None

    def run(self, act):
        """Run something; return whether it came to an end before the exception."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            act()
        finally:
            sys.settrace(before)


def declare(schema):
    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        x = 0 : int32
        """

    return Number


def update_in_a_block(table):
    with table.connection.transaction:
        table.update1({"n": 1, "x": 5})
        table.update1({"n": 2, "x": 5})


def insert_in_nested_blocks(table):
    with table.connection.transaction:
        table.insert1({"n": 50})
        with suppress(ZeroDivisionError), table.connection.transaction:
            table.insert1({"n": 51})
            raise ZeroDivisionError


OPERATIONS = {
    "fetch": lambda table: table.to_dicts(),
    "insert": lambda table: table.insert1({"n": 40}),
    "update": lambda table: table.update1({"n": 1, "x": 6}),
    "replace": lambda table: table.insert1({"n": 1, "x": 7}, replace=True),
    "stream": lambda table: [row["n"] for row in table],
    "delete": lambda table: (table & "n = 40").delete_quick(),
    "transaction": update_in_a_block,
    "savepoint": insert_in_nested_blocks,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_interruption_at_any_line_of_the_guard_leaves_nothing_behind(schema, connect, operation):
    table = declare(schema)()
    other = connect().FreeTable(f"{schema.database}.number")
    table.insert({"n": n} for n in range(1, 5))
    connection, act, n = table.connection, OPERATIONS[operation], 0
    while True:
        n += 1
        hook = At(n)
        kept = None
        try:
            hook.run(lambda: act(table))
        except Interruption as error:
            kept = error  # as an interactive session keeps it, with all its frames
        assert not connection.in_transaction
        table.insert1({"n": 1000 + n})  # what returns is stored
        assert other & {"n": 1000 + n}, (operation, n)
        assert [[k] for k in (1, 2, 3, 4)] == [
            (table & {"n": k}).to_arrays("n").tolist() for k in (1, 2, 3, 4)
        ]
        assert not (other & "n = 51")
        other.insert1({"n": 3000 + n})  # nobody is locked out
        del kept
        (table & "n > 4").delete_quick()
        if hook.left > 0:
            break
    assert n > 5


POPULATING = (*PLACES, "engine/connection.py", "datajoint/compute/", "datajoint/jobs/", "datajoint/make/")
STRIDE = 1 if FULL else 97
"""Lines between two interruptions; each run begins at another one."""


def declare_pipeline(schema):
    number = declare(schema)

    @schema
    class Square(dj.Computed):
        definition = """
        -> Number
        ---
        y : int64
        """

        def make(self, key):
            self.insert1({**key, "y": key["n"] ** 2})

    return number, Square


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("reserve_jobs", [True, False])
def test_an_interruption_at_any_line_of_populate_leaves_no_job_reserved(schema, connect, reserve_jobs):
    number, square = declare_pipeline(schema)
    other = connect().Schema(schema.database)
    number.insert({"n": n} for n in range(1, 4))
    square.populate(reserve_jobs=reserve_jobs)
    other.spawn_missing_classes(context=(there := {}))
    square().delete_quick()
    n = random.randint(1, STRIDE)
    while True:
        hook = At(n, POPULATING, possible=True)
        kept = None
        try:
            hook.run(lambda: square.populate(reserve_jobs=reserve_jobs))
        except Interruption as error:
            kept = error
        assert not square.connection.in_transaction
        done = square.to_arrays("n").tolist()  # the connection is used again
        assert not there["Square"].jobs.reserved, (n, hook.where)
        assert done == there["Square"].to_arrays("n").tolist()
        del kept
        assert {"success_count": 3 - len(done), "error_list": []} == square.populate(
            reserve_jobs=reserve_jobs
        ), (n, hook.where)
        square().delete_quick()
        if hook.left > 0:
            break
        n += STRIDE
    assert n > 500


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_reservation_by_hand_that_is_interrupted_is_pending_at_the_next_statement(schema, connect):
    number, square = declare_pipeline(schema)
    number.insert1({"n": 1})
    square.jobs.refresh()
    stored = connect().FreeTable(square.jobs.full_table_name) & {"status": "reserved"}
    n, stride = random.randint(1, 1 if FULL else 5), 1 if FULL else 5
    while True:
        hook = At(n, POPULATING, possible=True)
        kept = None
        try:
            hook.run(lambda: square.jobs.reserve({"n": 1}))
        except Interruption as error:
            kept = error
        if kept is None:
            break
        assert [1] == number.to_arrays("n").tolist()
        assert not stored, (n, hook.where)
        del kept
        n += stride
    assert n > 50
    assert 1 == len(stored)
    square.jobs.complete({"n": 1})
    assert 0 == square.jobs.progress()["total"]
