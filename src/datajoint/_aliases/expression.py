"""Older import path of `datajoint.query`; unions and aggregations are expressions as all others."""

from datajoint.query.expression import *
from datajoint.query.expression import QueryExpression as Aggregation, QueryExpression as Union
from datajoint.query.universal import U
