"""Several processes, threads and other clients on one SQLite file; files that cannot be written."""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError, LostConnectionError, TransactionError

pytestmark = pytest.mark.backends("sqlite")

WRITERS = 8
EACH = 15
DROP = 24  # of the rights that a program of Linux can have
OVERRIDES = (1, 2)  # of permissions to write, and to read

START = """
import sys
import datajoint as dj
instance = dj.Instance(backend="sqlite", database__name=sys.argv[1], safemode=False)
number = instance.FreeTable("lab.number")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Where `connect` puts the database."""
    return str(tmp_path / "test.db")


@pytest.fixture
def number(connect: Any) -> Any:
    """A table of numbers in schema lab."""
    return declare(connect().Schema("lab"))


def declare(schema: Any) -> Any:
    @schema
    class Number(dj.Manual):
        definition = """
        n : int32
        ---
        text = '' : varchar(2000)
        """

    return Number


def found(table: Any) -> list[int]:
    return [int(n) for n in table.to_arrays("n", order_by="n")]


@pytest.fixture
def start(file: str) -> Any:
    """Give a function that runs a script on the file in a process of its own."""
    running: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", START + textwrap.dedent(script), file, *map(str, arguments)]
        running.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        )
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def outcome(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=300)
    assert 0 == process.returncode, errors
    return output


@pytest.mark.statement("TXN-1", "CFG-13")
def test_many_writers_and_readers(number: Any, start: Any) -> None:
    writers = [
        start(
            """
            start, each = map(int, sys.argv[2:])
            for n in range(start, start + each, 3):
                number.insert1({"n": n})
                number.insert([{"n": k} for k in range(n + 1, n + 3)])
            """,
            100 * n,
            EACH,
        )
        for n in range(WRITERS)
    ]
    reader = start(
        f"""
        seen = 0
        while seen < {WRITERS * EACH}:
            rows = len(number.to_dicts())
            assert rows >= seen, "rows that were seen are gone"
            seen = rows
            events = instance.FreeTable("lab.~events")
            with instance.connection.transaction:
                assert len(number) == sum(events.to_arrays("row_count")), "rows without their event"
        """
    )
    for process in [*writers, reader]:
        outcome(process)
    assert [100 * n + k for n in range(WRITERS) for k in range(EACH)] == found(number)


@pytest.mark.statement("TXN-1")
def test_read_modify_write_loses_nothing(number: Any, start: Any) -> None:
    number.insert1({"n": 1, "text": "0"})
    script = """
        for _ in range(10):
            with instance.connection.transaction:
                value = int((number & "n = 1").fetch1("text"))
                number.update1({"n": 1, "text": str(value + 1)})
    """
    for process in [start(script) for _ in range(4)]:
        outcome(process)
    assert "40" == (number & "n = 1").fetch1("text")


@pytest.mark.statement("TXN-1", "TXN-4")
def test_a_killed_writer_leaves_nothing_and_blocks_nobody(number: Any, start: Any) -> None:
    process = start(
        """
        import time
        instance.connection.start_transaction()
        number.insert1({"n": 1})
        print("written", flush=True)
        time.sleep(60)
        """
    )
    assert "written\n" == process.stdout.readline()
    assert [] == found(number)
    process.send_signal(signal.SIGKILL)
    process.wait()
    number.insert1({"n": 2})
    assert [2] == found(number)


@pytest.mark.statement("TXN-1", "CFG-15")
def test_threads_with_instances_of_their_own(number: Any, connect: Callable[..., Any]) -> None:
    errors: list[BaseException] = []

    def work(start: int) -> None:
        try:
            own = connect()
            table = own.FreeTable("lab.number")
            for n in range(start, start + 5):
                with own.connection.transaction:
                    table.insert1({"n": n})
                assert n in found(table)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    run_threads([lambda n=n: work(100 * n) for n in range(6)])
    assert [] == errors
    assert 30 == len(number())


def run_threads(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_a_block(table: Any) -> None:
    with table.connection.transaction:
        table.insert1({"n": 5})


USES: dict[str, Callable[[Any], Any]] = {
    "fetch": lambda t: t.to_dicts(),
    "iterate": list,
    "len": len,
    "insert1": lambda t: t.insert1({"n": 5}),
    "insert": lambda t: t.insert([{"n": n} for n in range(5, 500)]),
    "delete": lambda t: (t & "n = 1").delete(),
    "block": in_a_block,
    "start": lambda t: t.connection.start_transaction(),
    "commit": lambda t: t.connection.commit_transaction(),
    "cancel": lambda t: t.connection.cancel_transaction(),
}


@pytest.mark.statement("TXN-1", "TXN-2")
@pytest.mark.backends("sqlite", "postgresql", "mysql")
@pytest.mark.parametrize("use", USES)
def test_a_transaction_belongs_to_its_thread(schema: Any, instance: Any, use: str) -> None:
    table = declare(schema)
    caught: list[BaseException | None] = []

    def other() -> None:
        try:
            caught.append(USES[use](table()) and None)
        except TransactionError as error:
            caught.append(error)

    with instance.connection.transaction:
        table.insert1({"n": 1})
        run_threads([other])
        table.insert1({"n": 2})
    [error] = caught
    assert isinstance(error, TransactionError)
    assert "another thread" in str(error)
    assert "dj.Instance" in str(error)
    assert [1, 2] == found(table)
    run_threads([lambda: table.insert1({"n": 3})])
    assert [1, 2, 3] == found(table)


@pytest.mark.statement("ERR-4", "ERR-6")
def test_locked_by_another_client(number: Any, file: str, connect: Any) -> None:
    impatient = connect(database__busy_timeout=0.1)
    table = impatient.FreeTable("lab.number")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: table.insert1({"n": 1}),
            lambda: table.insert([{"n": n} for n in range(100)]),
            lambda: declare(impatient.Schema("other")),
        ):
            with pytest.raises(TransactionError, match=r"locked") as caught:
                write()
            assert file in str(caught.value)
            assert "database.busy_timeout" in str(caught.value)
            assert not impatient.connection.in_transaction
        assert [] == found(table)
        other.execute("ROLLBACK")
    table.insert1({"n": 1})
    assert [1] == found(number)


@pytest.mark.statement("ERR-4", "ERR-6", "INS-1")
def test_a_full_disk(number: Any, connect: Any, file: str) -> None:
    instance = connect()
    table = instance.FreeTable("lab.number")
    [(pages,)] = instance.connection.query("PRAGMA page_count").fetchall()
    instance.connection.query(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(dj.DataJointError, match=r"disk of the database file .* is full") as caught:
        table.insert([{"n": n, "text": "x" * 2000} for n in range(100)])
    assert file in str(caught.value)
    assert not instance.connection.in_transaction
    assert [] == found(number)
    table.insert1({"n": 1})
    assert [1] == found(number)


@pytest.mark.statement("ERR-4", "ERR-6")
def test_a_small_file_system(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    instance = dj.Instance(backend="sqlite", database__name=str(place / "small.db"), safemode=False)
    try:
        table = declare(instance.Schema("lab"))
        table.insert1({"n": 1})
        with pytest.raises(dj.DataJointError, match=r"disk of the database file .* is full"):
            table.insert([{"n": n, "text": "x" * 2000} for n in range(2, 2000)])
        assert [1] == found(table)
        assert not instance.connection.in_transaction
        (table & "n = 1").delete()
        assert [] == found(table)
    finally:
        instance.close()
        subprocess.run(["umount", str(place)], check=True)


def bound_by_permissions() -> dict[str, Any]:
    """Options for a process to which permissions apply, even if it is the administrator's."""
    if sys.platform == "win32":
        pytest.skip("permissions work otherwise here")
    if os.geteuid() != 0:
        return {}
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        pytest.skip("permissions do not apply to the administrator")

    def give_up() -> None:
        for right in OVERRIDES:
            prctl(DROP, right, 0, 0, 0)

    return {"preexec_fn": give_up}


REFUSED = """
before = number.to_dicts()
assert [{"n": 1, "text": ""}] == before, before
for write in (
    lambda: number.insert1({"n": 2}),
    lambda: number.insert([{"n": n} for n in range(2, 200)]),
    lambda: number.update1({"n": 1, "text": "x"}),
    lambda: number.delete(),
    lambda: number.drop(),
    lambda: instance.Schema("new"),
):
    try:
        write()
    except dj.errors.AccessError as error:
        assert sys.argv[1] in str(error) and "read-only" in str(error), str(error)
        print("refused")
assert before == number.to_dicts()
@instance.Schema("lab")
class Number(dj.Manual):
    definition = "n : int32\\n---\\ntext = '' : varchar(2000)"
assert 1 == len(Number())
assert "Number" in dj.Diagram(instance.Schema("lab")).make_mermaid()
"""


@pytest.mark.statement("ACC-1", "ACC-2", "ERR-4")
@pytest.mark.parametrize("also_folder", [False, True])
def test_a_file_that_may_only_be_read(
    number: Any, start: Any, file: str, tmp_path: Path, also_folder: bool
) -> None:
    number.insert1({"n": 1})
    number.connection.close()
    options = bound_by_permissions()
    Path(file).chmod(0o444)
    tmp_path.chmod(0o555 if also_folder else 0o777)
    try:
        assert ["refused"] * 6 == outcome(start(REFUSED, **options)).split()
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.statement("CFG-13", "ERR-4")
def test_a_folder_without_the_right_to_write(file: str, tmp_path: Path) -> None:
    options = bound_by_permissions()
    tmp_path.chmod(0o555)
    script = """
    try:
        instance.connection
    except dj.errors.DataJointError as error:
        print(type(error).__name__, error)
    """
    try:
        text = start_plain(script, file, options)
    finally:
        tmp_path.chmod(0o755)
    assert text.startswith("LostConnectionError")
    assert file in text
    assert "right" in text


def start_plain(script: str, file: str, options: dict[str, Any]) -> str:
    start = (
        "import sys, datajoint as dj\ninstance = dj.Instance(backend='sqlite', database__name=sys.argv[1])\n"
    )
    command = [sys.executable, "-c", start + textwrap.dedent(script), file]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.statement("CFG-13", "ERR-4")
def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises((LostConnectionError, AccessError), match=str(tmp_path)):
        dj.Instance(backend="sqlite", database__name=str(tmp_path)).connection  # noqa: B018


@pytest.mark.statement("TXN-1", "ERR-6")
def test_a_file_that_is_deleted_meanwhile(number: Any, file: str, connect: Any) -> None:
    number.insert1({"n": 1})
    for name in (file, file + "-wal", file + "-shm"):
        Path(name).unlink(missing_ok=True)
    fresh = connect()
    assert "lab" not in fresh.list_schemas()
