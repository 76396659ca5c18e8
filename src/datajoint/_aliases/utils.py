"""Older import path of names and prompts."""

from datajoint.heading.names import from_camel_case, get_master, to_camel_case
from datajoint.table.prompt import user_choice
