"""Values as they are recorded, by digest, and what has become of them in this process."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from datajoint._value import Value
from datajoint.journal.ran import paths
from datajoint.journal.ran.bound import bound_of
from datajoint.journal.ran.leaves import weight_of
from datajoint.journal.ran.paths import MISSING, label_of
from datajoint.journal.ran.present import CHANGED, SAME

__all__ = ["DIFFERS", "UNKNOWN_HERE", "RecordedValue", "compare_value", "is_ignored"]

DIFFERS, UNKNOWN_HERE = "differs", "unknown"
"""What has become of a value: it is another one though its source is the same; its module is not loaded."""


class RecordedValue(Value):
    """A value as it is recorded, which is never the value itself.

    Attributes
    ----------
    module, path
        Where it is found, the path as text.
    digest
        Of the value; "" where it cannot be digested.
    source
        Digest of the statements that give it, "" where no text tells.
    """

    module: str
    path: str
    digest: str
    source: str

    @property
    def label(self) -> str:
        """Its path as it would be written."""
        return label_of(self.module, paths.read_path(self.path))


def is_ignored(label: str, ignored: Sequence[str]) -> bool:
    """Whether a value does not count, by the names that a setting lists.

    Examples
    --------
    >>> [is_ignored(name, ["lab.state"]) for name in ("lab.state.START", "lab.states", "lab.state['a']")]
    [True, False, True]
    """
    return any(label == name or label.startswith((f"{name}.", f"{name}[")) for name in ignored)


def compare_value(one: RecordedValue) -> str:
    """Return what has become of a value: same, changed by its source, differing, or unknown here.

    Examples
    --------
    >>> compare_value(RecordedValue("no_such_module", '["LEVEL"]', "0", ""))
    'unknown'
    """
    path = paths.read_path(one.path)
    source = bound_of(one.module, path).digest
    if one.module not in sys.modules:
        return CHANGED if source != one.source else UNKNOWN_HERE
    value = paths.resolve(one.module, path)
    weight = None if value is MISSING else weight_of(value)
    if one.digest and weight is not None and weight.digest == one.digest:
        return SAME
    if source != one.source:
        return CHANGED
    return SAME if not one.digest and value is not MISSING and weight is None else DIFFERS
