"""Older import path of what administers users."""

from datajoint.schemas.password import set_password
