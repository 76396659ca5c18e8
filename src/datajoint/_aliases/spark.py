"""Older import path of the contract for Spark."""

from datajoint.codecs.spark import SparkAdapter
