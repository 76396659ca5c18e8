"""Rules of semantic matching and of the primary key of every operator, as pure functions of headings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from datajoint._value import Value, replace
from datajoint.errors import QueryError, SemanticMatchError
from datajoint.heading.attribute import Attribute, Origin
from datajoint.heading.heading import Heading
from datajoint.heading.types import FLOATS, INTEGERS, TEXTS

__all__ = [
    "UNKNOWN_LINEAGE",
    "Match",
    "Semantic",
    "determines",
    "join_heading",
    "key_hash",
    "match",
    "union_heading",
]

UNKNOWN_LINEAGE = ""
"""Lineage of attributes of a schema without a lineage table: matches any (LIN-8)."""


Semantic = bool | Literal["name"]
"""True matches by origin, "name" key attributes by name where their origins differ, False all by name."""


class Match(Value):
    """How two headings match: attributes compared, and shared ones that their keys determine already."""

    on: tuple[str, ...]
    same: tuple[str, ...]


def match(left: Heading, right: Heading, semantic: Semantic = True) -> Match:
    """Decide which shared attributes take part in matching (LIN-2, LIN-3).

    Parameters
    ----------
    semantic
        As the setting ``query.matching`` says; False for all shared names.

    Raises
    ------
    SemanticMatchError
        When two attributes share a name but not a meaning.
    """
    shared = [name for name in left.order if name in right]
    if not semantic:
        for name in shared:
            _check_types(left[name], right[name])
        return Match(tuple(shared), ())
    on: list[str] = []
    same: list[str] = []
    for name in shared:
        one, other = left[name], right[name]
        if not one.lineage and not other.lineage and _determined(one, other, left, right, shared):
            same.append(name)
        elif homologous(one, other):
            on.append(name)
        elif semantic == "name" and (one.in_key or other.in_key):
            _check_types(one, other)
            on.append(name)
        else:
            raise _mismatch("join", one, other)
    for name in [name for name in on if left[name].nullable or right[name].nullable]:
        # A reference that the rest determines is equal by itself; comparing would only lose NULLs (QRY-38).
        rest = [other for other in on if other != name]
        if name in _closure(rest, left, right, (*same, name)):
            on = rest
            same.append(name)
    return Match(tuple(on), tuple(same))


def _mismatch(deed: str, one: Attribute, other: Attribute) -> SemanticMatchError:
    """Return the error for two attributes of one name that are not matched."""
    name = one.name
    rename = (
        f"Use .proj() to rename one of them, e.g. .proj(..., other_{name}='{name}'), "
        f"or leave it out by .proj('-{name}')."
    )
    if not (one.in_key or other.in_key or one.lineage or other.lineage):
        return SemanticMatchError(
            f"Cannot {deed} on attribute `{name}`: both operands have a secondary attribute `{name}` "
            f"({_source(one)} and {_source(other)}), and only key attributes are matched.",
            hint=rename,
        )
    by_name = " Code that matches keys by name alone sets dj.config['query.matching'] = 'name'."
    return SemanticMatchError(
        f"Cannot {deed} on attribute `{name}`: different lineages ({_source(one)} vs {_source(other)}).",
        hint=rename + by_name * (one.in_key or other.in_key),
    )


def _check_types(one: Attribute, other: Attribute) -> None:
    """Refuse to compare values that the database keeps in different ways."""
    a, b = one.dtype, other.dtype
    whole = INTEGERS - {"uint64"}
    alike = any(a.kind in kinds and b.kind in kinds for kinds in (whole, FLOATS, TEXTS))
    if a != b and not alike and not (a.kind == b.kind and a.scale == b.scale):
        raise QueryError(
            f"Attribute `{one.name}` is {one.type} on one side and {other.type} on the other.",
            hint=f"Rename one of them by .proj(), or convert it: .proj({one.name}='cast(... as ...)').",
        )


def homologous(one: Attribute, other: Attribute) -> bool:
    """Whether two attributes of equal name come from the same source."""
    if one.lineage is None or other.lineage is None:
        return UNKNOWN_LINEAGE in (one.lineage, other.lineage)
    return one.lineage == other.lineage or UNKNOWN_LINEAGE in (one.lineage, other.lineage)


def _determined(
    one: Attribute, other: Attribute, left: Heading, right: Heading, shared: Iterable[str]
) -> bool:
    def carried(origin: Origin, key: str) -> bool:
        wanted = (getattr(origin[0], "node", origin[0]), key, origin[2])
        return key.startswith("_") or any(
            wanted in left[name].origins and wanted in right[name].origins for name in shared
        )

    return any(all(carried(origin, key) for key in origin[2]) for origin in one.origins & other.origins)


def _closure(known: Iterable[str], left: Heading, right: Heading, others: Iterable[str]) -> set[str]:
    """Return the names that `known` ones determine, themselves included."""
    found = set(known)
    while more := {
        n for n in others if n not in found and _determined(left[n], right[n], left, right, found)
    }:
        found |= more
    return found


def _source(attribute: Attribute) -> str:
    if attribute.lineage:
        return attribute.lineage
    for source, name, _ in attribute.origins:
        if hasattr(source, "schema"):
            return f"no lineage, from {source}.{name}"
    return "computed"


def determines(left: Heading, right: Heading) -> list[str]:
    """Return the key attributes of `right` that `left` lacks: none when left determines right (A → B)."""
    return [name for name in right.key if name not in left]


def join_heading(left: Heading, right: Heading, matched: Match, kind: str = "inner") -> Heading:
    """Return the heading of a join (QRY-31 … 34)."""
    key, first, second = set(left.key) | set(right.key), left, right
    if not determines(left, right) or kind == "left":
        key = set(left.key)
    elif not determines(right, left):
        key, first, second = set(right.key), right, left
    if kind == "outer":
        first, second = left, right
    if kind == "outer" or (kind == "left" and determines(left, right)):
        key = set(left.key) | set(right.key)
    optional = {"inner": (), "left": (right,), "outer": (left, right)}[kind]
    attributes: dict[str, Attribute] = {}
    for heading in (first, second):
        for a in heading.values():
            if a.name in attributes:
                attributes[a.name] = _merge(attributes[a.name], a, matched, optional)
            else:
                both = a.name in first and a.name in second
                nullable = a.nullable or (heading in optional and not both)
                attributes[a.name] = replace(a, in_key=a.name in key, nullable=nullable)
    keys = [a for a in attributes.values() if a.in_key]
    rest = [a for a in attributes.values() if not a.in_key]
    nullable_key = left.nullable_key or right.nullable_key or any(a.nullable for a in keys)
    return Heading([*keys, *rest], nullable_key=nullable_key)


def _merge(kept: Attribute, other: Attribute, matched: Match, optional: tuple[Heading, ...]) -> Attribute:
    nullable, origins = kept.nullable, kept.origins | other.origins
    if len(optional) == 2:  # some rows have the value of the one side only, some that of the other
        nullable = kept.nullable or other.nullable
        keys = {origin for origin in origins if origin[1] in origin[2]}
        origins = (kept.origins & other.origins) | keys
    elif optional:  # rows without a partner keep their value, so what determines the partner's says nothing
        origins = kept.origins | {origin for origin in other.origins if origin[1] in origin[2]}
    elif kept.name in matched.on:
        nullable = kept.nullable and other.nullable
    return replace(kept, origins=origins, nullable=nullable, lineage=kept.lineage or other.lineage)


def union_heading(left: Heading, right: Heading, semantic: Semantic = True) -> Heading:
    """Return the heading of a union (QRY-46, QRY-47, LIN-10); `semantic` as for `match`.

    Raises
    ------
    QueryError
        When the keys differ, or namesakes have different meanings.
    """
    if set(left.key) != set(right.key):
        raise QueryError(
            "The operands of a union must share the same primary key: "
            f"({', '.join(left.key)}) vs ({', '.join(right.key)}).",
            hint="Use .proj() to rename or choose attributes.",
        )
    for name in left.order:
        if name not in right or _same_meaning(left[name], right[name]):
            continue
        if semantic != "name" or name not in left.key:
            raise _mismatch("unite", left[name], right[name])
        _check_types(left[name], right[name])
    attributes = [
        a if a.in_key else replace(a, nullable=a.nullable or a.name not in right or right[a.name].nullable)
        for a in left.values()
    ]
    attributes += [replace(a, nullable=True) for a in right.values() if a.name not in left]
    return Heading(attributes, nullable_key=left.nullable_key or right.nullable_key)


def _same_meaning(one: Attribute, other: Attribute) -> bool:
    if one.lineage is None and other.lineage is None:
        return bool({origin[:2] for origin in one.origins} & {origin[:2] for origin in other.origins})
    return homologous(one, other)


def key_hash(key: Mapping[str, Any]) -> str:
    """Return the digest by which older releases and pipelines tell a key: MD5 over its values as text.

    Examples
    --------
    >>> key_hash({"b": 2, "a": 1}) == key_hash({"a": "1", "b": "2"})
    True
    """
    from hashlib import md5

    text = "".join(str(key[name]) for name in sorted(key))
    return md5(text.encode(), usedforsecurity=False).hexdigest()
