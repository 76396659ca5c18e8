"""Whole pipelines: all computed tables of some schemas, in dependency order."""
