"""Older import path of `datajoint.query`."""

from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
