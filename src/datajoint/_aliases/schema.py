"""Older import path of `Schema`: the class stands for the module, so that `dj.schema` remains the class."""

from datajoint.schemas.older_modules import Schema, replace_module

replace_module(__name__, Schema)
