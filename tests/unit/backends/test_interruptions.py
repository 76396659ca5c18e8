"""What interrupted a driver is told from its own errors and from what its caller was handling."""

import pytest

from datajoint.backends.interruptions import interruption


class DriverError(Exception):
    __module__ = "psycopg.errors"


class TooSlowError(Exception):
    pass


def driver(interrupted_by=None):
    """Fail as drivers do on their way out of an interruption."""
    try:
        if interrupted_by is not None:
            raise interrupted_by
    finally:
        raise DriverError("busy").with_traceback(None)


def found(act, *arguments):
    try:
        act(*arguments)
    except DriverError as error:
        return interruption(error)


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), SystemExit(1), TimeoutError("slow"), ConnectionResetError("reset"), TooSlowError()],
)
def test_what_interrupted_a_driver_is_found_behind_its_error(error):
    assert error is found(driver, error)


def test_an_error_of_the_driver_is_none():
    assert None is found(driver)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TimeoutError("slow"), TooSlowError()])
def test_what_the_caller_was_handling_is_none(error):
    try:
        raise error
    except type(error):
        assert None is found(driver)
