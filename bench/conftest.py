"""Figures that are measured, not tested: printed at the end, bounds checked where they are promised."""

from collections.abc import Callable

import pytest

pytest_plugins = ["plugins.servers", "plugins.backends"]

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin a list of figures."""
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    terminalreporter.section("figures")
    for line in config.stash[FIGURES]:
        terminalreporter.write_line(line)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Give a function that notes a line of the report."""
    return request.config.stash[FIGURES].append
