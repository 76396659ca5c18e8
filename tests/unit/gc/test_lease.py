"""The clock of a store, as a lease knows it."""

import time

import pytest

from datajoint.gc.lease import PATH, Lease
from datajoint.storage.medium import Entry
from datajoint.storage.memory import Memory


class _Clock(Memory):
    """A store in memory whose clock says the time of `ahead` seconds later, after a slow write."""

    ahead = 0.0
    slow = 0.0
    now = 1000.0

    def create(self, path: str, data: bytes) -> bool:
        self.written = self.now + self.ahead
        self.now += self.slow
        return super().create(path, data)

    def find(self, path: str) -> Entry | None:
        found = super().find(path)
        return found and Entry(path, found.size, self.written)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    store = _Clock("test", "lease")
    store.delete(PATH)
    monkeypatch.setattr(time, "time", lambda: store.now)
    return store


@pytest.mark.parametrize("slow", [0.0, 100.0])
def test_a_slow_write_is_no_other_clock(store: _Clock, slow: float) -> None:
    store.slow = slow
    with Lease(store) as lease:
        assert store.now == lease.now


def test_times_in_whole_seconds_are_no_other_clock(store: _Clock) -> None:
    store.ahead = -0.9
    with Lease(store) as lease:
        assert store.now == lease.now


@pytest.mark.parametrize(("ahead", "least", "most"), [(500.0, 500.0, 500.0), (-500.0, -500.0, -490.0)])
def test_another_clock_is_seen(store: _Clock, ahead: float, least: float, most: float) -> None:
    store.ahead = ahead
    with Lease(store) as lease:
        assert store.now + least <= lease.now <= store.now + most
