"""Where the pipeline lives: a SQLite file, or a server named by DJ_HOST, DJ_PORT, DJ_USER, DJ_PASS."""

import os
from pathlib import Path

import datajoint as dj
from pipeline import schema

SCHEMA = "demo_blob_detection"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "demo"
FILE = FOLDER / "demo.db"
STORES = {"default": "pictures", "pictures": {"protocol": "file", "location": str(FOLDER / "store")}}
"""The photographs lie beside the database, whichever it is."""

SERVERS = {"postgresql": ("PostgreSQL", 5432, "postgres"), "mysql": ("MySQL", 3306, "root")}
"""Backend → its name in print, default port, default user."""

BACKENDS = ("sqlite", *SERVERS)


def connect(backend: str) -> None:
    """Attach the pipeline to a database; tables that are missing are made."""
    instance = instance_of(backend)
    instance.config["stores"] = STORES
    schema.activate(SCHEMA, connection=instance.connection)


def instance_of(backend: str) -> dj.Instance:
    """Return settings and connection for one of `BACKENDS`."""
    if backend == "sqlite":
        FOLDER.mkdir(parents=True, exist_ok=True)
        return dj.Instance(backend="sqlite", database__name=str(FILE))
    _, port, user = SERVERS[backend]
    return dj.Instance(
        backend=backend,
        host=os.environ.get("DJ_HOST") or "127.0.0.1",
        port=os.environ.get("DJ_PORT") or port,
        user=os.environ.get("DJ_USER") or user,
        password=os.environ.get("DJ_PASS", ""),
    )


def place() -> str:
    """Say in words where the rows are."""
    database = schema.connection.config.database
    if database.backend == "sqlite":
        return f"SQLite file {os.path.relpath(FILE)}"
    name = SERVERS[database.backend][0]
    return f"{name} at {database.user}@{database.host}:{database.port}, schema {schema.database}"
