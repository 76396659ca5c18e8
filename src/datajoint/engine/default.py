"""The settings behind ``dj.config``, and the holder of the default instance."""

from __future__ import annotations

import os
import threading
from typing import Any

from datajoint.settings.config import Config, load_config

__all__ = ["Default", "process_config", "take_config", "thread_safe"]


class Default:
    """Holds the default instance; its settings may be needed before it is made."""

    lock = threading.Lock()
    instance: Any = None
    config: Config | None = None


def thread_safe() -> bool:
    """Whether global state is forbidden by ``DJ_THREAD_SAFE`` (CFG-15)."""
    return os.environ.get("DJ_THREAD_SAFE", "").lower() in ("1", "true", "yes", "on")


def process_config() -> Config:
    """Return ``dj.config``; where global state is forbidden, settings as files and environment give them.

    Examples
    --------
    >>> import datajoint as dj
    >>> process_config() is dj.config
    True
    """
    if thread_safe():
        return load_config()
    with Default.lock:
        if Default.instance is not None:
            return Default.instance.config
        Default.config = Default.config or load_config()
        return Default.config


def take_config() -> Config:
    """Return the settings for a default instance that is being made, under `Default.lock`."""
    config, Default.config = Default.config, None
    return load_config() if config is None else config
