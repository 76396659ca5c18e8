import os

import datajoint as dj

os.makedirs("localattach", exist_ok=True)
dj.config["custom"] = {}
dj.config["stores"] = {"localattach": {"protocol": "file", "location": "localattach"}}

from pose_pipeline import pipeline
