"""Signatures tell sets of events apart."""

import itertools
import random

import pytest

from datajoint.journal.reads import signature as module
from datajoint.journal.reads.signature import Signature
from datajoint.sql.text.marks import P1, P2

BASE = 457189557657566172


@pytest.mark.parametrize("step", [1, 2**21, P1, P1 * P2 // 3])
def test_small_sets_never_collide(step):
    events = [BASE + n * step for n in range(9)]
    found = {}
    for size in range(5):
        for group in itertools.combinations_with_replacement(events, size):
            found.setdefault(Signature.of(group), []).append(group)
    assert [] == [groups for groups in found.values() if len(groups) > 1]


def test_sets_of_equal_count_and_sum_differ():
    pairs = {}
    for a, b in itertools.combinations(range(200), 2):
        pairs.setdefault(a + b, []).append((BASE + a, BASE + b))
    for group in pairs.values():
        signatures = [Signature.of(pair) for pair in group]
        assert 1 == len({s.total for s in signatures} | {signatures[0].total})
        assert len(group) == len({(s.q1, s.q2) for s in signatures})


def test_identity_tells_rows_of_one_event_apart():
    one, other = (Signature.of([BASE], [identity]) for identity in (7, 8))
    assert one != other
    assert Signature.of([BASE, BASE], [7, 8]) == Signature.of([BASE, BASE], [8, 7])


def test_many_rows_are_summed_as_few(monkeypatch):
    numbers = random.Random(1)
    events = [numbers.choice([None, numbers.getrandbits(63)]) for _ in range(700)]
    identities = [numbers.getrandbits(60) for _ in events]
    many = Signature.of(events), Signature.of(events, identities)
    monkeypatch.setattr(module, "_MANY", 10**6)
    assert many == (Signature.of(events), Signature.of(events, identities))


def test_unknown_rows_are_counted():
    signature = Signature.of([None, BASE, None])
    assert (3, 1, 2) == (signature.n, signature.known, signature.unknown)
