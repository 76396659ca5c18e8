"""How each database writes the marks of watched plans: signatures of events, and identities of rows."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["C1", "C2", "P1", "P2", "write_mark"]

P1 = 2_147_483_647
P2 = 2_147_483_629
C1 = 1_013_904_223
C2 = 1_664_525

_STORED = {
    "sqlite": "{}",
    "postgresql": "({})::text",
    "mysql": "cast({} AS char CHARACTER SET utf8mb4) COLLATE utf8mb4_bin",
}


def write_mark(name: str, args: Sequence[str], backend: str) -> str:
    """Return an internal function: ``~total ~q1 ~q2`` of event and identity, ``~sum``, ``~identity``.

    ``~stored`` is the text of a JSON value.

    Every value on the way stays under 2**62 and every sum of 2**32 of them under 2**63, on all databases.

    Examples
    --------
    >>> write_mark("~total", ["e"], "sqlite")
    'sum(e % 2147483647)'
    """
    match name:
        case "~identity":
            return _identity(args, backend)
        case "~sum":
            return _sum(args[0], backend)
        case "~stored":
            return _STORED[backend].format(*args)
        case "~total":
            return _sum(_residue(args, P1), backend)
        case "~q1":
            return _sum(_mixed(_residue(args, P1), P1, C1), backend)
        case _:
            return _sum(_mixed(_residue(args, P2), P2, C2), backend)


def _sum(text: str, backend: str) -> str:
    return {"sqlite": "sum({})", "postgresql": "sum({})::bigint", "mysql": "cast(sum({}) AS signed)"}[
        backend
    ].format(text)


def _residue(args: Sequence[str], prime: int) -> str:
    terms = [f"{text} % {prime}" for text in args]
    return terms[0] if len(terms) == 1 else f"({' + '.join(terms)}) % {prime}"


def _mixed(x: str, prime: int, constant: int) -> str:
    """``((x * x + constant) % prime) squared % prime``: no linear hash, which a sum of events would tell."""
    square = f"(({x}) * ({x}) + {constant}) % {prime}"
    return f"({square}) * ({square}) % {prime}"


def _identity(args: Sequence[str], backend: str) -> str:
    """Return 60 bits of a digest of key values."""
    if not args:
        return "0"
    if backend == "sqlite":
        return f"dj_identity({', '.join(args)})"
    if backend == "postgresql":
        text = f"concat_ws(E'\\x1f', {', '.join(f'({arg})::text' for arg in args)})"
        digest = f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"
        return f"('x' || substr({digest}, 1, 15))::bit(60)::bigint"
    # MySQL has no md5 from 9.6 on, nor has PostgreSQL where FIPS rules.
    text = f"sha2(concat_ws(char(31), {', '.join(f'cast({arg} AS binary)' for arg in args)}), 256)"
    return f"cast(conv(left({text}, 15), 16, 10) AS signed)"
