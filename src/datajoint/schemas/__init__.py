"""Schemas: attaching classes to a database, and making classes from one."""

from datajoint.schemas.schema import Schema

__all__ = ["Schema"]
