"""Older import path of populate."""

from datajoint.compute.autopopulate import AutoPopulate
