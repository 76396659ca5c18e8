"""Where settings come from: environment, secrets files, configuration files; each a flat layer with origins.

A layer maps a dotted name to `Found(value, origin)`. Stores are flat here too (``stores.lab.bucket``), so
that a secrets file fills a single gap of a store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, cast

from datajoint._value import Value
from datajoint.errors import ConfigurationError, nearest
from datajoint.settings.convert import canonical, parse
from datajoint.settings.model import GROUPS, SETTINGS, VARIABLES
from datajoint.settings.values import Found, Layer

__all__ = [
    "CONFIG_FILE", "GLOBALCONFIG", "LOCALCONFIG", "SECRETS_DIRECTORY", "SYSTEM_SECRETS", "TEMPLATE_SECRETS",
    "Sources", "collect", "find_config_files", "is_thread_safe", "read_environment", "read_file",
    "read_secrets", "warn_in_log",
]  # fmt: skip

CONFIG_FILE = "datajoint.json"
LOCALCONFIG = "dj_local_conf.json"
GLOBALCONFIG = ".datajoint_config.json"
SECRETS_DIRECTORY = ".secrets"
SYSTEM_SECRETS = "/run/secrets/datajoint"
TEMPLATE_SECRETS = {"database.user": "your_username", "database.password": "your_password"}
"""What a template puts into new secrets files; a file that still holds it counts as absent."""

_REFUSED_VARIABLES = {"DJ_TLS": "DJ_USE_TLS"}
_OTHER_VARIABLES = ("DJ_THREAD_SAFE", "DJ_LOG_STREAM", "DJ_AWS_ACCESS_KEY_ID", "DJ_AWS_SECRET_ACCESS_KEY")
_OTHER_PREFIXES = ("DJ_TEST_", "DJ_SUPPORT_")


class Sources(Value):
    """The layers, highest first."""

    environment: Layer
    secrets: Layer
    file: Layer

    def merged(self) -> Layer:
        """Return the value that counts for every name; DJ_STORES replaces the stores of files."""
        file = self.file
        if any(name.startswith("stores.") for name in self.environment) or "stores" in self.environment:
            file = {name: found for name, found in file.items() if not name.startswith("stores.")}
        return {**file, **self.secrets, **self.environment}


def collect(environ: Mapping[str, str], directory: str) -> Sources:
    """Read all sources as seen from a directory."""
    environment = read_environment(environ)
    if "ignore_config_file" in environment and environment["ignore_config_file"].value:
        return Sources(environment, {}, {})
    paths = find_config_files(directory) or _legacy_files(environ, directory)
    file: Layer = {}
    for path in paths:
        file.update(read_file(path))
    beside = os.path.dirname(paths[-1]) if paths else directory
    return Sources(environment, read_secrets(beside), file)


# --- environment ----------------------------------------------------------------------------------------


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Read the variables that are settings; report those that look like a misspelt one."""
    layer: Layer = {}
    for variable in (name for name in environ if name.startswith("DJ_")):
        if variable in _REFUSED_VARIABLES:
            raise ConfigurationError(
                f"The environment variable {variable} is not a setting.",
                hint=f"Set {_REFUSED_VARIABLES[variable]} instead.",
            )
        setting = VARIABLES.get(variable)
        if setting is None:
            _report_variable(variable)
            continue
        origin = f"environment variable {variable}"
        value = parse(setting, environ[variable], origin)
        if setting.name == "stores":
            layer["stores"] = Found({}, origin)
            layer.update(_flat_stores(value, origin))
        else:
            layer[setting.name] = Found(value, origin)
    return layer


def _report_variable(variable: str) -> None:
    if variable in _OTHER_VARIABLES or variable.startswith(_OTHER_PREFIXES):
        return
    # Without what all share, which would make any short name a near one.
    near = nearest(variable.removeprefix("DJ_"), [known.removeprefix("DJ_") for known in VARIABLES], limit=1)
    if near:
        advice = near.replace("`", "`DJ_", 1)
        warn_in_log(f"The environment variable {variable} is not a setting. {advice}")


def is_thread_safe(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether DJ_THREAD_SAFE forbids the global state.

    Examples
    --------
    >>> is_thread_safe({"DJ_THREAD_SAFE": "true"}), is_thread_safe({})
    (True, False)
    """
    text = (os.environ if environ is None else environ).get("DJ_THREAD_SAFE")
    if text is None:
        return False
    try:
        return bool(SETTINGS["safemode"].converter(text))
    except ValueError as expected:
        raise ConfigurationError(
            f"The environment variable DJ_THREAD_SAFE must be {expected}, not {text!r}."
        ) from None


# --- files ----------------------------------------------------------------------------------------------


def find_config_files(directory: str) -> list[str]:
    """Look upward for the nearest folder with settings; of its files the last one counts most."""
    while True:
        project = os.path.join(directory, "pyproject.toml")
        found = [project] if os.path.isfile(project) and _has_section(project) else []
        path = os.path.join(directory, CONFIG_FILE)
        found += [path] if os.path.isfile(path) else []
        parent = os.path.dirname(directory)
        is_root = any(os.path.exists(os.path.join(directory, mark)) for mark in (".git", ".hg"))
        if found or is_root or parent == directory:
            return found
        directory = parent


def _has_section(path: str) -> bool:
    """Spare reading TOML where it cannot concern us."""
    with open(path, "rb") as file:
        text = file.read()
    return b"tool.datajoint" in text and "datajoint" in _toml(path, text).get("tool", {})


def _legacy_files(environ: Mapping[str, str], directory: str) -> list[str]:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    candidates = [os.path.join(directory, LOCALCONFIG), *([os.path.join(home, GLOBALCONFIG)] if home else [])]
    for path in candidates:
        if os.path.isfile(path):
            _logger().info(
                "Settings are read from %s of DataJoint 0.14; its present name is %s.", path, CONFIG_FILE
            )
            return [path]
    return []


def read_file(path: str) -> Layer:
    """Read a JSON file, or ``[tool.datajoint]`` of a pyproject file; null counts as unset."""
    data = _parse_file(path)
    layer = {canonical(name): Found(value, path) for name, value in _flatten(data, path) if value is not None}
    if os.path.basename(path) in (LOCALCONFIG, GLOBALCONFIG):
        for name in _store_names(layer):  # unset meant two folders of two characters then, and means none now
            layer.setdefault(f"stores.{name}.subfolding", Found([2, 2], path))
    return layer


def _parse_file(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise ConfigurationError(f"The settings in {path} cannot be read: {error.strerror}.") from error
    if path.endswith(".toml"):
        return _toml(path, text).get("tool", {}).get("datajoint", {})
    import json

    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"The settings in {path} are not valid JSON: {error}.") from None
    if not isinstance(data, dict):
        raise ConfigurationError(f"The settings in {path} must be a JSON object, not {type(data).__name__}.")
    return cast(dict[str, Any], data)


def _toml(path: str, text: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigurationError(f"The settings in {path} are not valid TOML: {error}.") from None


def _flatten(data: Mapping[str, Any], origin: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values; only our own groups are opened, so foreign sections stay whole."""
    for key, value in data.items():
        name = prefix + str(key)
        if name == "stores":
            yield from ((found, item.value) for found, item in _flat_stores(value, origin).items())
        elif name.startswith("stores.") and name.count(".") == 1:
            store = _flat_stores({name.removeprefix("stores."): value}, origin)
            yield from ((found, item.value) for found, item in store.items())
        elif name in GROUPS and isinstance(value, Mapping):
            yield from _flatten(cast(Mapping[str, Any], value), origin, name + ".")
        elif name in GROUPS:
            raise ConfigurationError(
                f"`{name}` (from {origin}) must be a section, not {type(value).__name__}."
            )
        else:
            yield name, value


def _flat_stores(stores: Any, origin: str) -> Layer:
    if stores is None:
        return {}
    if not isinstance(stores, Mapping):
        raise ConfigurationError(f"`stores` (from {origin}) must be a mapping, not {type(stores).__name__}.")
    layer: Layer = {}
    for name, store in cast(Mapping[str, Any], stores).items():
        if isinstance(store, Mapping):
            attributes = cast(Mapping[str, Any], store)
            layer.update(
                {
                    f"stores.{name}.{attribute}": Found(value, origin)
                    for attribute, value in attributes.items()
                }
            )
        else:
            layer[f"stores.{name}"] = Found(store, origin)
    return layer


def _store_names(layer: Layer) -> list[str]:
    return list(
        {name.split(".")[1]: None for name in layer if name.startswith("stores.") and name.count(".") > 1}
    )


# --- secrets --------------------------------------------------------------------------------------------


def read_secrets(beside: str) -> Layer:
    """Read one value per file from the secrets folder beside the configuration and that of the system."""
    layer: Layer = {}
    for folder in (SYSTEM_SECRETS, os.path.join(beside, SECRETS_DIRECTORY)):
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ConfigurationError(
                f"The secrets in {folder} cannot be listed: {error.strerror}."
            ) from error
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                layer.update(_read_secret(name, path))
    return layer


def _read_secret(name: str, path: str) -> Layer:
    setting = SETTINGS.get(name)
    if name != "stores" and (setting or (name.startswith("stores.") and name.count(".") in (1, 2))):
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read().strip()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"The secrets file {path} cannot be read.") from error
        if TEMPLATE_SECRETS.get(name) == text:
            return {}
        return {name: Found(parse(setting, text, path) if setting else text, path)}
    advice = nearest(name, SETTINGS, limit=1)
    warn_in_log(f"The secrets file {path} is not named like a setting. {advice or ''}".rstrip())
    return {}


# --- log ------------------------------------------------------------------------------------------------


def _logger() -> Any:
    import logging

    return logging.getLogger("datajoint")


def warn_in_log(message: str) -> None:
    """Say in one line what is odd about files and variables."""
    _logger().warning("%s", message)
