"""Which functions of the project run while a make runs, whatever led to them (provenance §7b)."""

from __future__ import annotations

from datajoint.journal.ran.listen import forget, observe
from datajoint.journal.ran.observation import Observation
from datajoint.journal.ran.pieces import Piece
from datajoint.journal.ran.present import Present, is_present

__all__ = ["Observation", "Piece", "Present", "forget", "is_present", "observe"]
