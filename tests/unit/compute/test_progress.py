"""What is shown while keys are made."""

import io
import re
import sys
import types

import pytest

from datajoint.compute import progress_display
from datajoint.compute.bar import Bar
from datajoint.compute.progress import shown
from datajoint.heading.names import TableName
from datajoint.logging import logger
from datajoint.make.task import DONE, FAILED, SKIPPED, MakeOutcome, MakeTask

SCAN, FIT = TableName("lab", "_scan"), TableName("lab", "__fit")


class Screen(io.StringIO):
    """A stream that is a terminal or not, and what stands on it in the end."""

    encoding = "utf-8"

    def __init__(self, live, encoding="utf-8"):
        super().__init__()
        self.live = live
        self.encoding = encoding

    def isatty(self):
        return self.live

    @property
    def lines(self):
        rows, x, y = [""], 0, 0
        for part in re.findall(r"\x1b\[\d*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", self.getvalue()):
            if part in "\r\n":
                x, y = 0, y + (part == "\n")
                rows += [""] * (y + 1 - len(rows))
            elif part.endswith("A") and part.startswith("\x1b"):
                y -= int(part[2:-1])
            elif part == "\x1b[J":
                rows[y:] = [rows[y][:x]]
            else:
                rows[y] = rows[y][:x].ljust(x) + part + rows[y][x + len(part) :]
                x += len(part)
        return rows if rows[-1] else rows[:-1]


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setattr(progress_display, "_TICK_SECONDS", 60)


@pytest.fixture
def show(monkeypatch):
    def run(statuses, totals, live=False, encoding="utf-8", until=None, during=None, recount=None):
        screen = Screen(live, encoding)
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setattr("sys.stdout", screen)
        monkeypatch.delenv("TERM", raising=False)

        def make(tasks):
            for task, status in zip(tasks, statuses, strict=True):
                if during:
                    during(task)
                yield MakeOutcome({}, status if isinstance(status, str) else status[1], table=task.table)

        tables = [None if isinstance(status, str) else status[0] for status in statuses]
        totals = {FIT: totals} if isinstance(totals, int) else totals
        with shown(make, [MakeTask({}, table=table) for table in tables], totals, recount) as outcomes:
            passed = [next(outcomes) for _ in range(until)] if until is not None else list(outcomes)
        assert sys.stderr is screen
        return screen, passed

    return run


# ------------------------------------------------------------------------------------------------------ log


def test_outcomes_pass_and_one_line_ends_it(show):
    screen, passed = show([DONE, DONE, DONE], 3)
    assert [DONE] * 3 == [outcome.status for outcome in passed]
    assert ["Fit: 3/3 (100%) in 0.0 s"] == screen.lines


def test_failures_and_keys_of_others_are_counted(show):
    screen, _ = show([DONE, FAILED, SKIPPED], 5)
    assert ["Fit: 5/5 (100%) in 0.0 s, 1 failed, 3 made by others"] == screen.lines


def test_what_was_stopped_shows_how_far_it_came(show):
    screen, _ = show([DONE, DONE, DONE], 3, until=1)
    assert ["Fit: 1/3 (33%) in 0.0 s"] == screen.lines


def test_a_log_has_a_line_for_each_tenth(show, monkeypatch):
    monkeypatch.setattr(progress_display, "_PLAIN_SECONDS", 0)
    screen, _ = show([DONE] * 100, 100)
    told = [int(re.search(r"(\d+)%", line)[1]) for line in screen.lines]
    assert [*range(10, 101, 10), 100] == told
    assert re.fullmatch(r"Fit: 10/100 \(10%\), \d+/s, about 0.\d s left", screen.lines[0])


def test_a_log_has_a_line_now_and_then_where_it_takes_long(show, monkeypatch):
    monkeypatch.setattr(progress_display, "_LONGEST_SECONDS", 0)
    screen, _ = show([DONE] * 3, 1000, until=3)
    assert ["1/1000", "2/1000", "3/1000", "3/1000"] == [line.split()[1] for line in screen.lines]


def test_a_log_has_no_control_characters(show):
    screen, _ = show([DONE, FAILED], {SCAN: 1, FIT: 1})
    assert "\x1b" not in screen.getvalue()
    assert "\r" not in screen.getvalue()


# ------------------------------------------------------------------------------------------------- terminal


def test_a_terminal_shows_one_live_line(show):
    screen, _ = show([DONE, DONE], 2, live=True)
    assert [f"Fit  {'█' * 20}  2/2  in 0.0 s"] == screen.lines
    assert screen.getvalue().startswith("Fit  ░")


def test_a_bar_in_plain_letters_where_there_are_no_others(show):
    screen, _ = show([DONE], 1, live=True, encoding="ascii")
    assert "#" * 20 in screen.lines[0]
    assert screen.getvalue().isascii()


def test_a_line_for_each_table(show):
    screen, _ = show([(SCAN, DONE), (FIT, FAILED), (SCAN, DONE)], {SCAN: 2, FIT: 10}, live=True)
    scan, fit = screen.lines
    assert scan == f"Scan  {'█' * 20}    2/2  in 0.0 s"
    assert fit == f"Fit   {'█' * 20}  10/10  in 0.0 s, 1 failed, 9 made by others"


def test_what_is_printed_stays_above_the_lines(show):
    def during(task):
        print("looking for", "files")  # noqa: T201
        print("three", end=" ")  # noqa: T201
        print("words")  # noqa: T201

    screen, _ = show([(SCAN, DONE), (FIT, DONE)], {SCAN: 1, FIT: 1}, live=True, during=during)
    assert ["looking for files", "three words"] * 2 == screen.lines[:4]
    assert ["Scan", "Fit"] == [line.split()[0] for line in screen.lines[4:]]


def test_what_is_logged_stays_above_the_lines(show):
    screen, _ = show([DONE], 1, live=True, during=lambda task: logger.error("no file"))
    assert ["datajoint: no file", f"Fit  {'█' * 20}  1/1  in 0.0 s"] == screen.lines


def test_an_unfinished_line_is_not_overwritten(show):
    screen, _ = show([DONE], 1, live=True, during=lambda task: sys.stdout.write("half"))
    assert ["half", f"Fit  {'█' * 20}  1/1  in 0.0 s"] == screen.lines


def test_running_keys_are_shown_while_they_run(show):
    seen = []
    show([DONE, DONE], 2, live=True, during=lambda task: seen.append(sys.stderr._terminal._text()))
    assert "0/2  1 running" in seen[0]
    assert re.search(r"1/2  .*1 running", seen[1])


def test_lines_are_cut_where_the_terminal_ends(show, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    screen, _ = show([FAILED, SKIPPED], 1000, live=True)
    assert max(map(len, screen.lines)) <= 49


def test_no_more_lines_than_there_is_room(show, monkeypatch):
    monkeypatch.setenv("LINES", "4")
    totals = {TableName("lab", f"__fit{n}"): 3 for n in range(9)}
    heights = []
    work = [(name, DONE) for name in totals]
    show(work, totals, live=True, during=lambda task: heights.append(sys.stderr._terminal._lines))
    assert max(heights) < 4


def test_keys_that_become_possible_are_counted(show, monkeypatch):
    monkeypatch.setattr("datajoint.compute.progress._RECOUNT_SECONDS", 0)
    monkeypatch.setattr("datajoint.compute.progress._RECOUNT_SHARE", 0)
    left = iter([{SCAN: 1, FIT: 1}, {SCAN: 0, FIT: 2}, {SCAN: 0, FIT: 1}, {SCAN: 0, FIT: 0}])
    work = [(SCAN, DONE), (SCAN, DONE), (FIT, DONE), (FIT, DONE)]
    screen, _ = show(work, {SCAN: 2, FIT: 0}, live=True, recount=lambda: next(left))
    assert [["Scan", "2/2"], ["Fit", "2/2"]] == [line.split()[::2][:2] for line in screen.lines]


def test_tables_of_one_name_are_told_apart(show):
    other = TableName("rig", "__fit")
    screen, _ = show([(FIT, DONE), (other, DONE)], {FIT: 1, other: 1})
    assert ["lab.Fit:", "rig.Fit:"] == [line.split()[0] for line in screen.lines]


# ------------------------------------------------------------------------------------------ rate, notebooks


@pytest.mark.parametrize(("keys", "seconds", "expected"), [(1, 2, 0.5), (10, 5, 2.0), (200, 10, 20.0)])
def test_the_rate_is_that_of_late(keys, seconds, expected):
    bar = Bar("Fit", 1000)
    for n in range(keys):
        bar.take(n * seconds / keys)
        bar.note(MakeOutcome({}, DONE), (n + 1) * seconds / keys)
    assert expected == pytest.approx(bar.rate(seconds), rel=0.02)


def test_a_notebook_gets_a_table_that_changes_in_place(monkeypatch):
    shown_there = []

    class Handle:
        def update(self, html):
            shown_there.append(html)

    def show_html(html, display_id):
        shown_there.append(html)
        return Handle()

    module = types.ModuleType("IPython.display")
    module.HTML, module.display = str, show_html
    package = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(progress_display, "_TICK_SECONDS", 0)
    run = lambda tasks: (MakeOutcome({}, status) for status, _ in zip([DONE, FAILED], tasks, strict=True))  # noqa: E731
    with shown(run, [MakeTask({}), MakeTask({})], {FIT: 2}) as outcomes:
        list(outcomes)
    assert '<progress max="2" value="0"' in shown_there[0]
    assert "2/2" in shown_there[-1]
    assert "1 failed" in shown_there[-1]
