"""Interruptions at random moments; `make soak` makes as many as time allows."""

import importlib.util
import random
import signal
import sys
from pathlib import Path

import pytest

from .conftest import FULL

TOOL = Path(__file__).parents[2] / "tools" / "soak.py"
OPERATIONS = ("fetch", "insert", "update", "delete", "transaction", "populate", "reserve")
COUNT = 500 if FULL else 12
LONG = {"populate": COUNT // 4, "reserve": COUNT // 3}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there are no timers"),
    # What the garbage collector closes of an interrupted session, and interruptions that come within it.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("soak", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def alarm():
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_the_operations_are_those_of_the_tool(tool):
    assert OPERATIONS == tuple(tool.OPERATIONS)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_random_interruptions_leave_nothing_behind(tool, connect, schema_name, operation):
    lab = tool.Lab(connect(), connect(), schema_name())
    counts = tool.Soak(lab, operation, random.Random(1)).run(LONG.get(operation, COUNT))
    assert dict.fromkeys(tool.FAULTS, 0) == {fault: counts[fault] for fault in tool.FAULTS}
