"""Older import path of populate."""

from datajoint.compute.auto import AutoPopulate
