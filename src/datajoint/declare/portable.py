"""What a definition says in the words of one database, and how to say it for all of them (TYP-17)."""

from __future__ import annotations

from datajoint.declare.spec import TableSpec
from datajoint.heading.types import AttributeType

__all__ = ["native_type_notes", "portable_type"]

_ALTERNATIVES = {
    "text": "varchar(n)",
    "blob": "<blob>` for objects or `bytes",
    "time": "varchar(n)` or `int32` (seconds) or `datetime",
    "year": "int16",
}


def portable_type(dtype: AttributeType) -> str | None:
    """Return the core type that takes the place of a native one; None when there is none or it is core.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> portable_type(parse_type("smallint unsigned")), portable_type(parse_type("int16"))
    ('uint16', None)
    """
    if not dtype.native or dtype.kind == "native":
        return None
    if dtype.kind == "decimal":
        return f"decimal({dtype.length},{dtype.scale})"
    return _ALTERNATIVES.get(dtype.kind, dtype.kind)


def native_type_notes(spec: TableSpec) -> tuple[str, ...]:
    """Return one sentence for each attribute of a native type that the table introduces itself.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> from datajoint.declare.resolve import SELF, resolve
    >>> from datajoint.heading.names import TableName
    >>> spec = resolve(parse("id : int"), TableName("lab", "subject"), lambda _: SELF)
    >>> native_type_notes(spec)
    ('`id` of `Subject` has the native type `int`; the portable type is `int32`.',)
    """
    if True not in [attribute.dtype.native for attribute in spec.attributes]:
        return ()
    inherited = {column for fk in spec.foreign_keys for column in fk.columns}
    notes: list[str] = []
    for attribute in spec.attributes:
        if attribute.dtype.native and attribute.name not in inherited:
            alternative = portable_type(attribute.dtype)
            advice = f"the portable type is `{alternative}`" if alternative else "other databases lack it"
            what = f"`{attribute.name}` of `{spec.name.class_name}` has the native type `{attribute.type}`"
            notes.append(f"{what}; {advice}.")
    return tuple(notes)
