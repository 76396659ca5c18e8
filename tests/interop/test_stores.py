"""The existing client and we on one store: each reads what the other has written, and collects no live object."""

import json
import os

import numpy as np
import pytest

from datajoint.gc import GarbageCollector

DEFINITION = """
scan : int32
---
raw=null : <hash@main>
image=null : <blob@main>
file=null : <attach@main>
"""
PEER = """
import json, numpy as np
dj.config["stores"] = {{"default": "main", "main": {store!r}}}
schema = dj.Schema({schema!r})
@schema
class Scan(dj.Manual):
    definition = {definition!r}
"""


@pytest.fixture
def lab(declare, make_store, tmp_path):
    """A table in a schema with a store, and the script that opens both in the existing client."""
    store = make_store("file", subfolding=[2, 2])
    declare.schema.connection.config["stores"] = store.settings
    os.makedirs(store.spec["location"])  # the existing client wants to find it
    table = declare("Scan", DEFINITION)
    (tmp_path / "a.txt").write_bytes(b"text")
    table.store = store
    table.script = PEER.format(store=store.spec, schema=table.database, definition=DEFINITION)
    return table


ROW = {"raw": b"bytes", "image": np.arange(60.0).reshape(3, 20)}  # below 1 kB, nothing is compressed


@pytest.mark.statement("COD-6", "COD-11", "COD-16")
@pytest.mark.backends("postgresql", "mysql")
def test_the_existing_client_reads_our_objects(lab, peer, tmp_path):
    lab.insert1({"scan": 1, "file": tmp_path / "a.txt", **ROW})
    said = peer(
        lab.script
        + """
row = Scan.fetch1()
print(json.dumps([row["raw"].decode(), float(row["image"].sum()), open(row["file"], "rb").read().decode()]))
"""
    )
    assert ["bytes", float(ROW["image"].sum()), "text"] == json.loads(said.strip().splitlines()[-1])


@pytest.mark.statement("COD-6", "COD-7", "COD-11", "COD-16", "STO-4")
@pytest.mark.backends("postgresql")  # release 2.3.5 cannot insert into a store from MariaDB (interop.md §9)
def test_we_read_and_extend_objects_of_the_existing_client(lab, peer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the attachment is written
    peer(
        lab.script
        + f"""
Scan.insert1(dict(scan=1, raw=b"bytes", image=np.arange(60.0).reshape(3, 20), file={str(tmp_path / "a.txt")!r}))
"""
    )
    row = lab.fetch1()
    assert b"bytes" == row["raw"]
    np.testing.assert_array_equal(ROW["image"], row["image"])
    stored = set(lab.store.objects())
    lab.insert1({"scan": 2, "file": tmp_path / "a.txt", **ROW})
    assert stored == set(lab.store.objects())  # the same content under the same names
    columns = lab.connection.query(
        f"SELECT raw, image, file FROM {lab.full_table_name} ORDER BY scan"
    ).fetchall()
    assert columns[0] == columns[1]


@pytest.mark.statement("STO-9", "STO-11")
@pytest.mark.backends("postgresql", "mysql")
def test_neither_collector_takes_live_objects_of_the_other(lab, peer, tmp_path, backend):
    lab.insert1({"scan": 1, "file": tmp_path / "a.txt", **ROW})
    if backend.name == "postgresql":
        peer(lab.script + 'Scan.insert1(dict(scan=2, raw=b"other"))')
    said = peer(
        lab.script + "from datajoint.gc import GarbageCollector\n"
        "print(json.dumps(GarbageCollector(schema, store='main').collect(dry_run=False)['deleted']))"
    )
    assert 0 == json.loads(said.strip().splitlines()[-1])
    schema = lab.connection.schemas[lab.database]
    report = GarbageCollector(schema, grace=0, window=0).collect(dry_run=False)
    assert (0, report["hash_paths_stored"]) == (report["deleted"], report["hash_paths_referenced"])
    assert b"bytes" == (lab & "scan=1").fetch1("raw")
