"""Older import path of populate."""

from datajoint.compute.populate import AutoPopulate
