"""`Config`: settings read as attributes or by dotted names, assigned, and changed for a while."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Self, cast

from datajoint._edge import edge
from datajoint.errors import ConfigurationError, DataJointWarning
from datajoint.settings import template
from datajoint.settings.convert import canonical, convert, refuse, suggestion
from datajoint.settings.model import GROUPS, IGNORED, LOG_LEVELS, SETTINGS
from datajoint.settings.secret import Tree, clone, masked
from datajoint.settings.sources import Sources, collect, is_thread_safe, read_file, read_secrets, warn_in_log
from datajoint.settings.stores import resolve_store, stores_of
from datajoint.settings.values import ABSENT, DEFAULT, Layer, Snapshot, Values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = [
    "Config", "Default", "Group", "MissingFileError", "Override", "UnknownSettingError", "load_config",
    "process_config", "take_config",
]  # fmt: skip


_IN_USE = {
    "database.host": "  # not used",
    "database.port": "  # not used",
    "database.backend": "  # sqlite is used, as no server is configured",
    "database.name": "  # datajoint.db is used",
}
"""Remarks where nothing says which database is meant."""


class UnknownSettingError(ConfigurationError, KeyError, AttributeError):
    """No setting has this name."""


class MissingFileError(ConfigurationError, FileNotFoundError):
    """The configuration file to load does not exist."""


@edge
class Config(MutableMapping[str, Any]):
    """The settings of one instance; in falling precedence: assigned, environment, secrets, file, default.

    Examples
    --------
    >>> config = Config()
    >>> config.display.limit, config["display.limit"], config.origin("display.limit")
    (12, 12, 'default')
    >>> with config.override(safemode=False, display__limit=5):
    ...     config.safemode, config.display.limit
    (False, 5)
    >>> config.safemode
    True
    """

    __slots__ = ("_groups", "_process_wide", "_reported", "_sources", "_values", *GROUPS)
    _groups: dict[str, Group]
    _process_wide: bool
    _reported: set[str]
    _sources: Sources
    _values: Values

    def __init__(self, sources: Sources | None = None, *, process_wide: bool = False) -> None:
        set_slot = super().__setattr__
        set_slot("_groups", {name: Group(self, name) for name in GROUPS})
        for name, group in self._groups.items():
            set_slot(name, group)
        set_slot("_process_wide", process_wide)
        set_slot("_reported", set())
        self._take(sources or Sources({}, {}, {}), {})
        # A logger that is not there yet reads the variable itself.
        if self.is_set("loglevel") and ("logging" in sys.modules or "DJ_LOG_LEVEL" not in os.environ):
            self._after(["loglevel"])

    # --- reading ----------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, key: str) -> Any:
        value = self._find(key)
        if value is ABSENT:
            raise UnknownSettingError(f"There is no setting `{key}`.", hint=suggestion(str(key)))
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting, or the default if nothing of that name is known.

        Examples
        --------
        >>> Config().get("custom", {})
        {}
        """
        value = self._find(key)
        return default if value is ABSENT else value

    def setting(self, name: str) -> Any:
        """Return the setting of exactly this name: the fastest way, for what every statement asks.

        Examples
        --------
        >>> Config().setting("display.limit")
        12
        """
        values = self._values
        if name in values.assigned:
            return values.assigned[name]
        return values.loaded[name] if name in values.loaded else SETTINGS[name].default

    def __contains__(self, key: object) -> bool:
        return self._find(key) is not ABSENT

    def __iter__(self) -> Iterator[str]:
        return iter(self._values.names())

    def __len__(self) -> int:
        return len(self._values.names())

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        lines = [f"    {name} = {masked(self[name], name)!r}{self._remark(name)}" for name in self]
        return "\n".join(["Config(", *lines, ")"])

    def origin(self, key: str) -> str:
        """Say where the value of a setting comes from.

        Examples
        --------
        >>> config = Config()
        >>> config.safemode = False
        >>> config.origin("safemode"), config.origin("loglevel")
        ('assigned', 'default')
        """
        return self._values.origin(key)

    def is_set(self, key: str) -> bool:
        """Tell whether any source gives this setting a value.

        Examples
        --------
        >>> config = Config().copy(database__user="")
        >>> config.is_set("database.user"), config.is_set("database.host")
        (True, False)
        """
        return self.get(key) is not None and self.origin(key) != DEFAULT

    def get_store_spec(
        self, store: str | None = None, *, use_filepath_default: bool = False
    ) -> dict[str, Any]:
        """Return the checked description of a store, by default that of ``stores.default``.

        Examples
        --------
        >>> config = Config()
        >>> config["stores"] = {"default": "lab", "lab": {"protocol": "file", "location": "/data"}}
        >>> config.get_store_spec()["location"]
        '/data'
        """
        return resolve_store(self["stores"], store, "filepath_default" if use_filepath_default else "default")

    # --- changing ---------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self:
            advice = suggestion(name) or f"Keep values of your own as config[{name!r}] = …."
            raise UnknownSettingError(f"There is no setting `{name}`.", hint=advice)
        self[name] = value

    def __setitem__(self, key: str, value: Any) -> None:
        self._assign(self._prepare({key: value}))

    def __delitem__(self, key: str) -> None:
        if not self._values.remove(key) and canonical(key) not in SETTINGS:
            raise UnknownSettingError(f"No setting `{key}` was assigned.", hint=suggestion(key))
        self._after([key])

    def update(self, settings: Any = (), /, **named: Any) -> None:
        """Assign several settings, all or none; in keywords two underscores stand for the dot.

        Examples
        --------
        >>> config = Config()
        >>> config.update({"loglevel": "WARNING"}, display__limit=5)
        >>> config.loglevel, config.display.limit
        ('WARNING', 5)
        """
        self._assign(self._prepare({**dict(settings), **_dotted(named)}))

    def override(self, settings: Mapping[str, Any] | None = None, /, **named: Any) -> Override:
        """Change settings inside a with block.

        Examples
        --------
        >>> config = Config()
        >>> with config.override(loglevel="ERROR"):
        ...     config.loglevel
        'ERROR'
        """
        prepared = self._prepare({**(settings or {}), **_dotted(named)})
        return Override(self._values, prepared, self._after)

    def __call__(self, **named: Any) -> Override:
        """Assign settings; as context manager restore them at the end of the block (spelling of 0.x)."""
        return self.override(**named).__enter__()

    def copy(self, **named: Any) -> Config:
        """Return independent settings with the same values, some of them changed.

        Examples
        --------
        >>> config = Config()
        >>> other = config.copy(database__backend="postgresql")
        >>> config.database.port, other.database.port
        (3306, 5432)
        """
        other = Config()
        set_slot = object.__setattr__
        set_slot(other, "_sources", self._sources)
        set_slot(other, "_reported", set(self._reported))
        set_slot(other, "_values", self._values.copy())
        other.update(**named)
        return other

    def load(self, filename: str | os.PathLike[str]) -> None:
        """Read a configuration file, and the secrets beside it, over what was said and assigned before.

        The environment still prevails.

        Examples
        --------
        >>> import tempfile
        >>> config = Config()
        >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        ...     print('{"display": {"limit": 3}}', file=file, flush=True)
        ...     config.load(file.name)
        >>> config.display.limit
        3
        """
        path = os.path.abspath(filename)
        if not os.path.isfile(path):
            raise MissingFileError(f"There is no configuration file {os.fspath(filename)}.")
        old, stores = self._sources, self._values.loaded["stores"]
        secrets = {**old.secrets, **read_secrets(os.path.dirname(path))}
        given = read_file(path)
        assigned = {n: value for n, value in self._values.assigned.items() if not _says(given, n)}
        self._take(Sources(old.environment, secrets, {**old.file, **given}), assigned)
        for name, store in stores.items():  # those that code added to the mapping
            self._values.loaded["stores"].setdefault(name, store)
        self._after(["loglevel"])

    def save_template(
        self,
        path: str | os.PathLike[str] = "datajoint.json",
        minimal: bool = True,
        create_secrets_dir: bool = True,
    ) -> Path:
        """Write a configuration file to start from, without passwords, and a folder for secrets beside it.

        Parameters
        ----------
        path
            The new file; an existing one is refused.
        minimal
            Only what names the server, instead of all settings with their present values.
        create_secrets_dir
            Make ``.secrets/`` with a file each for user and password, kept out of git.

        Returns
        -------
        Path
            The file written.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Config().save_template(f"{folder}/lab.json", create_secrets_dir=False).name
        'lab.json'
        """
        where = os.fspath(path)
        return template.write_template(self, where, minimal=minimal, with_secrets=create_secrets_dir)

    # --- inside -----------------------------------------------------------------------------------------

    def _find(self, key: object) -> Any:
        if not isinstance(key, str):
            return ABSENT
        return self._groups[key] if key in self._groups else self._values.find(key)

    def _remark(self, name: str) -> str:
        origin = self.origin(name)
        if origin != DEFAULT:
            return f"  # {origin}"
        return _IN_USE.get(name, "") if self._uses_sqlite() else ""

    def _uses_sqlite(self) -> bool:
        """Whether the database is a file because nothing else is configured."""
        servers = ("database.host", "database.port", "database.user", "database.password")
        return self["database.backend"] is None and not any(self.is_set(name) for name in servers)

    def _take(self, sources: Sources, assigned: dict[str, Any]) -> None:
        """Convert what the sources say; on a wrong value nothing changes."""
        layer = sources.merged()
        loaded: dict[str, Any] = {"stores": stores_of(layer), "provenance.source": Tree()}
        own = {name: found for name, found in layer.items() if name.split(".", 1)[0] != "stores"}
        for name, found in own.items():
            refuse(name, found.origin)
            setting = SETTINGS.get(name)
            loaded[name] = convert(setting, found.value, found.origin) if setting else clone(found.value)
        object.__setattr__(self, "_sources", sources)
        object.__setattr__(self, "_values", Values(loaded, _origins_of(layer), assigned))
        for name, found in own.items():
            if self._is_news(name):
                warn_in_log(_notice(name, f" in {found.origin}"))

    def _prepare(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Check and convert assignments before any of them is made."""
        prepared: dict[str, Any] = {}
        for key, value in changes.items():
            name = canonical(key)
            refuse(name)
            if name in SETTINGS:
                prepared[name] = convert(SETTINGS[name], value)
            elif name in self._groups:
                prepared.update(self._prepare(_section(name, value)))
            else:
                prepared[name] = clone(value)  # so that what is kept hides its secrets, too
        for name in prepared:
            if self._is_news(name):
                warnings.warn(_notice(name, ""), DataJointWarning, stacklevel=_frames_inside())
        return prepared

    def _assign(self, prepared: Mapping[str, Any]) -> None:
        for name, value in prepared.items():
            self._values.put(name, value)
        self._after(prepared)

    def _after(self, changed: Iterable[str]) -> None:
        """Let the settings of the process reach its logger."""
        if self._process_wide and "loglevel" in changed:
            import logging

            logging.getLogger("datajoint").setLevel(LOG_LEVELS[self["loglevel"]])

    def _is_news(self, name: str) -> bool:
        """Tell whether an unknown name was not reported yet, and remember it."""
        if name in SETTINGS or name in self._reported or name.split(".", 1)[0] in ("custom", "stores"):
            return False
        self._reported.add(name)
        return not name.startswith("provenance.source.")


@edge
class Group:
    """One section of the settings, such as `config.database`; reads and writes go to the settings."""

    __slots__ = ("_config", "_prefix")
    _config: Config
    _prefix: str

    def __init__(self, config: Config, name: str) -> None:
        object.__setattr__(self, "_config", config)
        object.__setattr__(self, "_prefix", name + ".")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        full = self._prefix + name
        value = self._config._values.find(full)  # settings are asked for wherever something is done
        return self._config[full] if value is ABSENT else value

    def __setattr__(self, name: str, value: Any) -> None:
        full = self._prefix + name
        if full not in self._config:
            raise UnknownSettingError(f"There is no setting `{full}`.", hint=suggestion(full))
        self._config[full] = value

    def __getitem__(self, name: str) -> Any:
        return self._config[self._prefix + name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._config[self._prefix + name] = value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting of the section, or the default if the section has none of that name."""
        return self._config.get(self._prefix + name, default)

    def keys(self) -> list[str]:
        """Return the names within the section."""
        return [name.removeprefix(self._prefix) for name in self._config if name.startswith(self._prefix)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, name: object) -> bool:
        return f"{self._prefix}{name}" in self._config

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={masked(self[name], name)!r}" for name in self.keys())
        return f"{self._prefix[:-1]}({settings})"


@edge
class Override:
    """Settings that hold until the end of a with block."""

    __slots__ = ("_after", "_before", "_changes", "_values")

    def __init__(
        self, values: Values, changes: dict[str, Any], after: Callable[[Iterable[str]], None]
    ) -> None:
        self._values = values
        self._changes = changes
        self._after = after
        self._before: list[Snapshot] | None = None

    def __enter__(self) -> Self:
        if self._before is None:
            self._before = self._values.snapshot(self._changes)
            for name, value in self._changes.items():
                self._values.put(name, value)
            self._after(self._changes)
        return self

    def __exit__(self, *exception: object) -> None:
        self._values.restore(self._before or [])
        self._before = None
        self._after(self._changes)


def load_config(
    environ: Mapping[str, str] | None = None, directory: str | os.PathLike[str] | None = None
) -> Config:
    """Read the settings of this process: environment, secrets, configuration files.

    Parameters
    ----------
    environ
        Variables; by default those of the process, whose logger then follows `loglevel`.
    directory
        Where the search for files begins; by default the working directory.

    Examples
    --------
    >>> load_config({"DJ_IGNORE_CONFIG_FILE": "true", "DJ_HOST": "db.lab.org"}).database.host
    'db.lab.org'
    """
    variables = os.environ if environ is None else environ
    return Config(collect(variables, os.path.abspath(directory or ".")), process_wide=environ is None)


def _says(layer: Layer, name: str) -> bool:
    """Whether a source says something of a setting, or of what is in it."""
    return any(f"{said}.".startswith(f"{name}.") or f"{name}.".startswith(f"{said}.") for said in layer)


def shows_full_tracebacks() -> bool:
    """Whether ``dj.config`` asks for the frames of the library in tracebacks; it is not made for that.

    Examples
    --------
    >>> shows_full_tracebacks()
    False
    """
    config = Default.config if Default.instance is None else Default.instance.config
    if config is not None:
        return bool(config["display.tracebacks"] == "full")
    return os.environ.get(SETTINGS["display.tracebacks"].variable, "").lower() == "full"


class Default:
    """Holds the default instance, and its settings where they are needed before it is made."""

    lock = threading.Lock()
    instance: Any = None
    config: Config | None = None


def process_config() -> Config:
    """Return ``dj.config``; where global state is forbidden, settings as files and environment give them.

    Examples
    --------
    >>> import datajoint as dj
    >>> process_config() is dj.config
    True
    """
    if is_thread_safe():
        return load_config()
    with Default.lock:
        if Default.instance is not None:
            return Default.instance.config
        Default.config = take_config()
        return Default.config


def take_config() -> Config:
    """Return the settings of the default instance; the caller holds `Default.lock`."""
    config, Default.config = Default.config, None
    return load_config() if config is None else config


def _origins_of(layer: Layer) -> dict[str, str]:
    origins = {name: found.origin for name, found in layer.items()}
    of_stores = [found.origin for name, found in layer.items() if name.startswith("stores")]
    return {**origins, "stores": of_stores[0]} if of_stores else origins


def _section(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, (Mapping, Group)):
        raise ConfigurationError(f"`{name}` must be a mapping, not {value!r}.")
    section = cast(Mapping[str, Any], value)
    return {f"{name}.{inner}": section[inner] for inner in section}


def _dotted(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in named.items()}


def _notice(name: str, where: str) -> str:
    if name in IGNORED:
        return f"The setting `{name}`{where} has no effect any more: {IGNORED[name]}."
    advice = suggestion(name) or "Keep values of your own under `custom`."
    return f"There is no setting `{name}`{where}; it is kept, but nothing reads it. {advice}"


def _frames_inside() -> int:
    """Count frames to the first one outside the package, so that a warning points at the user's line."""
    package = os.path.dirname(os.path.dirname(__file__))
    frame, depth = sys._getframe(1), 1  # no other way before 3.12
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, depth = frame.f_back, depth + 1
    return depth
