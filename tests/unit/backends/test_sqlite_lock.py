"""The queue of writers."""

import threading

from datajoint.backends.sqlite_lock import WriterLock


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
    waiting.join(10)
    assert [True] == got
    second.close()
    first.close()


def test_a_folder_without_write_access_is_no_obstacle(tmp_path):
    lock = WriterLock(str(tmp_path / "missing" / "x.lock"))
    assert lock.acquire(0)
    lock.close()
