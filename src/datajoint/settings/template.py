"""A configuration file to start from, and a folder for the secrets that do not belong in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datajoint.errors import ConfigurationError
from datajoint.settings.model import SETTINGS
from datajoint.settings.secret import Tree, is_secret_name
from datajoint.settings.sources import SECRETS_DIRECTORY, TEMPLATE_SECRETS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ExistingFileError", "write_template"]

_MINIMAL = ("database.backend", "database.host", "database.port")
_LEFT_OUT = ("database.user", "ignore_config_file")
_STORES = {
    "default": "main",
    "filepath_default": "raw",
    "main": {"protocol": "file", "location": "/data/my-project/main"},
    "raw": {"protocol": "file", "location": "/data/my-project/raw"},
}


class ExistingFileError(ConfigurationError, FileExistsError):
    """The file to be written exists already."""


def write_template(values: Mapping[str, Any], path: str, *, minimal: bool, with_secrets: bool) -> Path:
    """Write the file, and the secrets folder unless it is there; never passwords, never over a file."""
    from pathlib import Path

    chosen = {name: values[name] for name in _names(minimal)}
    data = _nested({**chosen, "database.backend": chosen["database.backend"] or "mysql"})
    if not minimal:
        data["stores"] = _without_secrets(values["stores"]) or _STORES
    _write_new(path, _as_json(data))
    if with_secrets:
        _create_secrets(os.path.join(os.path.dirname(os.path.abspath(path)), SECRETS_DIRECTORY))
    return Path(path)


def _names(minimal: bool) -> list[str]:
    if minimal:
        return list(_MINIMAL)
    return [
        name
        for name, setting in SETTINGS.items()
        if not setting.secret and name not in (*_LEFT_OUT, "stores")
    ]


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, value in flat.items():
        group, _, key = name.rpartition(".")
        (data.setdefault(group, {}) if group else data)[key] = value
    return data


def _without_secrets(stores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_secrets(value) if isinstance(value, Tree) else value
        for name, value in stores.items()
        if not is_secret_name(name)
    }


def _as_json(data: Mapping[str, Any]) -> str:
    import json

    return json.dumps(data, indent=2, default=str) + "\n"


def _write_new(path: str, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ExistingFileError(
            f"The file {path} exists already.", hint="Remove it, or give another path."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The file {path} cannot be written: {error.strerror}.") from error


def _create_secrets(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    for name, text in {".gitignore": "*\n!.gitignore\n", **TEMPLATE_SECRETS}.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            _write_new(path, text if text.endswith("\n") else text + "\n")
            os.chmod(path, 0o600)
