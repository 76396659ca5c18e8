"""Attributes whose values are in object stores: they are declared and opened; values are refused by name."""

import pytest

import datajoint as dj
from datajoint.errors import CodecError, DecodeError, EncodeError

TYPES = [
    ("filepath@main", "<filepath@main>"),
    *[(f"<{name}@main>",) * 2 for name in ("filepath", "object", "npy")],
]


@pytest.mark.statement("DEF-20", "COD-25")
@pytest.mark.parametrize(("written", "meant"), TYPES)
def test_wall_11_attributes_in_stores(declare, connect, written, meant):
    """Wall 11: a definition with a store is one of a codec; None passes, a value is refused."""
    table = declare("Scan", f"scan : int32\n---\nimage=null : {written}  # of a lens\nnote='' : varchar(9)")
    table.insert([{"scan": 1}, {"scan": 2, "image": None, "note": "b"}])
    for refused in (
        lambda: table.insert1({"scan": 3, "image": "a.txt"}),
        lambda: table.insert([{"scan": 3}, {"scan": 4, "image": [1, 2]}]),
        lambda: table.update1({"scan": 1, "image": b"x"}),
    ):
        with pytest.raises(EncodeError, match=rf"(?s){meant} .* object stores come with .*`image`"):
            refused()
    assert [
        {"scan": 1, "image": None, "note": ""},
        {"scan": 2, "image": None, "note": "b"},
    ] == table.to_dicts(order_by="scan")
    there = connect().virtual_schema(table.database).Scan
    assert (meant, "of a lens") == (there.heading["image"].type, there.heading["image"].comment)
    assert f"image=null : {meant}" in " ".join(there.describe().split())
    assert [None, None] == list(there.to_arrays("image"))
    assert 2 == len(there & "image is null")


@pytest.mark.statement("COD-25")
@pytest.mark.parametrize("name", ["object", "npy"])
def test_stored_objects_of_other_clients(declare, connect, name):
    """Rows of another client whose objects are in a store: all else can be used; fetching one is refused."""
    table = declare("Scan", f"scan : int32\n---\nimage : <{name}@main>\nnote='' : varchar(9)")
    with pytest.raises(EncodeError, match=f"<{name}@main>"):
        table.insert1({"scan": 1, "image": [1]})
    quoted = table.full_table_name
    table.connection.query(
        f"INSERT INTO {quoted} (scan, image, note) VALUES (1, '{{\"path\": \"a/b\"}}', 'x')"
    )
    there = connect().virtual_schema(table.database).Scan
    assert [{"scan": 1, "note": "x"}] == there.proj("note").to_dicts()
    assert "scan" in repr(there())
    for fetch in (
        there.to_dicts, lambda: there.fetch1("image"), lambda: list(there), lambda: there.to_arrays("image"),
    ):  # fmt: skip
        with pytest.raises(DecodeError, match=f"`image`: .*<{name}@main> .* object stores come with"):
            fetch()
    assert 1 == (there & {"scan": 1}).delete(prompt=False)


@pytest.mark.statement("COD-25")
@pytest.mark.parametrize("name", ["npy", "object", "filepath"])
def test_an_object_without_a_store_is_refused(schema, name):
    with pytest.raises(CodecError, match=f"<{name}> needs a store"):
        schema(type("Scan", (dj.Manual,), {"definition": f"scan : int32\n---\nimage : <{name}>"}))
    assert [] == schema.list_tables()
