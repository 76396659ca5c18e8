"""Each core type is stored, read, compared, updated and described on every database, from its record."""

import pytest

import datajoint as dj
from datajoint.heading.core_types import CORE_TYPES
from datajoint.heading.types import parse_type


def written(record):
    """The type as a definition has it."""
    return record.kind + record.form.replace("p,s", "6,2").replace("n", "6")


@pytest.mark.statement("TYP-15")
@pytest.mark.parametrize("record", CORE_TYPES.values(), ids=CORE_TYPES)
def test_a_value_of_every_core_type_is_kept(schema, record):
    @schema
    class Kept(dj.Manual):
        definition = f"""
        kept_id : int32
        ---
        value = null : {written(record)}
        """

    Kept.insert([{"kept_id": 1, "value": record.sample}, {"kept_id": 2, "value": None}])
    Kept.insert1({"kept_id": 3, "value": record.sample})
    assert record.sample == (Kept & {"kept_id": 1}).fetch1("value")
    assert [record.sample, None, record.sample] == [row["value"] for row in Kept.to_dicts(order_by="kept_id")]
    assert (
        parse_type(written(record))
        == dj.FreeTable(schema.connection, Kept.full_table_name).heading["value"].dtype
    )
    assert written(record) in Kept.describe()
    if record.kind != "json":  # compared by what is at a path
        assert {1, 3} == set((Kept & {"value": record.sample}).to_arrays("kept_id"))
        assert {1, 3} == set((Kept & [{"value": record.sample}]).to_arrays("kept_id"))
    Kept.update1({"kept_id": 2, "value": record.sample})
    assert 3 == len(Kept & "value is not null")
    assert 3 == len(Kept.to_polars()) == Kept.to_arrow().num_rows == len(Kept.to_pandas())
