"""What makes say, several at once, and after an interrupt."""

import logging
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from datajoint.make import output_capture
from datajoint.make.output_capture import Tail, captured


def in_thread(run: Callable[[], object]) -> None:
    """Run it in a thread to its end."""
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_a_make_that_never_ends_costs_no_other_its_output():
    """A thread may hang in a make for as long as the process runs."""
    begun, ended = threading.Event(), threading.Event()

    def hang() -> None:
        with captured():
            begun.set()
            ended.wait(300)

    thread = threading.Thread(target=hang)
    thread.start()
    try:
        assert begun.wait(300)
        with captured() as tail:
            sys.stdout.write("hello\n")
        assert "hello\n" == str(tail)
    finally:
        ended.set()
        thread.join()


def test_each_of_two_makes_keeps_what_it_says():
    """Printed or logged."""
    tails: dict[str, Tail] = {}
    meet = threading.Barrier(2)

    def say(what: str) -> None:
        with captured() as tails[what]:
            meet.wait(300)
            sys.stdout.write(f"{what}\n")
            logging.getLogger("lab").error(what)
            meet.wait(300)

    threads = [threading.Thread(target=say, args=(what,)) for what in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for what, tail in tails.items():
        printed, logged = str(tail).splitlines()
        assert (what, True) == (printed, logged.endswith(f"ERROR lab: {what}"))


def test_a_thread_of_the_only_make_is_heard():
    """It has a context of its own."""
    with captured() as tail:
        in_thread(lambda: sys.stdout.write("from a thread\n"))
    assert "from a thread\n" == str(tail)


def test_streams_are_as_before_afterwards():
    """Also when a make begins while another ends."""
    before = sys.stdout, sys.stderr, list(logging.getLogger().handlers)
    with captured(), captured():
        pass
    assert before == (sys.stdout, sys.stderr, logging.getLogger().handlers)


def interrupted_at(count: int, run: Callable[[], None]) -> bool:
    """Run it, interrupted at so many lines of the module; whether it came so far."""
    file, lines = output_capture.__file__, 0

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != file:
            return None
        lines += event == "line"
        if lines == count:
            lines += 1
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_anywhere_costs_no_later_make_its_output():
    """Interrupted at each line of `captured` and of what it calls."""

    def make() -> None:
        with captured():
            pass

    count, stdout = 1, sys.stdout
    while interrupted_at(count, make):
        count += 1
        with captured() as tail:
            sys.stdout.write("hello\n")
        assert "hello\n" == str(tail)
        assert stdout is sys.stdout
    assert count > 30
