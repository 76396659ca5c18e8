"""Older import path of names and prompts."""

from datajoint.heading.names import from_camel_case, to_camel_case
from datajoint.heading.names import master_of as get_master
from datajoint.table.prompt import user_choice

__all__ = ["from_camel_case", "get_master", "to_camel_case", "user_choice"]
