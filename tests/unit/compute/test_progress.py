"""What is shown while keys are made."""

import io

import pytest

from datajoint.compute import progress
from datajoint.compute.progress import shown
from datajoint.compute.task import DONE, FAILED, SKIPPED, MakeOutcome


class Screen(io.StringIO):
    """A stream that is a terminal or not."""

    encoding = "utf-8"

    def __init__(self, live, encoding="utf-8"):
        super().__init__()
        self.live = live
        self.encoding = encoding

    def isatty(self):
        return self.live


@pytest.fixture
def show(monkeypatch):
    def run(statuses, total, live=False, encoding="utf-8", until=None):
        screen = Screen(live, encoding)
        monkeypatch.setattr("sys.stderr", screen)
        outcomes = shown([MakeOutcome({}, status) for status in statuses], "Fit", total)
        passed = [next(outcomes) for _ in range(until)] if until is not None else list(outcomes)
        outcomes.close()
        return screen.getvalue(), passed

    return run


def test_outcomes_pass_and_one_line_ends_it(show):
    text, passed = show([DONE, DONE, DONE], 3)
    assert [DONE] * 3 == [outcome.status for outcome in passed]
    assert ["Fit: 3/3 (100%) in 0.0 s"] == text.splitlines()


def test_failures_and_keys_of_others_are_counted(show):
    text, _ = show([DONE, FAILED, SKIPPED], 5)
    assert "Fit: 5/5 (100%) in 0.0 s, 1 failed, 3 made by others\n" == text


def test_what_was_stopped_shows_how_far_it_came(show):
    text, _ = show([DONE, DONE, DONE], 3, until=1)
    assert "Fit: 1/3 (33%) in 0.0 s\n" == text


def test_a_line_now_and_then(show, monkeypatch):
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0)
    text, _ = show([DONE, DONE], 2)
    first, *_, last = text.splitlines()
    assert first.startswith("Fit: 1/2 (50%), about 0.0 s left")
    assert last.startswith("Fit: 2/2 (100%) in")


def test_a_terminal_shows_one_live_line(show):
    text, _ = show([DONE, DONE], 2, live=True)
    assert 1 == text.count("\n")
    assert text.startswith("\rFit ░")
    assert "█" * 24 in text


def test_a_bar_in_plain_letters_where_there_are_no_others(show):
    text, _ = show([DONE], 1, live=True, encoding="ascii")
    assert "#" * 24 in text
    assert text.replace("\x1b", "").isascii()
