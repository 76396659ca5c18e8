"""The existing client works on guarded tables: what it updates is noticed, what it leaves is not."""

import json
from typing import Any

import pytest

import datajoint as dj

pytestmark = pytest.mark.backends("postgresql", "mysql")


@pytest.fixture
def instance(connect: Any) -> Any:
    return connect(provenance__guard=True)


@pytest.fixture
def lab(schema: Any) -> dict[str, Any]:
    """`Subject`, `Species` with contents, `Fit` that reads both."""
    scope: dict[str, Any] = {}

    def declare(tier: Any, name: str, definition: str, **members: Any) -> None:
        scope[name] = schema(type(tier)(name, (tier,), {"definition": definition, **members}), context=scope)

    def make(self: Any, key: Any) -> None:
        row = (scope["Subject"] * scope["Species"] & key).fetch1()
        self.insert1({**key, "y": row["x"] * row["legs"]})

    contents = [("mouse", 4), ("bird", 2)]
    declare(dj.Lookup, "Species", "species : varchar(12)\n---\nlegs : int32", contents=contents)
    declare(
        dj.Manual,
        "Subject",
        "subject_id : int32\n---\n-> Species\nx : float64\nnote='' : varchar(20)\nb=null : <blob>",
    )
    declare(dj.Computed, "Fit", "-> Subject\n---\ny : float64", make=make)
    scope["Subject"].insert([{"subject_id": n, "species": "mouse", "x": n, "b": [n]} for n in (1, 2, 3, 4)])
    scope["Fit"].populate()
    return scope


def states(table: Any) -> list[tuple[int, str]]:
    return [(row.key["subject_id"], row.state) for row in table.stale()]


@pytest.mark.statement("PRV-7")
def test_the_existing_client_writes_to_guarded_tables(lab: Any, schema: Any, peer: Any) -> None:
    out = peer(
        f"""
        import json
        schema = dj.Schema("{schema.database}")
        @schema
        class Species(dj.Lookup):
            definition = '''
            species : varchar(12)
            ---
            legs : int32
            '''
            contents = [("mouse", 4), ("bird", 2)]
        m = dj.VirtualModule("m", "{schema.database}")
        m.Subject.insert1({{"subject_id": 1, "species": "mouse", "x": 77}}, skip_duplicates=True)
        m.Subject.update1({{"subject_id": 2, "x": 9}})
        m.Subject.insert1({{"subject_id": 5, "species": "bird", "x": 5, "b": [1, 2]}})
        (m.Fit & "subject_id=4").delete(prompt=False)
        (m.Subject & "subject_id=4").delete(prompt=False)
        print(json.dumps((m.Subject & "subject_id=2").fetch1("x")))
        """
    )
    assert 9.0 == json.loads(out.strip().splitlines()[-1])
    assert [(2, "stale")] == states(lab["Fit"])
    named = lab["Subject"].with_metadata().proj("event").to_dicts()
    assert [2, 5] == sorted(row["subject_id"] for row in named if row["event"] is None)
    assert [] == [
        row for row in lab["Species"].with_metadata().proj("event").to_dicts() if row["event"] is None
    ]
    lab["Fit"].populate(stale=True)
    lab["Fit"].populate()
    assert [4.0, 36.0, 12.0, 10.0] == lab["Fit"].to_arrays("y", order_by="subject_id").tolist()


@pytest.mark.statement("PRV-7", "SCH-5")
def test_the_existing_client_alters_and_drops_guarded_tables(
    lab: Any, schema: Any, instance: Any, peer: Any
) -> None:
    peer(
        f"""
        schema = dj.Schema("{schema.database}")
        m = dj.VirtualModule("m", "{schema.database}")
        Species = m.Species
        @schema
        class Subject(dj.Manual):
            definition = '''
            subject_id : int32
            ---
            -> Species
            x : float64
            b=null : <blob>
            '''
        Subject().alter(prompt=False)
        assert "note" not in Subject.heading.names
        Subject.update1({{"subject_id": 2, "x": 9}})
        m.Fit().drop(prompt=False)
        """
    )
    catalog = schema.connection.catalog
    catalog.forget(schema.database)
    subject = dj.FreeTable(schema.connection, f"{schema.database}.subject")
    assert "note" not in subject.heading.names
    assert 9.0 == (subject & {"subject_id": 2}).fetch1("x")
    named = subject.with_metadata().proj("event").to_dicts()
    assert [2] == [row["subject_id"] for row in named if row["event"] is None]

    peer(f"dj.Schema({schema.database!r}).drop(prompt=False)")
    assert schema.database not in instance.list_schemas()
