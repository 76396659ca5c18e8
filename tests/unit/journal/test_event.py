"""Ids of events."""

import time

from datajoint.errors import DataJointError, DuplicateError
from datajoint.journal.events.event import is_clash, new_id

EPOCH = 1_577_836_800


def test_ids_hold_the_time_and_do_not_come_again():
    before = time.time()
    ids = [new_id() for _ in range(1000)]
    after = time.time()
    assert 1000 == len(set(ids))
    assert all(before - 0.001 <= (id_ >> 21) / 1000 + EPOCH <= after for id_ in ids)
    assert max(ids) < 1 << 63


def test_a_clash_is_a_duplicate_of_the_table_of_events():
    assert is_clash(DuplicateError("…", table="lab.~events"))
    assert not is_clash(DuplicateError("…", table="lab.subject"))
    assert not is_clash(DuplicateError("…"))
    assert not is_clash(DataJointError("…", table="lab.~events"))
