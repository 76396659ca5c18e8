"""The definition of a table, from which the same table would be declared again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from keyword import iskeyword

from datajoint.declare.default import default_text
from datajoint.declare.spec import ForeignKey, Index, TableSpec
from datajoint.heading.attribute import Attribute
from datajoint.heading.names import TableName

__all__ = ["describe"]


def describe(spec: TableSpec, name_of: Callable[[TableName], str]) -> str:
    """Write the definition of a table.

    Parameters
    ----------
    name_of
        Returns how a definition names another table: ``Subject``, ``lab.Subject``, ``master``.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> from datajoint.declare.resolve import SELF, resolve
    >>> spec = resolve(parse("id : int32 # number"), TableName("lab", "subject"), lambda _: SELF)
    >>> print(describe(spec, str), end="")
    id                   : int32                        # number
    ---
    """
    return "\n".join(_Description(spec, name_of).lines()) + "\n"


class _Description:
    """Writes the lines of one definition; a reference stands where it introduces its columns."""

    def __init__(self, spec: TableSpec, name_of: Callable[[TableName], str]) -> None:
        self.spec, self.name_of = spec, name_of
        self.attributes = spec.attributes
        self.position = 0
        self.pending = list(spec.foreign_keys)

    def lines(self) -> Iterator[str]:
        spec = self.spec
        if spec.comment:
            yield f"# {_one_line(spec.comment)}"
        yield from self._section(in_key=True)
        yield "---"
        yield from self._section(in_key=False)
        for index in sorted(spec.indexes, key=self._place):
            yield f"{'unique ' if index.unique else ''}index ({', '.join(index.columns)})"
        for check in spec.checks:
            comment = f"  # {_one_line(check.comment)}" if check.comment else ""
            name = "" if check.name.isdigit() else f"{check.name} "
            yield f"check {name}({check.condition}){comment}"

    def _place(self, index: Index) -> tuple[list[int], bool]:
        """In the order of their attributes: not every database keeps the order of definition."""
        positions = {attribute.name: n for n, attribute in enumerate(self.attributes)}
        return [positions.get(name, len(positions)) for name in index.columns], index.unique

    def _section(self, in_key: bool) -> Iterator[str]:
        yield from self._complete(in_key)
        while self.position < len(self.attributes) and self.attributes[self.position].in_key == in_key:
            fk = next((fk for fk in self.pending if self._fits(fk)), None)
            if fk is None:
                yield _attribute_line(self.attributes[self.position])
                self.position += 1
            else:
                yield self._reference(fk)
                self.position += len(self._introduced(fk))
            yield from self._complete(in_key)

    def _complete(self, in_key: bool) -> Iterator[str]:
        """References all of whose columns are there, in their order among the references."""
        while self.pending and not self._introduced(self.pending[0]):
            fk = self.pending[0]
            outside = any(a.name in fk.columns and not a.in_key for a in self.attributes)
            if in_key and (outside or fk.parent == self.spec.name):
                return
            yield self._reference(fk)

    def _columns(self, fk: ForeignKey) -> list[Attribute]:
        return [self.spec.attribute(name) for name in fk.columns]

    def _introduced(self, fk: ForeignKey) -> list[str]:
        """Names of the columns, in order, that are not in the lines so far."""
        visible = {a.name for a in self.attributes[self.position :]}
        return [name for name in fk.columns if name in visible]

    def _fits(self, fk: ForeignKey) -> bool:
        """Whether the reference, written here, introduces exactly the next attributes as they are."""
        names = self._introduced(fk)
        following = self.attributes[self.position : self.position + len(names)]
        if not names or names != [a.name for a in following]:
            return False
        first = following[0]
        if first.in_key and fk.parent == self.spec.name:
            return False
        return all(
            _is_inherited(a) and (a.in_key, a.nullable) == (first.in_key, fk.nullable) for a in following
        )

    def _reference(self, fk: ForeignKey) -> str:
        self.pending.remove(fk)
        introduced = [a for a in self._columns(fk) if a.name in self._introduced(fk)]
        nullable = any(a.nullable for a in introduced)
        options = [word for word, is_set in (("nullable", nullable), ("unique", fk.unique)) if is_set]
        renames = ", ".join(_rename(new, old) for new, old in fk.renames.items())
        return (
            "-> "
            + (f"[{', '.join(options)}] " if options else "")
            + self.name_of(fk.parent)
            + (f".proj({renames})" if renames else "")
        )


def _rename(new: str, old: str) -> str:
    return f"**{{'{new}': '{old}'}}" if iskeyword(new) else f"{new}='{old}'"


def _is_inherited(attribute: Attribute) -> bool:
    """Whether a reference could have brought the attribute: no default of its own, not numbered."""
    default = attribute.default
    return not attribute.autoincrement and (
        default is None or (attribute.nullable and default.kind == "null")
    )


def _attribute_line(attribute: Attribute) -> str:
    default = attribute.default
    if default is not None:
        spelled = "=" + default_text(default, attribute.dtype)
    else:
        spelled = "=null" if attribute.nullable else ""
    line = f"{attribute.name + spelled:<20} : {attribute.type:<28}"
    return f"{line} # {_one_line(attribute.comment)}" if attribute.comment else line.rstrip()


def _one_line(text: str) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", text)
