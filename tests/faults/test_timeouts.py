"""An exception of a signal handler passes through the drivers, and no statement runs twice (L1, W1)."""

import signal
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there are no timers"),
    # A socket whose opening was interrupted is closed by the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

SLOW = {"postgresql": "SELECT pg_sleep(20)", "mysql": "SELECT SLEEP(20)"}


@pytest.fixture
def timer():
    """Give a function that raises an exception after some seconds, once."""

    def start(seconds, error):
        def end(*_):
            raise error

        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class TooSlowError(Exception):
    """What an application raises."""


@pytest.mark.backends("postgresql", "mysql")
@pytest.mark.parametrize(
    "kind", [TimeoutError, ConnectionResetError, BrokenPipeError, TooSlowError, KeyboardInterrupt]
)
def test_the_exception_of_a_handler_is_raised_as_it_is(instance, backend, timer, kind):
    connection, error = instance.connection, kind("too slow")
    timer(0.2, error)
    with pytest.raises(kind) as found:
        connection.query(SLOW[backend.name])
    assert error is found.value
    assert [(7,)] == connection.query("SELECT 7").fetchall()


RUNS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid = %s",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE id = %s",
}


@pytest.mark.backends("postgresql", "mysql")
def test_the_server_has_given_up_an_interrupted_statement_before_the_next_one_runs(
    instance, connect, backend, timer
):
    """Else it might reserve a job, or store a row, that was looked for in vain (X5)."""
    connection = instance.connection
    number = connection.connection_id
    timer(0.2, TooSlowError())
    with pytest.raises(TooSlowError):
        connection.query(SLOW[backend.name])
    assert number != connection.connection_id
    assert [(0,)] == connect().connection.query(RUNS[backend.name], [number]).fetchall()
