"""Which functions of the project run while a make runs, whatever led to them (provenance §7b)."""

from __future__ import annotations

from datajoint.journal.ran.listen import forget, observe
from datajoint.journal.ran.observation import Observation
from datajoint.journal.ran.pieces import Piece
from datajoint.journal.ran.present import CHANGED, GONE, SAME, Present, compare

__all__ = ["CHANGED", "GONE", "SAME", "Observation", "Piece", "Present", "compare", "forget", "observe"]
