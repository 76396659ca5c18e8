"""The exception that ends a make, set from another thread."""

import sys
import threading

import pytest

from datajoint.heading.names import TableName
from datajoint.jobs.attempts import key_text
from datajoint.jobs.cancel import Cancels, JobCancelled
from datajoint.journal.digest import text_digest
from datajoint.make.task import MakeTask

TASK = MakeTask({"subject_id": 1}, table=TableName("lab", "__fit"))


@pytest.fixture
def cancels():
    found = Cancels()
    found.begin(TASK)
    return found


def tell(cancels):
    """Cancel the task from another thread."""
    digest = text_digest(key_text(TASK.key))
    thread = threading.Thread(target=cancels.add, args=("__fit", digest, "by somebody"))
    thread.start()
    thread.join()


def called(_frame, _event, _argument):
    """Profile nothing."""


def seven():
    """Return seven."""
    return 7


def profiled():
    """Call a function under a profiler."""
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        return seven()
    finally:
        sys.setprofile(before)


def test_a_make_that_is_cancelled_ends_and_the_next_can_be_profiled(cancels):
    """On Python 3.11 a flag that stays set makes the next call under a profiler loop for ever."""
    with pytest.raises(JobCancelled), cancels.running(TASK):
        tell(cancels)
        while True:
            pass
    assert 7 == profiled()
