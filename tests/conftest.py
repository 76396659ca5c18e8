"""Loads the plug-ins of the test suite; fixtures are in tests/plugins, one subject a file."""

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
