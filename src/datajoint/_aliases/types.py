"""Older import path of the types of attributes."""

from datajoint.heading.types import AttributeType, parse_type
