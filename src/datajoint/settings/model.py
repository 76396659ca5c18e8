"""The table of settings: name, type, default, environment variable; everything else derives from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from datajoint._value import Value
from datajoint.errors import ConfigurationError, nearest
from datajoint.settings.secret import Secret, clone, is_secret_name

__all__ = [
    "ALIASES", "GROUPS", "IGNORED", "LOG_LEVELS", "PORTS", "REFUSED", "SETTINGS", "VARIABLES", "Found", "Layer",
    "Setting", "canonical", "convert", "parse", "refuse", "suggestion",
]  # fmt: skip

Converter = Callable[[Any], Any]


class Setting(Value):
    """One row of the table of settings."""

    name: str
    default: Any
    converter: Converter
    doc: str
    variable: str
    secret: bool = False
    optional: bool = False


class Found(Value):
    """A value and the place it was found in."""

    value: Any
    origin: str


Layer = dict[str, Found]


LOG_LEVELS = {"DEBUG": 10, "JOBS": 15, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
PORTS = {"mysql": 3306, "postgresql": 5432}
_BACKENDS = ("sqlite", "postgresql", "mysql")
_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")


# --- converters: return the value in its type or raise ValueError saying what was expected ------------


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in _TRUE + _FALSE:
        return value.strip().lower() in _TRUE
    if value in (0, 1) and isinstance(value, int):
        return bool(value)
    raise ValueError("true or false")


def _number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Converter:
    what = "a whole number" if whole else "a number"
    what += f" from {low} to {high}" if high is not None else f" of at least {low}" if low is not None else ""

    def convert_number(value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(what)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ValueError(what) from None
        exact = number.is_integer() and abs(number) < 2**53
        if number != number or (whole and not exact):
            raise ValueError(what)
        if (low is not None and number < low) or (high is not None and number > high):
            raise ValueError(what)
        return int(number) if exact else number

    return convert_number


def _whole(low: int | None = None, high: int | None = None) -> Converter:
    return _number(low, high, whole=True)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("text")


def _path(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        return str(cast(object, value))
    raise ValueError("a path")


def _choice(*names: str) -> Converter:
    known = {name.lower(): name for name in names}
    what = " or ".join((", ".join(names[:-1]), names[-1]) if len(names) > 1 else names)

    def choose(value: Any) -> str:
        if isinstance(value, str) and value.strip().lower() in known:
            return known[value.strip().lower()]
        raise ValueError(what)

    return choose


def _backend(value: Any) -> str:
    """One of ours, or one that an installed package brings."""
    if isinstance(value, str):
        name = value.strip().lower()
        if name in _BACKENDS:
            return name
        from importlib.metadata import entry_points

        if name and name in entry_points(group="datajoint.backends").names:
            return name
    raise ValueError("sqlite, postgresql or mysql")


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return clone(value)
    raise ValueError("a mapping")


def _stores(value: Any) -> Mapping[str, Any]:
    tree = _mapping(value)
    for name, store in tree.items():
        if name in ("default", "filepath_default"):
            if store is not None and not isinstance(store, str):
                raise ValueError(f"a mapping in which `{name}` is the name of a store")
        elif not isinstance(store, Mapping):
            raise ValueError(f"a mapping of names to stores, and the store `{name}` itself a mapping")
    return tree


def _tls(value: Any) -> bool | Mapping[str, Any]:
    if isinstance(value, Mapping):
        return clone(value)
    try:
        return _boolean(value)
    except ValueError:
        raise ValueError("true, false or a mapping of TLS options") from None


# --- the table ------------------------------------------------------------------------------------------


def _setting(name: str, default: Any, converter: Converter, doc: str, variable: str | None = None) -> Setting:
    variable = variable or "DJ_" + name.replace(".", "_").upper()
    return Setting(name, default, converter, doc, variable, is_secret_name(name), default is None)


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        _setting("database.host", "localhost", _text, "Name or address of the database server.", "DJ_HOST"),
        _setting("database.port", None, _whole(0, 65535), "Port of the server; by default that of the backend.",
                 "DJ_PORT"),
        _setting("database.user", None, _text, "Name of the database user.", "DJ_USER"),
        _setting("database.password", None, _text, "Password of the database user.", "DJ_PASS"),
        _setting("database.backend", None, _backend, "sqlite, postgresql or mysql; unset: SQLite unless a server is "
                 "configured, then mysql.", "DJ_BACKEND"),
        _setting("database.name", None, _path, "SQLite: the file, or :memory:. PostgreSQL: the database."),
        _setting("database.use_tls", None, _tls, "True demands encryption, False forbids it, unset tries it; or a "
                 "mapping of options.", "DJ_USE_TLS"),
        _setting("database.reconnect", True, _boolean, "Reconnect when the connection was lost.", "DJ_RECONNECT"),
        _setting("database.create_tables", True, _boolean, "Create missing tables when a class is decorated.",
                 "DJ_CREATE_TABLES"),
        _setting("database.database_prefix", "", _text, "Text put before every schema name."),
        _setting("database.synchronous", "FULL", _choice("OFF", "NORMAL", "FULL", "EXTRA"),
                 "SQLite: how carefully a commit reaches the disk."),
        _setting("database.busy_timeout", 30, _number(0), "SQLite: seconds to wait for another writer."),
        _setting("connection.charset", "", _text, "MySQL: character set of the connection."),
        _setting("display.limit", 12, _whole(), "Rows shown in a preview."),
        _setting("display.width", 14, _whole(), "Characters shown of a value in a preview."),
        _setting("display.show_tuple_count", True, _boolean, "Show the number of rows under a preview."),
        _setting("display.diagram_direction", "LR", _choice("LR", "TB"), "Diagrams from left to right or downwards.",
                 "DJ_DIAGRAM_DIRECTION"),
        _setting("display.diagram_theme", "auto", _choice("auto", "light", "dark"), "Colours of diagrams.",
                 "DJ_DIAGRAM_THEME"),
        _setting("jobs.auto_refresh", True, _boolean, "Refresh the job queue at the start of populate."),
        _setting("jobs.keep_completed", False, _boolean, "Keep the jobs that are done."),
        _setting("jobs.stale_timeout", 3600, _number(0), "Seconds after which a job without its key is removed."),
        _setting("jobs.default_priority", 5, _whole(0, 255), "Priority of new jobs; lower runs earlier."),
        _setting("jobs.version_method", None, _choice("git", "none"), "How the version of the code is found."),
        _setting("jobs.add_job_metadata", False, _boolean, "Hidden columns that say how long a make took."),
        _setting("jobs.allow_new_pk_fields_in_computed_tables", None, _boolean,
                 "Let computed tables have key attributes of their own."),
        _setting("jobs.lease", 30, _number(1), "Seconds for which a silent worker keeps its jobs."),
        _setting("jobs.max_attempts", 1, _whole(1), "How often a failing key is tried."),
        _setting("jobs.retry_delay", 10, _number(0), "Seconds before the second attempt, doubled up to an hour."),
        _setting("jobs.timeout", None, _number(0), "Seconds after which a make is stopped."),
        _setting("jobs.conflict_retries", 3, _whole(0), "How often a make runs again because its inputs changed."),
        _setting("jobs.write_set_bytes", 268435456, _whole(0), "Bytes a make may collect before it writes."),
        _setting("provenance.capture", False, _boolean, "Record who entered the rows of manual tables."),
        _setting("provenance.source", {}, _mapping, "What to record as the source of manual rows."),
        _setting("provenance.events", True, _boolean, "Record an event with every write."),
        _setting("provenance.history", "best_effort", _choice("required", "best_effort", "off"),
                 "Keep the old version of updated and deleted rows."),
        _setting("provenance.history_days", None, _number(0), "Days for which old versions are kept."),
        _setting("provenance.history_bytes", None, _whole(0), "Bytes of old versions that are kept."),
        _setting("provenance.digests", False, _boolean, "Record digests of the rows read by a make."),
        _setting("provenance.keep_diff", False, _boolean, "Record the uncommitted changes of the code."),
        _setting("provenance.guard", None, _boolean, "Watch for writes by other programs; unset: on SQLite only."),
        _setting("provenance.contract", "off", _choice("off", "warn", "error"), "Check that a make reads only what "
                 "its key names."),
        _setting("provenance.stale", "ignore", _choice("ignore", "warn", "refuse"), "Reading rows whose inputs "
                 "changed."),
        _setting("provenance.reuse", True, _boolean, "Reuse a result computed from the same inputs."),
        _setting("interop.create_collation", "binary", _choice("binary", "server"), "Collation of new MySQL "
                 "databases."),
        _setting("interop.native_blobs", "auto", _choice("auto", "raw"), "Blob columns without a codec: packed "
                 "objects or raw bytes."),
        _setting("declare.drift", "warn", _choice("warn", "error"), "A definition that differs from its table."),
        _setting("stores", {}, _stores, "Object stores by name, with `default` and `filepath_default`."),
        _setting("loglevel", "INFO", _choice(*LOG_LEVELS), "What is logged.", "DJ_LOG_LEVEL"),
        _setting("safemode", True, _boolean, "Ask before anything is deleted or dropped."),
        _setting("download_path", ".", _path, "Folder for downloaded attachments and files."),
        _setting("query_cache", None, _path, "Folder for cached query results."),
        _setting("ignore_config_file", False, _boolean, "Read neither configuration file nor secrets."),
    )
}  # fmt: skip

GROUPS = tuple(dict.fromkeys(name.split(".")[0] for name in SETTINGS if "." in name))
VARIABLES = {setting.variable: setting for setting in SETTINGS.values()}

ALIASES = {"cache": "query_cache"}
IGNORED = {
    "enable_python_native_blobs": "blobs hold Python objects always",
    "database.charset": "the database decides the character set",
    "database.collation": "the database decides the collation",
    "fetch_format": "name the format where you fetch",
    "add_hidden_timestamp": "every row records its event",
    "filepath_checksum_size_limit": "every file is checked",
    "filepath_checksum_size_limit_insert": "every file is checked",
}
REFUSED = {
    "connection.init_function": "Send the statement yourself: `dj.conn().query(...)`.",
    "jobs.version": "Set `jobs.version_method`.",
    "object_storage": "Set `stores`: `stores.default` and `stores.<name>.protocol`, `.location`, ….",
}


def canonical(name: str) -> str:
    """Return the present name of a setting that has an older one."""
    return ALIASES.get(name, name)


def refuse(name: str, origin: str | None = None) -> None:
    """Raise for a setting that old documents name but that has no meaning here."""
    for refused, advice in REFUSED.items():
        if name == refused or name.startswith(refused + "."):
            raise ConfigurationError(f"There is no setting `{refused}`{_from(origin)}.", hint=advice)


def suggestion(name: str) -> str | None:
    """Phrase a question naming the settings nearest to an unknown name."""
    return nearest(name, [*SETTINGS, *GROUPS, *ALIASES, "custom"]) or nearest(
        name, [known for known in SETTINGS if known.endswith("." + name)]
    )


def convert(setting: Setting, value: Any, origin: str | None = None) -> Any:
    """Return the value in the setting's type, or raise naming the setting, the value and its origin."""
    if value is None and setting.optional:
        return None
    try:
        result = setting.converter(value)
    except ValueError as expected:
        shown = type(value).__name__ if setting.secret or isinstance(value, (Mapping, list)) else repr(value)
        raise ConfigurationError(
            f"`{setting.name}`{_from(origin)} must be {expected}, not {shown}.", setting=setting.name
        ) from None
    return Secret(result) if setting.secret else result


def parse(setting: Setting, text: str, origin: str) -> Any:
    """Read a setting from text, as environment variables and secrets files hold it."""
    if setting.converter in (_mapping, _stores) or (
        setting.converter is _tls and text.lstrip().startswith("{")
    ):
        return convert(setting, _json(setting, text, origin), origin)
    try:
        return convert(setting, text, origin)
    except ConfigurationError:
        if setting.optional and text.strip().lower() in ("none", "null"):
            return None
        raise


def _json(setting: Setting, text: str, origin: str) -> Any:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"`{setting.name}`{_from(origin)} is not valid JSON: {error.msg} at character {error.pos + 1}.",
            hint='It must hold a JSON object, such as {"name": "value"}.',
        ) from None


def _from(origin: str | None) -> str:
    return f" (from {origin})" if origin else ""
