"""Loads the plug-ins of the test suite; fixtures are in tests/plugins, one subject a file."""

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
    "plugins.wire",
    "plugins.throwaway",
]
collect_ignore = ["plugins", "typing", "fixtures"]
