"""Older import path of the error that code takes from there."""

from datajoint.errors import DataJointError
