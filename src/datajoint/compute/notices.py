"""Advice on makes, reported once for each table and run."""

from __future__ import annotations

import warnings

from datajoint.errors import DataJointWarning
from datajoint.heading.names import TableName
from datajoint.logging import logger
from datajoint.make.task import NOTHING, MakeOutcome

__all__ = ["Notices"]


class Notices:
    """Reporter of the notices of outcomes, which reports each text once for each table.

    Examples
    --------
    >>> notices = Notices()
    >>> notices.tell(MakeOutcome({"subject_id": 1}, "done"))
    """

    def __init__(self) -> None:
        self._told: set[tuple[TableName | None, str]] = set()

    def tell(self, outcome: MakeOutcome) -> None:
        """Report the new notices of an outcome."""
        if outcome.status == NOTHING and self._is_new(outcome.table, NOTHING):
            name = outcome.table.class_name if outcome.table is not None else "a table"
            logger.warning(
                "make of `%s` inserted nothing for the key %s: it is skipped and stays to do. "
                "Further skipped keys are counted only.",
                name, outcome.key,
            )  # fmt: skip
        for notice in outcome.notices:
            if not self._is_new(outcome.table, notice.text):
                continue
            if notice.is_warning:
                warnings.warn_explicit(notice.text, DataJointWarning, notice.filename, notice.line)
            else:
                logger.warning("%s", notice.text)

    def _is_new(self, table: TableName | None, text: str) -> bool:
        known, place = self._told, (table, text)
        is_new = place not in known
        known.add(place)
        return is_new
