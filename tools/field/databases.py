"""The databases of a run: which settings reach them, and how they are dropped when all is done."""

from pathlib import Path

import datajoint as dj

SERVERS = {
    "mysql": {"DJ_HOST": "127.0.0.1", "DJ_USER": "root", "DJ_PASS": ""},
    "postgresql": {"DJ_HOST": "127.0.0.1", "DJ_USER": "postgres", "DJ_PASS": ""},
    "sqlite": {"DJ_USER": "field"},
}
DROPS = {
    "mysql": "DROP DATABASE `{}`",
    "postgresql": 'DROP SCHEMA "{}" CASCADE',
}


def settings(backend: str, folder: Path, prefix: str) -> dict[str, str]:
    """Return the environment of a process that works on a backend; SQLite has one file a folder."""
    return {
        "DJ_BACKEND": backend,
        **SERVERS[backend],
        **({"DJ_DATABASE_NAME": str(folder / "field.db")} if backend == "sqlite" else {}),
        "DJ_DATABASE_PREFIX": prefix,
        "DJ_DOWNLOAD_PATH": str(folder),
        "DJ_IGNORE_CONFIG_FILE": "1",
        "DJ_SAFEMODE": "0",
    }


def drop_all() -> None:
    """Drop every database that carries the prefix of this run, whatever is in it."""
    connection = dj.conn()
    prefix = dj.config["database.database_prefix"]
    names = [name for name in dj.list_schemas() if name.startswith(prefix)]
    kind = dj.config["database.backend"]
    statement = DROPS.get(kind)
    if statement is None or not names:
        return
    if kind == "mysql":
        connection.query("SET foreign_key_checks = 0")
    for name in names:
        connection.query(statement.format(name))
