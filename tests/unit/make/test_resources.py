"""What the make of a table needs."""

import pytest

from datajoint.errors import ConfigurationError
from datajoint.make.resources import NONE, Resources, resources_of


def of(**given):
    return resources_of(type("Fit", (), {"resources": given}))


def test_nothing_is_said_by_default():
    assert NONE == resources_of(object) == of() == of(cpus=None, memory=None)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("cpus", 2, 2), ("cpus", 0.5, 0.5), ("gpus", 0, 0), ("gpus", 1, 1),
        ("memory", 1024, 1024), ("memory", "8 GB", 8 * 10**9), ("memory", "512MiB", 512 * 2**20),
        ("memory", "1.5 gib", 3 * 2**29), ("memory", "100 b", 100), ("memory", "2k", 2000),
        ("time", 90, 90.0), ("time", "2h", 7200.0), ("time", "90 min", 5400.0), ("time", "1h 30m", 5400.0),
        ("time", "1-12:00:00", 129600.0), ("time", "0:00:30", 30.0), ("time", "2 d", 172800.0),
    ],
)  # fmt: skip
def test_hints_are_understood(name, given, expected):
    assert Resources(**{name: expected}) == of(**{name: given})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("cpus", 0), ("cpus", -1), ("cpus", "two"), ("cpus", True), ("cpus", float("nan")), ("gpus", -1),
        ("memory", "much"), ("memory", 0), ("memory", "8 GHz"), ("memory", "0 GB"), ("memory", float("inf")),
        ("time", "12:30"), ("time", "soon"), ("time", ""), ("time", -5), ("time", "2h later"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(name, given):
    with pytest.raises(ConfigurationError, match=f"`Fit.resources` says {name} = ") as caught:
        of(**{name: given})
    assert "Give" in str(caught.value)


def test_names_are_those_we_know():
    with pytest.raises(ConfigurationError, match=r"not 'memry'.*\n.*`memory`"):
        of(memry="8 GB")
    with pytest.raises(ConfigurationError, match="must be a dict"):
        resources_of(type("Fit", (), {"resources": "8 GB"}))
