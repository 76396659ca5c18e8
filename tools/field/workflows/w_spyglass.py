import os

import datajoint as dj

os.makedirs("spyglass", exist_ok=True)
dj.config["custom"] = {"spyglass_dirs": {"base": os.path.abspath("spyglass")}}

import spyglass.common
