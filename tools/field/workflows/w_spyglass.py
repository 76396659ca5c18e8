import os

import h5py

import datajoint as dj

os.makedirs("spyglass", exist_ok=True)
dj.config["custom"] = {
    "spyglass_dirs": {"base": os.path.abspath("spyglass")},
    "database.prefix": dj.config["database.database_prefix"]
    + "common",  # its schemas carry the prefix of this run
}

h5py.special_dtype = lambda **_options: object  # called while it is imported

import spyglass.common
