"""Older import path of restrictions."""

from datajoint.query.restriction import AndList, Not, Top
from datajoint.query.where import make_condition
