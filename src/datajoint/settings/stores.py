"""The description of one object store, checked against what its protocol needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from datajoint.errors import ConfigurationError, nearest
from datajoint.settings.secret import Tree, clone
from datajoint.settings.values import Layer

__all__ = ["COMMON_KEYS", "PROTOCOLS", "resolve_store", "stores_of"]

_COMMON: dict[str, Any] = {
    "subfolding": None,
    "partition_pattern": None,
    "token_length": 8,
    "hash_prefix": "_hash",
    "schema_prefix": "_schema",
    "filepath_prefix": None,
}
COMMON_KEYS = tuple(_COMMON)
"""Keys that a store of any protocol may have."""

_PREFIXES = ("hash_prefix", "schema_prefix", "filepath_prefix")

PROTOCOLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "file": (("location",), ()),
    "memory": ((), ("location",)),
    "s3": (("endpoint", "bucket", "location"), ("access_key", "secret_key", "secure", "proxy_server")),
    "gcs": (("bucket", "location"), ("token", "project")),
    "azure": (("container", "location"), ("account_name", "account_key", "connection_string")),
}
"""Required and optional keys of the protocols that need no plug-in."""


def resolve_store(stores: Mapping[str, Any], name: str | None, default: str = "default") -> dict[str, Any]:
    """Return a store's description with defaults filled in, or say what is wrong with it."""
    if name is None:
        name = stores.get(default)
        if name is None:
            raise ConfigurationError(
                f"`stores.{default}` is not configured.",
                hint=f"Set `stores.{default}` to the name of a store, or name the store after the @.",
            )
    store = stores.get(name)
    if name in ("default", "filepath_default") or not isinstance(store, Mapping):
        known = [key for key, value in stores.items() if isinstance(value, Mapping)]
        listed = f"Configured stores: {', '.join(known)}." if known else "No store is configured."
        raise ConfigurationError(
            f"Storage `{name}` is requested but not configured in `stores`.",
            hint=nearest(name, known)
            or f"{listed} Set `stores.{name}.protocol` and `stores.{name}.location`.",
        )
    spec = Tree({**_COMMON, **_given(cast(Mapping[str, Any], store))})
    _check_keys(name, spec)
    _check_types(name, spec)
    _check_prefixes(name, spec)
    return spec


def _given(store: Mapping[str, Any]) -> dict[str, Any]:
    return {key: clone(value) for key, value in store.items() if value is not None}


def _check_keys(name: str, spec: Mapping[str, Any]) -> None:
    protocol = spec.get("protocol")
    if not isinstance(protocol, str) or not protocol:
        raise ConfigurationError(
            f"`stores.{name}.protocol` is not set.",
            hint=f"Protocols: {', '.join(PROTOCOLS)}, or one of a plug-in.",
        )
    if protocol not in PROTOCOLS:  # a plug-in's; its adapter checks the rest
        return
    required, optional = PROTOCOLS[protocol]
    missing = [f"`stores.{name}.{key}`" for key in required if not spec.get(key) and spec.get(key) != ""]
    if missing:
        raise ConfigurationError(
            f"Store `{name}` (protocol {protocol}) is missing {', '.join(missing)}.",
            hint="Set it in datajoint.json, DJ_STORES or a file of that name in .secrets/.",
        )
    allowed = (*_COMMON, "protocol", "stage", *required, *optional)
    unknown = [key for key in spec if key not in allowed]
    if unknown:
        listed = ", ".join(f"`{key}`" for key in unknown)
        raise ConfigurationError(
            f"Store `{name}` (protocol {protocol}) has unknown keys: {listed}.",
            hint=nearest(unknown[0], allowed) or f"Known keys: {', '.join(allowed)}.",
        )


def _check_types(name: str, spec: dict[str, Any]) -> None:
    if "secure" in spec and isinstance(spec["secure"], str):
        spec["secure"] = spec["secure"].strip().lower() not in ("0", "false", "no", "off")
    if isinstance(spec["token_length"], str) and spec["token_length"].isdigit():
        spec["token_length"] = int(spec["token_length"])
    length, folds = spec["token_length"], spec["subfolding"]
    if not isinstance(length, int) or isinstance(length, bool) or not 4 <= length <= 32:
        raise ConfigurationError(
            f"`stores.{name}.token_length` must be a whole number from 4 to 32, not {length!r}."
        )
    if folds is not None and not (
        isinstance(folds, (list, tuple))
        and all(isinstance(fold, int) and fold > 0 for fold in cast(list[Any], folds))
    ):
        raise ConfigurationError(
            f"`stores.{name}.subfolding` must be a list of whole numbers, not {folds!r}."
        )
    for key in ("location", "bucket", "container", "endpoint", *_PREFIXES):
        value = spec.get(key)
        if value is not None and not isinstance(value, str):
            if not hasattr(value, "__fspath__"):
                raise ConfigurationError(f"`stores.{name}.{key}` must be text, not {value!r}.")
            spec[key] = str(value)


def _check_prefixes(name: str, spec: Mapping[str, Any]) -> None:
    """Sections of a store may not lie in one another, or one would collect the other's objects as garbage."""
    given = [key for key in _PREFIXES if spec[key] or (spec[key] == "" and key != "filepath_prefix")]
    parts = {key: tuple(part for part in spec[key].split("/") if part) for key in given}
    for first, outer in parts.items():
        for second, inner in parts.items():
            if first != second and inner[: len(outer)] == outer:
                raise ConfigurationError(
                    f"The prefixes of store `{name}` overlap: `{second}` {spec[second]!r} lies in `{first}` "
                    f"{spec[first]!r}.",
                    hint="Give each section a folder of its own.",
                )


def stores_of(layer: Layer) -> Tree:
    """Gather the flat entries of a layer into the mapping of stores."""
    stores = Tree()
    for name, found in layer.items():
        path = name.split(".", 2)
        if path[0] != "stores" or len(path) == 1 or found.value is None:
            continue
        if len(path) == 3 and isinstance(stores.setdefault(path[1], Tree()), dict):
            stores[path[1]][path[2]] = clone(found.value)
        elif path[1] in ("default", "filepath_default") and isinstance(found.value, str):
            stores[path[1]] = found.value
        else:
            raise ConfigurationError(
                f"`{name}` (from {found.origin}) must be a mapping with `protocol` and `location`; only "
                "`stores.default` and `stores.filepath_default` are names of stores."
            )
    return stores
