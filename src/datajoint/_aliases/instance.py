"""Older import path of instances."""

from datajoint.schemas.instance import Instance
