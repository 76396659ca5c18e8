"""Where the pipeline lives: a SQLite file, or a server named by DJ_HOST, DJ_PORT, DJ_USER, DJ_PASS."""

import os
from pathlib import Path

import datajoint as dj
import pipeline

SCHEMA = "demo_blob_detection"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "demo"
FILE = FOLDER / "demo.db"

SERVERS = {"postgresql": ("PostgreSQL", 5432, "postgres"), "mysql": ("MySQL", 3306, "root")}
"""Backend → name, default port, default user."""


def instance_of(backend: str) -> dj.Instance:
    """Return settings and connection for `sqlite`, `postgresql` or `mysql`."""
    if backend == "sqlite":
        FOLDER.mkdir(parents=True, exist_ok=True)
        return dj.Instance(backend="sqlite", database__name=str(FILE))
    _, port, user = SERVERS[backend]
    return dj.Instance(
        backend=backend,
        host=os.environ.get("DJ_HOST") or "127.0.0.1",
        port=int(os.environ.get("DJ_PORT") or port),
        user=os.environ.get("DJ_USER") or user,
        password=os.environ.get("DJ_PASS", ""),
    )


def connect(backend: str = "sqlite"):
    """Activate the pipeline in a database, making its tables when they are missing, and return the module."""
    pipeline.schema.activate(SCHEMA, connection=instance_of(backend).connection)
    return pipeline


def place(backend: str) -> str:
    """Say in words where the rows are."""
    if backend == "sqlite":
        return f"SQLite file {os.path.relpath(FILE)}"
    database = pipeline.schema.connection.config.database
    name = SERVERS[backend][0]
    return f"{name} at {database.user}@{database.host}:{database.port}, schema {SCHEMA}"
