"""The password of the database user."""

from __future__ import annotations

from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance
from datajoint.errors import DataJointError
from datajoint.sql import grants as texts

__all__ = ["set_password"]


@edge
def set_password(
    new_password: str | None = None, connection: Connection | None = None, update_config: bool | None = None
) -> None:
    """Change the password of the database user of a connection.

    Parameters
    ----------
    new_password
        Asked for, twice, where it is not given.
    connection
        The shared connection by default.
    update_config
        Whether ``dj.config.database.password`` becomes the new one, for connections that this process opens
        later; by default it does. Files and variables that hold the password are yours to change.

    Raises
    ------
    DataJointError
        When the database has no users, the two answers differ, or the password is empty.

    Examples
    --------
    >>> import datajoint as dj
    >>> set_password("x", dj.Instance(backend="sqlite", database__name=":memory:").connection)
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: SQLite has no users, so that there is no password to change.
    """
    connection = connection or default_instance("dj.set_password()").connection
    if not connection.dialect.features.users:
        raise DataJointError("SQLite has no users, so that there is no password to change.")
    password = _asked() if new_password is None else new_password
    if not password:
        raise DataJointError("The password is empty; nothing was changed.")
    text, values = texts.set_password(password, connection.server_version, connection.dialect)
    try:
        connection.execute(text, values)
    except DataJointError as error:
        error.context.pop("statement", None)  # which may hold the password
        raise
    connection.use_password(password)
    if update_config is not False:
        connection.config.database.password = password


def _asked() -> str:
    from getpass import getpass

    first = getpass("New password: ")
    if first != getpass("Confirm password: "):
        raise DataJointError("The two passwords differ; nothing was changed.")
    return first
