"""The table of settings: name, type, default, environment variable; everything else derives from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datajoint._value import Value
from datajoint.settings.kinds import (
    backend,
    boolean,
    choice,
    folder,
    mapping,
    names,
    number,
    path,
    stores,
    text,
    tls,
    whole,
)  # fmt: skip
from datajoint.settings.secret import is_secret_name

if TYPE_CHECKING:
    from datajoint.settings.kinds import Converter

__all__ = [
    "ALIASES",
    "GROUPS",
    "IGNORED",
    "LOG_LEVELS",
    "PORTS",
    "REFUSED",
    "SETTINGS",
    "VARIABLES",
    "Setting",
]


class Setting(Value):
    """One row of the table; `optional` ones may be None, `secret` ones are never shown."""

    name: str
    default: Any
    converter: Converter
    doc: str
    variable: str
    secret: bool
    optional: bool


LOG_LEVELS = {"DEBUG": 10, "JOBS": 15, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
PORTS = {"mysql": 3306, "postgresql": 5432}


def _setting(name: str, default: Any, converter: Converter, doc: str, variable: str | None = None) -> Setting:
    variable = variable or "DJ_" + name.replace(".", "_").upper()
    return Setting(name, default, converter, doc, variable, is_secret_name(name), default is None)


# fmt: off
_TABLE = (
    _setting("database.host", "localhost", text, "name or address of the server", "DJ_HOST"),
    _setting("database.port", None, whole(0, 65535), "port of the server", "DJ_PORT"),
    _setting("database.user", None, text, "name of the database user", "DJ_USER"),
    _setting("database.password", None, text, "password of the database user", "DJ_PASS"),
    _setting("database.backend", None, backend, "sqlite, postgresql or mysql; unset: SQLite unless a server "
             "is configured, then mysql", "DJ_BACKEND"),
    _setting("database.name", None, path, "SQLite: a file or :memory:; PostgreSQL: the database"),
    _setting("database.use_tls", None, tls, "True demands encryption, False forbids it, unset tries it; or a "
             "mapping of options", "DJ_USE_TLS"),
    _setting("database.reconnect", True, boolean, "connect again after a loss", "DJ_RECONNECT"),
    _setting("database.create_tables", True, boolean, "create missing tables", "DJ_CREATE_TABLES"),
    _setting("database.database_prefix", "", text, "text put before every schema name", "DJ_DATABASE_PREFIX"),
    _setting("database.synchronous", "FULL", choice("OFF", "NORMAL", "FULL", "EXTRA"),
             "SQLite: how carefully a commit reaches the disk"),
    _setting("database.busy_timeout", 30, number(0), "SQLite: seconds to wait for another writer"),
    _setting("database.statement_timeout", None, number(0),
             "seconds after which the database stops a statement; unset or 0: never"),
    _setting("connection.charset", "", text, "MySQL: character set of the connection"),
    _setting("blob.use_32bit_dims", False, boolean,
             "read blobs of the 32-bit MATLAB library, whose lengths have 4 bytes"),
    _setting("display.limit", 12, whole(), "rows shown in a preview"),
    _setting("display.width", 14, whole(), "characters shown of a value in a preview"),
    _setting("display.show_tuple_count", True, boolean, "show the number of rows under a preview"),
    _setting("display.diagram_direction", "LR", choice("LR", "TB"), "diagrams to the right or downwards",
             "DJ_DIAGRAM_DIRECTION"),
    _setting("display.diagram_theme", "auto", choice("auto", "light", "dark"), "colours of diagrams",
             "DJ_DIAGRAM_THEME"),
    _setting("display.tracebacks", "short", choice("short", "full"),
             "full: tracebacks show the frames of the library, too"),
    _setting("query.unknown_names", "error", choice("error", "warn", "ignore"),
             "when a dict that restricts has a name that no table has"),
    _setting("query.matching", "lineage", choice("lineage", "name"),
             "how shared key attributes are matched: by their origin, or by name alone"),
    _setting("jobs.auto_refresh", True, boolean, "refresh the job queue at the start of populate"),
    _setting("jobs.keep_completed", False, boolean, "keep the jobs that are done"),
    _setting("jobs.stale_timeout", 3600, number(0),
             "seconds after which a job without its key is removed; 0: never"),
    _setting("jobs.default_priority", 5, whole(0, 255), "priority of new jobs; lower runs earlier"),
    _setting("jobs.version_method", None, choice("git", "none"), "how the version of the code is found"),
    _setting("jobs.add_job_metadata", False, boolean, "hidden columns that say how long a make took"),
    _setting("jobs.allow_new_pk_fields_in_computed_tables", None, boolean,
             "let computed tables have key attributes of their own"),
    _setting("jobs.lease", 30, number(1), "seconds for which a silent worker keeps its jobs"),
    _setting("jobs.max_attempts", 1, whole(1), "how often a failing key is tried"),
    _setting("jobs.retry_delay", 10, number(0), "seconds before the second try, doubled up to an hour"),
    _setting("jobs.skipped_retry", 3600, number(0),
             "seconds until workers try a key again whose make inserted nothing"),
    _setting("jobs.timeout", None, number(0), "seconds after which a make is stopped"),
    _setting("jobs.executor", None, text, "what computes: local, processes, dask, ray or that of a package"),
    _setting("jobs.conflict_retries", 3, whole(0), "how often a make whose inputs changed runs again"),
    _setting("jobs.write_set_bytes", 268435456, whole(0), "bytes that a make may collect before it writes"),
    _setting("provenance.capture", False, boolean, "record who entered the rows of manual tables"),
    _setting("provenance.source", {}, mapping, "what to record as the source of manual rows"),
    _setting("provenance.events", True, boolean, "record an event with every write"),
    _setting("provenance.history", "best_effort", choice("required", "best_effort", "off"),
             "keep the old versions of updated and deleted rows"),
    _setting("provenance.history_days", None, number(0), "days for which old versions are kept"),
    _setting("provenance.history_bytes", None, whole(0), "bytes of old versions that are kept"),
    _setting("provenance.digests", False, boolean, "record digests of the rows that a make reads"),
    _setting("provenance.keep_diff", False, boolean, "record the uncommitted changes of the code"),
    _setting("provenance.ignored_values", (), names, "qualified names of values that makes do not depend on"),
    _setting("provenance.guard", None, boolean, "notice updates of rows by other programs; unset: on SQLite"),
    _setting("provenance.contract", "warn", choice("off", "warn", "error"),
             "check that a make reads only what belongs to its key"),
    _setting("provenance.audit", False, boolean, "with it: clock, chance, environment, files, connections"),
    _setting("provenance.stale", "ignore", choice("ignore", "warn", "refuse"),
             "what happens when rows whose inputs changed are read"),
    _setting("provenance.reuse", True, boolean, "reuse a result computed from the same inputs"),
    _setting("interop.create_collation", "binary", choice("binary", "server"),
             "collation of the MySQL databases that are created"),
    _setting("interop.native_blobs", "auto", choice("auto", "raw"),
             "blob columns without a codec hold packed objects, or raw bytes only"),
    _setting("interop.zones", "utc", choice("utc", "keep"),
             "times with a zone become UTC, or keep what the clock shows there"),
    _setting("interop.skip_duplicates", "key", choice("key", "any"),
             "skip_duplicates skips rows whose key is there, or whose values of any unique index are"),
    _setting("declare.drift", "warn", choice("warn", "error"), "when a definition differs from its table"),
    _setting("declare.same_name", "error", choice("error", "warn"),
             "when a class would get a second table because its tier changed"),
    _setting("stores", {}, stores, "object stores by name, with `default` and `filepath_default`"),
    _setting("loglevel", "INFO", choice(*LOG_LEVELS), "the least important messages logged", "DJ_LOG_LEVEL"),
    _setting("safemode", True, boolean, "ask before anything is deleted or dropped"),
    _setting("download_path", ".", path, "folder for downloaded attachments and files"),
    _setting("attach.lazy", False, boolean, "fetch attachments without writing files, until they are opened"),
    _setting("query_cache", None, folder, "folder for cached query results"),
    _setting("ignore_config_file", False, boolean, "read neither configuration files nor secrets"),
)
# fmt: on

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _TABLE}
GROUPS = tuple(dict.fromkeys(name.split(".", 1)[0] for name in SETTINGS if "." in name))
VARIABLES = {setting.variable: setting for setting in _TABLE}

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
    "object_storage": "Set `stores.default`, `stores.<name>.protocol` and `stores.<name>.location`.",
}
