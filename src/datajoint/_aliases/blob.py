"""Older import path of blobs, with the switch for those of the 32-bit MATLAB library."""

from datajoint.schemas.older_modules import MatCell, MatStruct, pack, switch, unpack

switch(__name__)
