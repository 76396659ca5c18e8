"""Older import path of connections."""

from datajoint.engine.connection import Connection
from datajoint.engine.instance import conn
