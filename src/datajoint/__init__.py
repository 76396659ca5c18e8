"""DataJoint: a language and platform for pipelines of data and computations on relational databases."""

# pyright: reportUnusedImport=false, reportUnsupportedDunderAll=false

from __future__ import annotations

from datajoint import _lazy
from datajoint.version import __version__

TYPE_CHECKING = False  # as type checkers know it; importing `typing` would double the cost of the import
if TYPE_CHECKING:
    from typing import Any

    from datajoint.codecs.base import Codec
    from datajoint.codecs.blob.matlab import MatCell, MatStruct
    from datajoint.codecs.registry import get_codec, list_codecs
    from datajoint.codecs.spark import SparkAdapter
    from datajoint.compute.pipeline.run import populate
    from datajoint.diagram.diagram import Diagram
    from datajoint.engine.connection import Connection
    from datajoint.engine.instance import conn
    from datajoint.errors import CheckError, DataJointError
    from datajoint.journal.ran.files import depends
    from datajoint.logging import logger
    from datajoint.query.restriction import AndList, Not, Top
    from datajoint.query.universal import U
    from datajoint.reactions.actions import Command, Mail, Notice, Webhook
    from datajoint.reactions.freshness import Freshness
    from datajoint.reactions.hook import Hook
    from datajoint.reactions.schedule import Schedule
    from datajoint.reactions.sensor import Sensor
    from datajoint.schemas.grants import can
    from datajoint.schemas.instance import Instance
    from datajoint.schemas.module import VirtualModule, create_virtual_module, virtual_schema
    from datajoint.schemas.schema import Schema, list_schemas
    from datajoint.settings.config import Config
    from datajoint.table.free import FreeTable
    from datajoint.table.rows.check import Check
    from datajoint.table.table import Table
    from datajoint.tiers import Computed, Imported, Lookup, Manual, Part
    from datajoint.workers.worker import Worker

    Entry, Ingest, Compute, Di, ERD, schema = Manual, Imported, Computed, Diagram, Diagram, Schema
    config: Config

# Import paths of older code: `datajoint.expression`, `datajoint.utils`, …
__path__.append(f"{__path__[0]}/_aliases")
_lazy.install()

_PLACES = {
    "codecs.base": "Codec",
    "codecs.blob.matlab": "MatCell MatStruct",
    "codecs.registry": "get_codec list_codecs",
    "codecs.spark": "SparkAdapter",
    "compute.pipeline.run": "populate",
    "reactions.actions": "Command Mail Notice Webhook",
    "reactions.freshness": "Freshness",
    "reactions.hook": "Hook",
    "reactions.schedule": "Schedule",
    "reactions.sensor": "Sensor",
    "workers.worker": "Worker",
    "diagram.diagram": "Diagram",
    "engine.connection": "Connection",
    "engine.instance": "conn",
    "errors": "CheckError DataJointError",
    "journal.ran.files": "depends",
    "logging": "logger",
    "query.restriction": "AndList Not Top",
    "query.universal": "U",
    "schemas.grants": "can",
    "schemas.instance": "Instance",
    "schemas.module": "VirtualModule create_virtual_module virtual_schema",
    "schemas.schema": "Schema list_schemas",
    "table.rows.python_checks": "Check",
    "table.free": "FreeTable",
    "table.table": "Table",
    "tiers": "Computed Imported Lookup Manual Part",
}
_WHERE = {name: module for module, names in _PLACES.items() for name in names.split()}
_OTHER_NAMES = {
    "Compute": "Computed", "Di": "Diagram", "ERD": "Diagram", "Entry": "Manual", "Ingest": "Imported",
    "schema": "Schema",
}  # fmt: skip
_OLDER = {  # existing code finds them here; new code takes them from their modules
    "AttributeAdapter": "codecs.adapter", "AutoPopulate": "compute.autopopulate", "Job": "jobs",
    "OrList": "query.restriction", "SchemaCodec": "codecs.schema_codec", "StorageAdapter": "storage",
    "ThreadSafetyError": "errors", "ValidationResult": "table.insert.validate",
    "set_password": "schemas.password",
}  # fmt: skip
_GONE = {"AttachFileType": "declare the attribute as `<attach>`"}
__all__ = [  # noqa: PLE0604 - the names come from the tables above
    *sorted([*_WHERE, *_OTHER_NAMES, "config"]),
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: `import datajoint` itself costs next to nothing."""
    if name == "config":  # looked up each time: which instance is the default may be refused (CFG-15)
        return _lazy.load("datajoint.engine.instance").default_instance("dj.config").config
    found = _OTHER_NAMES.get(name, name)
    if place := _WHERE.get(found) or _OLDER.get(name):
        value = getattr(_lazy.load(f"datajoint.{place}"), found)
    elif name.islower() and not name.startswith("_"):
        try:
            value = _lazy.load(f"datajoint.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"datajoint.{name}":
                raise
            raise AttributeError(f"module 'datajoint' has no attribute {name!r}") from None
    else:
        instead = f"; {_GONE[name]}" if name in _GONE else ""
        raise AttributeError(f"module 'datajoint' has no attribute {name!r}{instead}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *globals()])
