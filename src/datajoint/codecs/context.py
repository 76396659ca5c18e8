"""Where a value that is encoded or decoded belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datajoint._value import Value

__all__ = ["CodecContext"]


class CodecContext(Value):
    """The attribute whose values a codec encodes or decodes, and the settings in force.

    Attributes
    ----------
    schema, table, field
        Names in the database; None where they are not known.
    config
        The settings of the connection.
    database
        Which database it is, where values go to a store, which remembers it.

    Examples
    --------
    >>> CodecContext("lab", "session", "image").with_key({"id": 1})
    {'_schema': 'lab', '_table': 'session', '_field': 'image', '_config': None, 'id': 1}
    """

    schema: str | None = None
    table: str | None = None
    field: str | None = None
    config: Any = None
    database: str | None = None

    def with_key(self, key: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return a key with the entries in which older codecs look for their context.

        Examples
        --------
        >>> CodecContext(table="session").with_key(None)["_table"]
        'session'
        """
        return {
            "_schema": self.schema,
            "_table": self.table,
            "_field": self.field,
            "_config": self.config,
            **(key or {}),
        }
