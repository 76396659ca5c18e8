"""Origin of rows in standard formats: W3C PROV, RO-Crate, OpenLineage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datajoint.errors import DataJointError, nearest
from datajoint.provenance.export import openlineage, prov, rocrate
from datajoint.provenance.export.slice import Slice, slice_of
from datajoint.table.table import Table

__all__ = ["FORMATS", "export"]

FORMATS: dict[str, Callable[[Slice], Any]] = {
    "prov": prov.document,
    "ro-crate": rocrate.document,
    "openlineage": openlineage.events,
}


def export(table: Table, form: str, path: str | Path | None = None) -> Any:
    """Return where the rows of a table come from, and write it to a file; see `Traceable.export_lineage`."""
    if form not in FORMATS:
        raise DataJointError(
            f"{form!r} is no form of provenance.",
            hint=nearest(str(form), FORMATS) or f"Forms: {', '.join(FORMATS)}.",
        )
    told = FORMATS[form](slice_of(table))
    if path is not None:
        Path(path).write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    return told
