"""Names of tables: tiers and their prefixes, class names and table names."""

from __future__ import annotations

import re
from functools import lru_cache

from datajoint import logging
from datajoint._value import Value
from datajoint.errors import DataJointError

__all__ = [
    "COMPUTED",
    "IMPORTED",
    "LOOKUP",
    "MANUAL",
    "PART",
    "PREFIXES",
    "TableName",
    "from_camel_case",
    "get_master",
    "job_queue_name",
    "master_of",
    "read_name",
    "tier_of",
    "to_camel_case",
]  # fmt: skip

MANUAL, LOOKUP, IMPORTED, COMPUTED, PART = "manual", "lookup", "imported", "computed", "part"

PREFIXES = {MANUAL: "", LOOKUP: "#", IMPORTED: "_", COMPUTED: "__"}
"""What stands before the snake-case name of a table of each tier (TAB-1)."""

_WORDS = r"[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*"
_TABLE = re.compile(rf"(?P<prefix>#|__|_)?(?P<name>{_WORDS})(?:__(?P<part>{_WORDS}))?")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")


class TableName(Value):
    """Name of a table in the database: schema and table with its tier prefix.

    Examples
    --------
    >>> TableName("lab", "__scan__cell").tier
    'part'
    >>> str(TableName("lab", "#sex"))
    'lab.#sex'
    """

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def tier(self) -> str | None:
        """Tier of the table, or None when the name is not that of a DataJoint table."""
        return tier_of(self.name)

    @property
    def class_name(self) -> str:
        """Name of the class as written in Python: ``Scan`` or ``Scan.Cell``."""
        return to_camel_case(self.name)

    @property
    def master(self) -> TableName | None:
        """Name of the master table when this is a part table."""
        master = master_of(self.name)
        return TableName(self.schema, master) if master else None


@lru_cache(4096)
def tier_of(name: str) -> str | None:
    """Return the tier of a table from its name, or None for other tables.

    Examples
    --------
    >>> [tier_of(name) for name in ("subject", "#sex", "_scan", "__fit", "__fit__cell", "~lineage")]
    ['manual', 'lookup', 'imported', 'computed', 'part', None]
    """
    match = _TABLE.fullmatch(name)
    if not match:
        return None
    if match["part"]:
        return PART
    return {"": MANUAL, "#": LOOKUP, "_": IMPORTED, "__": COMPUTED}[match["prefix"] or ""]


def master_of(name: str) -> str | None:
    """Return the name of the master of a part table, or None.

    Examples
    --------
    >>> master_of("__fit__cell")
    '__fit'
    """
    return name.rpartition("__")[0] if tier_of(name) == PART else None


def get_master(full_table_name: str) -> str:
    """Return the full name of the master of a part table, or an empty text.

    Examples
    --------
    >>> get_master("`lab`.`__fit__cell`"), get_master('"lab"."session"')
    ('`lab`.`__fit`', '')
    """
    bare = full_table_name.rstrip('`"')
    start = max(bare.rfind(mark) for mark in '`".') + 1
    master = master_of(bare[start:])
    return f"{bare[:start]}{master}{full_table_name[len(bare) :]}" if master else ""


def job_queue_name(name: str) -> str:
    """Return the name of the job queue of a table.

    Examples
    --------
    >>> job_queue_name("__fit")
    '~~fit'
    """
    return "~~" + name.lstrip("_")


def from_camel_case(class_name: str) -> str:
    """Convert a class name to snake case: each capital starts a word (TAB-3).

    Raises
    ------
    DataJointError
        When the name is not alphanumeric in CamelCase.

    Examples
    --------
    >>> from_camel_case("CEFRLevel")
    'c_e_f_r_level'
    """
    name = class_name
    if "_" in name:
        name = name.replace("_", "")
        logging.warn(f"Class name `{class_name}` contains underscores; they are removed: `{name}`.")
    found = _snake_case(name)
    if found is None:
        raise DataJointError(
            f"Class name `{class_name}` must be alphanumeric in CamelCase, begin with a capital letter.",
            hint="Rename the class, for example `ScanInfo`.",
        )
    return found


@lru_cache(4096)
def _snake_case(name: str) -> str | None:
    return re.sub(r"(?!^)([A-Z])", r"_\1", name).lower() if _CLASS.fullmatch(name) else None


@lru_cache(4096)
def to_camel_case(name: str) -> str:
    """Convert a table name, with or without tier prefix, to its class name.

    Examples
    --------
    >>> to_camel_case("__scan_info__cell")
    'ScanInfo.Cell'
    """

    def camel(words: str) -> str:
        return re.sub(r"(?:^|_)([a-z0-9])", lambda match: match[1].upper(), words)

    match = _TABLE.fullmatch(name)
    if not match:
        return camel(name.lstrip("#_~"))
    return camel(match["name"]) + (f".{camel(match['part'])}" if match["part"] else "")


def read_name(text: str) -> TableName:
    """Read ``schema.table`` with or without quotes.

    Examples
    --------
    >>> read_name("`lab`.`#sex`")
    TableName(schema='lab', name='#sex')
    """
    schema, dot, name = text.replace("`", "").replace('"', "").partition(".")
    if not dot or not schema or not name:
        raise DataJointError(f"`{text}` is not the full name of a table.", hint="Write 'schema.table'.")
    return TableName(schema, name)
