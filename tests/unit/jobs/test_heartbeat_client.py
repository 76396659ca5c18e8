"""The beat of a worker, as the worker sees it."""

import socket
import sys
import threading
import uuid
from contextlib import suppress

import pytest

from datajoint.engine.blocks import Cleanup
from datajoint.jobs.cancel import Cancels
from datajoint.jobs.lease.heartbeat_client import End, Pulse

pytestmark = pytest.mark.statement("JOB-14")


def test_a_worker_that_ends_while_its_beat_is_replaced_is_not_kept_alive_by_the_next_one(monkeypatch):
    pairs = [socket.socketpair() for _ in range(2)]
    pulse = Pulse(None, uuid.uuid4(), ["lab"], 0.01, Cancels(), Cleanup())
    calls = iter(pairs)

    def joined():
        ours, theirs = next(calls)
        if theirs is pairs[1][1]:
            pulse.die()
        return ours

    monkeypatch.setattr(pulse, "_joined", joined)
    monkeypatch.setattr(pulse, "_hold_out", lambda: None)
    before = set(threading.enumerate())
    pulse.start()
    (listening,) = set(threading.enumerate()) - before
    pairs[0][1].close()  # the beat is gone
    pairs[1][1].settimeout(10)
    assert b"" == pairs[1][1].recv(1)  # the next one hears that the worker is gone, too
    listening.join(300)
    assert not listening.is_alive()
    assert [] == list(calls)
    for _, theirs in pairs:
        theirs.close()


class Interruption(BaseException):
    pass


def interrupted_at(n, act):
    """Raise at the n-th event of a function and of all that it calls; return whether there were that many."""
    remaining = n

    def trace(frame, event, _):
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            raise Interruption
        return trace

    before = sys.gettrace()
    with suppress(Interruption):
        try:
            sys.settrace(trace)
            act()
        finally:
            sys.settrace(before)
    return remaining <= 0


def test_an_end_that_is_interrupted_can_be_set_again_and_is_noticed():
    """`threading.Event` may keep its lock: then a populate that was interrupted hangs at the next statement."""
    n = 1
    while True:
        end = End()
        reached = interrupted_at(n, end.set)
        again = threading.Thread(target=end.set, daemon=True)
        again.start()
        again.join(30)
        assert not again.is_alive(), n
        assert end.wait(30)
        if not reached:
            break
        n += 1
    assert n > 2
