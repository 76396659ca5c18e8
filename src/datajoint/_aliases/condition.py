"""Older import path of restrictions."""

from datajoint.query.restriction import AndList, Not, OrList, Top
from datajoint.query.where import make_condition
