"""What the code of a make tells of clock, chance and environment."""

# ruff: noqa: DTZ001, DTZ011, NPY002 - code that does what it should not

import datetime as dt
import os
import random
import time
import uuid
from datetime import datetime

import numpy as np
import pytest

from datajoint.make.contract.static_purity import impurities


class Clock:
    def make(self, key):
        return time.time()


class Today:
    def make(self, key):
        return dt.date.today(), datetime.now(dt.UTC)


class Helper:
    def make(self, key):
        return stamp()


def stamp():
    from time import time_ns

    return time_ns()


class Shared:
    def make(self, key):
        return random.random()


class SharedArrays:
    def make(self, key):
        return np.random.rand(3)


class Bare:
    def make(self, key):
        rng = np.random.default_rng()
        return rng.normal()


class BareNone:
    def make(self, key):
        return np.random.RandomState(None).rand()


class Unique:
    def make(self, key):
        return uuid.uuid4()


class Environment:
    def make(self, key):
        return os.environ.get("HOME"), os.getenv("USER")


FOUND = {
    Clock: ["it reads the clock (`time.time` in `test_static_purity.Clock.make`)"],
    Today: ["it reads the clock (`datetime.date.today` in", "it reads the clock (`datetime.datetime.now` in"],
    Helper: ["it reads the clock (`time.time_ns` in `test_static_purity.stamp`)"],
    Shared: ["it draws random numbers without a seed (`random.random` in"],
    SharedArrays: ["it draws random numbers without a seed (`numpy.random.rand` in"],
    Bare: ["it draws random numbers without a seed (`numpy.random.default_rng` in"],
    BareNone: ["it draws random numbers without a seed (`numpy.random.RandomState"],
    Unique: ["it draws by chance (`uuid.uuid4` in"],
    Environment: ["it reads environment variables (`os.environ.get` in", "it reads environment variables (`os.getenv` in"],
}  # fmt: skip


@pytest.mark.statement("POP-25")
@pytest.mark.parametrize("cls", FOUND, ids=lambda cls: cls.__name__)
def test_what_is_told(cls):
    found = impurities(cls)
    assert len(FOUND[cls]) == len(found), found
    for said, expected in zip(found, FOUND[cls], strict=True):
        assert said.replace("tests.unit.make.", "").startswith(expected)


class Seeded:
    def make(self, key):
        rng = np.random.default_rng(key["subject"])
        return rng.normal(), random.Random(3).random(), np.random.default_rng(seed=4).normal()


class SharedSeed:
    def make(self, key):
        np.random.seed(1)
        random.seed(2)
        return np.random.rand(3), random.random()


class Timing:
    def make(self, key):
        return time.perf_counter(), dt.datetime(2026, 1, 2), dt.timedelta(1), os.path.join("a", "b")


@pytest.mark.statement("POP-25")
@pytest.mark.parametrize("cls", [Seeded, SharedSeed, Timing], ids=lambda cls: cls.__name__)
def test_what_is_in_order(cls):
    assert [] == impurities(cls)
