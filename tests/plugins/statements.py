"""Ties tests to the numbered statements of the language and records what passes where.

`@pytest.mark.statement("QRY-21", …)` names the statements a test checks; an id that is not in
`tests/conformance/statements.csv`, or a conformance test without the mark, fails the collection.
`--conformance FILE` writes `{id: {backend or "any": {test: outcome}}}` at the end.
"""

import csv
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

LIST = Path(__file__).parents[1] / "conformance" / "statements.csv"
SUITE = LIST.parent
PROPERTY = "statements"
ANY = "any"
REPORTS = pytest.StashKey[list[pytest.TestReport]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--conformance`."""
    parser.addoption(
        "--conformance", metavar="FILE", help="write the outcome of every statement to FILE (JSON)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "statement(*ids): the statements of the language that a test checks")
    config.stash[REPORTS] = []
    config.pluginmanager.register(Recorder(config), "statement-recorder")


@cache
def known() -> frozenset[str]:
    """The ids of all statements."""
    with LIST.open(newline="", encoding="utf-8") as file:
        return frozenset(row["id"] for row in csv.DictReader(file))


def ids_of(item: pytest.Item) -> list[str]:
    """The statements of a test, from all its marks (function, class, module)."""
    return sorted({id_ for mark in item.iter_markers("statement") for id_ in mark.args})


def _complaints(item: pytest.Item) -> Iterator[str]:
    ids = ids_of(item)
    for id_ in ids:
        if id_ not in known():
            yield f"{item.nodeid}: no statement `{id_}` in {LIST.name}"
    if not ids and SUITE in item.path.parents and isinstance(item, pytest.Function):
        yield f'{item.nodeid}: a conformance test names its statements by @pytest.mark.statement("QRY-21")'


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Turn a wrong or missing id into a collection error of its module or class."""
    report: pytest.CollectReport = yield
    items = [node for node in report.result or [] if isinstance(node, pytest.Item)]
    complaints = [text for item in items for text in _complaints(item)]
    if complaints:
        report.outcome = "failed"
        report.longrepr = "\n".join(complaints)
        report.result = []
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Attach ids and backend to the report (workers send it to the first process)."""
    ids = ids_of(item)
    if ids:
        parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        item.user_properties.append((PROPERTY, [parameters.get("backend", ANY), ids]))


class Recorder:
    """Keeps the reports that decide about a test: its call, and any phase that did not pass."""

    def __init__(self, config: pytest.Config) -> None:
        self.reports = config.stash[REPORTS]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.reports.append(report)


def outcomes(reports: list[pytest.TestReport]) -> dict[str, dict[str, dict[str, str]]]:
    """Gather `{statement: {backend: {test: outcome}}}`; an expected failure counts as failed."""
    result: dict[str, dict[str, dict[str, str]]] = {}
    for report in reports:
        for backend, ids in (value for name, value in report.user_properties if name == PROPERTY):
            outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
            for id_ in ids:
                tests = result.setdefault(id_, {}).setdefault(backend, {})
                if tests.get(report.nodeid) != "failed":
                    tests[report.nodeid] = outcome
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file, in the first process only."""
    target = session.config.getoption("--conformance")
    if target and not hasattr(session.config, "workerinput"):
        path = Path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(outcomes(session.config.stash[REPORTS]), indent=1, sort_keys=True), encoding="utf-8"
        )
