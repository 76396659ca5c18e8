"""Older import path of `datajoint.query`; unions, which annotations name, are expressions as all others."""

from datajoint.query.expression import QueryExpression, QueryExpression as Union
from datajoint.query.universal import U
