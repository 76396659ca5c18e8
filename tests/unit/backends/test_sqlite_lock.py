"""The queue of writers."""

import os
import threading

import pytest

from datajoint.backends.sqlite.lock import WriterLock, is_free


def test_one_at_a_time(tmp_path):
    path = str(tmp_path / "x.lock")
    first, second = WriterLock(path), WriterLock(path)
    assert first.acquire(1)
    assert first.acquire(1)
    assert not second.acquire(0.05)
    first.release()
    assert second.acquire(5)
    second.release()
    second.release()
    assert first.acquire(5)
    first.close()
    second.close()


def test_who_waits_gets_it(tmp_path):
    path = str(tmp_path / "x.lock")
    first, second = WriterLock(path), WriterLock(path)
    assert first.acquire(1)
    got = []
    waiting = threading.Thread(target=lambda: got.append(second.acquire(10)))
    waiting.start()
    first.release()
    waiting.join(300)
    assert [True] == got
    second.close()
    first.close()


def test_a_folder_without_write_access_is_no_obstacle(tmp_path):
    lock = WriterLock(str(tmp_path / "missing" / "x.lock"))
    assert lock.acquire(0)
    lock.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
def test_a_fork_does_not_hold_the_lock_of_a_parent_that_was_killed(tmp_path):
    path = str(tmp_path / "x.lock")
    told, tell = os.pipe()
    parent = os.fork()
    if not parent:
        lock = WriterLock(path)
        lock.acquire(1)
        if not os.fork():
            lock.leave()
            os.write(tell, b"left")
            threading.Event().wait(5)
            os._exit(0)
        threading.Event().wait(60)
    assert b"left" == os.read(told, 4)
    assert not is_free(path)
    os.kill(parent, 9)
    os.waitpid(parent, 0)
    assert is_free(path)
