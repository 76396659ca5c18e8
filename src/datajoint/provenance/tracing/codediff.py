"""Unified diff between the recorded code of a make and the present code."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

__all__ = ["code_diff"]


def code_diff(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    r"""Return a unified diff of the pieces of code that differ; names of modules alone do not count.

    Examples
    --------
    >>> print(code_diff({"lab.f": "def f():\n    return 1"}, {"main.f": "def f():\n    return 2"}))
    --- lab.f  as it ran
    +++ main.f  as it is
    @@ -1,2 +1,2 @@
     def f():
    -    return 1
    +    return 2
    """
    return "\n".join(line for before, after in _pairs(old, new) for line in _lines(before, after))


Piece = tuple[str, str]


def _pairs(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[Piece | None, Piece | None]]:
    """Yield the pieces that belong together, where they differ: of the same name, or the same but for it."""
    gone = {name: text for name, text in old.items() if new.get(name) != text}
    come = {name: text for name, text in new.items() if old.get(name) != text}
    moved = set(gone.values()) & set(come.values())
    gone = {name: text for name, text in gone.items() if text not in moved}
    come = {name: text for name, text in come.items() if text not in moved}
    for name, text in gone.items():
        other = name if name in come else next((one for one in come if _same_place(name, one)), None)
        yield (name, text), (other, come.pop(other)) if other is not None else None
    yield from ((None, piece) for piece in come.items())


def _same_place(name: str, other: str) -> bool:
    """Whether names differ in the module only."""
    for one, another in ((name, other), (other, name)):
        module, _, rest = one.partition(".")
        if module == "__main__" and another.endswith(f".{rest}"):
            return True
    return name.rsplit(".", 2)[1:] == other.rsplit(".", 2)[1:]


def _lines(before: Piece | None, after: Piece | None) -> Iterator[str]:
    old, new = before or ("", ""), after or ("", "")
    titles = (
        f"{old[0] or new[0]}  {'as it ran' if before else 'was not there'}",
        (f"{new[0] or old[0]}  {'as it is' if after else 'is not reached any more'}"),
    )
    yield from difflib.unified_diff(old[1].splitlines(), new[1].splitlines(), *titles, lineterm="")
