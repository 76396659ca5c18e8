"""The names of `import datajoint` for type checkers; at run time each is imported when it is asked for."""

from datajoint.codecs.base import Codec as Codec
from datajoint.codecs.blob.matlab import MatCell as MatCell
from datajoint.codecs.blob.matlab import MatStruct as MatStruct
from datajoint.codecs.registry import get_codec as get_codec
from datajoint.codecs.registry import list_codecs as list_codecs
from datajoint.codecs.spark import SparkAdapter as SparkAdapter
from datajoint.compute.pipeline.run import populate as populate
from datajoint.reactions.actions import Command as Command
from datajoint.reactions.actions import Mail as Mail
from datajoint.reactions.actions import Notice as Notice
from datajoint.reactions.actions import Webhook as Webhook
from datajoint.reactions.freshness import Freshness as Freshness
from datajoint.reactions.hook import Hook as Hook
from datajoint.reactions.schedule import Schedule as Schedule
from datajoint.reactions.sensor import Sensor as Sensor
from datajoint.workers.worker import Worker as Worker
from datajoint.diagram.diagram import Diagram as Diagram
from datajoint.engine.connection import Connection as Connection
from datajoint.engine.instance import conn as conn
from datajoint.journal.ran.files import depends as depends
from datajoint.errors import CheckError as CheckError
from datajoint.errors import DataJointError as DataJointError
from datajoint.logging import logger as logger
from datajoint.query.restriction import AndList as AndList
from datajoint.query.restriction import Not as Not
from datajoint.query.restriction import Top as Top
from datajoint.query.universal import U as U
from datajoint.schemas.grants import can as can
from datajoint.schemas.instance import Instance as Instance
from datajoint.schemas.module import VirtualModule as VirtualModule
from datajoint.schemas.module import create_virtual_module as create_virtual_module
from datajoint.schemas.module import virtual_schema as virtual_schema
from datajoint.schemas.schema import Schema as Schema
from datajoint.schemas.schema import list_schemas as list_schemas
from datajoint.settings.config import Config
from datajoint.table.rows.check import Check as Check
from datajoint.table.free import FreeTable as FreeTable
from datajoint.table.table import Table as Table
from datajoint.tiers import Computed as Computed
from datajoint.tiers import Imported as Imported
from datajoint.tiers import Lookup as Lookup
from datajoint.tiers import Manual as Manual
from datajoint.tiers import Part as Part

Entry = Manual
Ingest = Imported
Compute = Computed
Di = Diagram
ERD = Diagram
schema = Schema
config: Config
__version__: str
