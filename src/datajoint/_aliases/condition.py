"""Older import path of restrictions."""

from datajoint.query.restriction import AndList, Not, Top
