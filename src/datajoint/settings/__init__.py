"""Settings: one table, several sources, and which database they mean.

``load_config()`` reads environment, secrets and files; ``resolve_connection(config)`` decides between the
embedded database and a server.
"""

from __future__ import annotations

from datajoint.settings.backend import ConnectionSettings, resolve_connection
from datajoint.settings.config import Config, UnknownSettingError, load_config
from datajoint.settings.model import SETTINGS, Setting
from datajoint.settings.secret import Secret
from datajoint.settings.sources import CONFIG_FILE, GLOBALCONFIG, LOCALCONFIG, is_thread_safe

__all__ = [
    "CONFIG_FILE", "GLOBALCONFIG", "LOCALCONFIG", "SETTINGS", "Config", "ConnectionSettings", "Secret",
    "Setting", "UnknownSettingError", "is_thread_safe", "load_config", "resolve_connection",
]  # fmt: skip
