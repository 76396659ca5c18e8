"""An exception between any two lines of what speaks to the database leaves nothing behind (L1, L2, W1)."""

import sys
from contextlib import suppress

import pytest

import datajoint as dj

PLACES = ("engine/guard.py", "engine/transactions.py", "engine/blocks.py", "engine/link.py")


class Interruption(BaseException):
    """What comes at a moment that nobody has chosen."""


class At:
    """Raises an exception at the n-th line that runs in `engine`'s guard or in a session."""

    def __init__(self, n, places=PLACES):
        self.left, self._places = n, places

    def _local(self, frame, event, _):
        if event in ("line", "opcode"):
            self.left -= 1
            if self.left == 0:
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
