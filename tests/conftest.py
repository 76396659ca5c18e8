"""Loads the plug-ins of the test suite; fixtures are in tests/plugins, one subject a file."""

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # how long an example takes depends on the machine
settings.load_profile("patient")

pytest_plugins = [
    "plugins.servers",
    "plugins.backends",
    "plugins.lab",
    "plugins.command",
    "plugins.tables",
    "plugins.statements",
    "plugins.peer",
    "plugins.declaring",
    "plugins.stores",
    "plugins.wire",
    "plugins.throwaway",
]
collect_ignore = ["plugins", "typing", "fixtures"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what fails with the frames of the library, which users do not see."""
    full = getattr(call.excinfo and call.excinfo.value, "full_traceback", None)
    if full is not None and not isinstance(full, str):
        kind, value = type(call.excinfo.value), call.excinfo.value
        call.excinfo = pytest.ExceptionInfo.from_exc_info((kind, value, full.frames))
    return (yield)
