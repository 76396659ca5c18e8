"""Each core type is complete: what its record leaves out, or a backend does not know, fails here."""

import pytest

from datajoint.algebra.expr.types import family
from datajoint.backends.postgresql.dialect import COPY_TYPES
from datajoint.backends.registry import BACKENDS, get_backend
from datajoint.heading.core_types import CORE_TYPES, KINDS
from datajoint.heading.types import parse_type
from datajoint.heading.values import normaliser, operand

FAMILIES = {
    "bool", "int", "decimal", "float", "text", "date", "datetime", "time", "uuid", "bytes", "json",
}  # fmt: skip


def written(record):
    """The type as a definition has it."""
    return record.kind + record.form.replace("p,s", "6,2").replace("n", "6")


@pytest.mark.parametrize("record", CORE_TYPES.values(), ids=CORE_TYPES)
def test_a_record_is_complete(record):
    dtype = parse_type(written(record))
    assert (record.kind, False) == (dtype.kind, dtype.native)
    assert record.sample is not None
    assert record.family in FAMILIES
    assert record.family == family(dtype)
    assert record.python is None or isinstance(record.sample, record.python)
    assert set(record.stored_as) <= {*KINDS, "native", "blob"}
    assert record.sample == normaliser(dtype)(record.sample)
    assert operand(dtype) is not None


@pytest.mark.parametrize("record", KINDS.values(), ids=KINDS)
def test_frames_know_the_type(record):
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    assert record.polars == "" or hasattr(polars, record.polars)
    assert record.arrow in ("", "decimal") or hasattr(arrow, record.arrow)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("record", CORE_TYPES.values(), ids=CORE_TYPES)
def test_every_backend_knows_the_type(record, name):
    dialect, dtype = get_backend(name).dialect, parse_type(written(record))
    assert dialect.column_type(dtype, "lab")
    assert dialect.cast_type(dtype) or name == "mysql"
    assert dialect.list_source([dtype], ["?"] * dialect.list_parameters([dtype]))
    assert name != "postgresql" or record.kind in COPY_TYPES
    encode = dialect.encoder(dtype) or (lambda value: value)
    assert isinstance(encode(record.sample), (bool, int, float, str, bytes, *native(name)))


def native(name):
    """Classes that the driver of a backend takes beside those of SQLite."""
    from datetime import date, time
    from decimal import Decimal
    from uuid import UUID

    return {"sqlite": (), "postgresql": (date, time, Decimal, UUID), "mysql": (Decimal,)}[name]
