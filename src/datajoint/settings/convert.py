"""Reading a value as a setting: its present name, its type, and what to say where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datajoint.errors import ConfigurationError, nearest
from datajoint.settings.kinds import mapping, stores, tls
from datajoint.settings.model import ALIASES, GROUPS, REFUSED, SETTINGS
from datajoint.settings.secret import Secret

if TYPE_CHECKING:
    from datajoint.settings.model import Setting

__all__ = ["canonical", "convert", "parse", "refuse", "suggestion"]


def canonical(name: str) -> str:
    """Return the present name of a setting that has an older one."""
    return ALIASES.get(name, name)


def refuse(name: str, origin: str | None = None) -> None:
    """Raise for a setting that old documents name but that has no meaning here."""
    for refused, advice in REFUSED.items():
        if name == refused or name.startswith(refused + "."):
            raise ConfigurationError(f"There is no setting `{refused}`{_from(origin)}.", hint=advice)


def suggestion(name: str) -> str | None:
    """Phrase a question naming the setting nearest to an unknown name."""
    group, _, last = name.rpartition(".")
    for mark in "._":  # `limit` for `display.limit`, `database.prefix` for `database.database_prefix`
        same_end = [known for known in SETTINGS if known.endswith(mark + last)]
        close = [known for known in same_end if known.startswith(group + ".")] or same_end
        if close:
            return f"Did you mean `{close[0]}`?"
    return nearest(name, [*SETTINGS, *GROUPS, *ALIASES, "custom"], limit=1)


def convert(setting: Setting, value: Any, origin: str | None = None) -> Any:
    """Return the value in the setting's type, or raise naming the setting, the value and its origin."""
    if value is None and setting.optional:
        return None
    try:
        result = setting.converter(value)
    except ValueError as expected:
        is_shown = value is None or (isinstance(value, (str, int, float)) and not setting.secret)
        shown = repr(value) if is_shown else type(value).__name__
        raise ConfigurationError(
            f"`{setting.name}`{_from(origin)} must be {expected}, not {shown}.", setting=setting.name
        ) from None
    return Secret(result) if setting.secret else result


def parse(setting: Setting, text: str, origin: str) -> Any:
    """Read a setting from text, as environment variables and secrets files hold it."""
    if setting.converter in (mapping, stores) or (setting.converter is tls and text.lstrip().startswith("{")):
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
