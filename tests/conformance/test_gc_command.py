"""`dj gc`: what no row refers to, moved to quarantine, restored, deleted."""

import json
import os
import time

import pytest

from datajoint.gc.lease import PATH
from datajoint.storage.local import LocalFolder
from datajoint.storage.owners import mark
from datajoint.storage.store import QUARANTINE

pytestmark = pytest.mark.statement("CLI-2", "STO-9")

PICTURES = """
import datajoint as dj

schema = dj.Schema({schema!r})

@schema
class Picture(dj.Manual):
    definition = "picture : int32\\n---\\nraw : <hash@>\\nfilm=null : <object@films>"
"""

DAYS = 86400


@pytest.fixture
def pictures(shop):
    """The pipeline with a module of pictures, in two stores."""
    stores = {name: {"protocol": "file", "location": str(shop.folder / name)} for name in ("main", "films")}
    for spec in stores.values():
        os.mkdir(spec["location"])
    settings = {"stores": {"default": "main", **stores}, "provenance": {"history": "off"}}
    (shop.folder / "datajoint.json").write_text(json.dumps(settings))
    (shop.folder / "pictures.py").write_text(PICTURES.format(schema=shop.schema + "_pictures"))
    shop.forget()
    import pictures

    pictures.Picture.insert(
        [
            {"picture": 1, "raw": b"kept", "film": b"kept, too"},
            {"picture": 2, "raw": b"given up", "film": b"given up"},
        ]
    )
    (pictures.Picture & "picture = 2").delete(prompt=False)
    yield shop
    pictures.schema.drop(prompt=False)


def make_older(folder, seconds):
    """Let the files of the stores be older, but for those that a collector keeps for itself."""
    then = time.time() - seconds
    for store in ("main", "films"):
        for path in (folder / store).rglob("*"):
            if path.is_file() and PATH not in str(path):
                os.utime(path, (then, then))


def quarantined(folder):
    return [path.name for path in folder.glob(f"*/{QUARANTINE}/**/*") if path.is_file()]


def test_it_shows_what_no_row_refers_to_and_changes_nothing(pictures):
    assert 0 == pictures.json("gc", "pictures")["main"]["hash_paths_orphaned"]  # younger than an hour
    make_older(pictures.folder, 2 * DAYS)
    said = pictures.dj("gc", "pictures").out
    assert "store  objects  without a row  size" in said
    assert ["main", "2", "1", "8", "B"] in [line.split() for line in said.splitlines()]
    assert f"main: _hash/{pictures.schema}_pictures/" in said
    assert "dj gc --delete" in said
    found = pictures.json("gc", "pictures")
    assert ["films", "main"] == sorted(found)
    assert (1, 1) == (found["main"]["hash_paths_orphaned"], found["films"]["schema_paths_orphaned"])
    assert [] == quarantined(pictures.folder)


def test_it_deletes_in_two_steps(pictures):
    make_older(pictures.folder, 2 * DAYS)
    said = pictures.dj("gc", "pictures", "--delete").out
    assert "main: 1 object moved to quarantine, 0 restored, 0 deleted (0 B)" in said
    assert 2 == len(quarantined(pictures.folder))
    make_older(pictures.folder, 2 * DAYS)
    assert "1 deleted (8 B)" in pictures.dj("gc", "pictures", "--delete", "--store", "main").out
    assert 1 == len(quarantined(pictures.folder))
    assert 1 == pictures.json("gc", "pictures", "--delete")["films"]["purged"]
    assert [] == quarantined(pictures.folder)
    import pictures as module

    assert b"kept" == (module.Picture & "picture = 1").fetch1("raw")


def test_it_restores_what_is_in_quarantine(pictures):
    make_older(pictures.folder, 2 * DAYS)
    pictures.dj("gc", "pictures", "--delete")
    assert (
        "main: 1 object restored\nfilms: 1 object restored\n"
        == pictures.dj("gc", "pictures", "--restore").out
    )
    assert {"main": 0, "films": 0} == pictures.json("gc", "pictures", "--restore")
    assert [] == quarantined(pictures.folder)


def test_all_schemas_are_looked_at_where_none_is_named(pictures):
    make_older(pictures.folder, 2 * DAYS)
    names = "--schema", pictures.schema, "--schema", f"{pictures.schema}_pictures"
    assert 1 == pictures.json("gc", *names)["main"]["hash_paths_orphaned"]
    assert 0 == pictures.json("gc", "lab")["main"]["hash_paths_stored"]


def test_what_cannot_be_read_is_said_and_nothing_deleted(pictures):
    mark(
        LocalFolder(str(pictures.folder / "main")),
        f"{pictures.schema}_pictures",
        "postgresql://elsewhere/lab",
    )
    make_older(pictures.folder, 2 * DAYS)
    said = pictures.dj("gc", "pictures", "--store", "main", status=1)
    assert "elsewhere" in said.err
    assert "Nothing is deleted" in pictures.dj("gc", "pictures", "--store", "main", "--delete", status=1).err
    assert [] == quarantined(pictures.folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pictures:Picture",), "Garbage is collected schema by schema"),
        (("pictures", "--delete", "--restore"), "--delete or --restore"),
        (("pictures", "--store", "mian"), "`mian`"),
    ],
)
def test_wrong_use_is_refused_by_name(pictures, arguments, said):
    assert said in pictures.dj("gc", *arguments, status=1).err


def test_without_stores_it_says_how_to_describe_one(shop):
    assert "No store is configured" in shop.dj("gc", "lab", status=1).err
