"""Databases as servers made them when these pipelines were written: one byte a character; long keys fit."""

import datajoint as dj

if dj.config["database.backend"] == "mysql":
    dj.config["interop.create_collation"] = "server"
    dj.conn().query("SET SESSION character_set_server = latin1")
