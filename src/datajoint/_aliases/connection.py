"""Older import path of connections."""

from datajoint.engine.connection import Connection
from datajoint.schemas.instance import conn
