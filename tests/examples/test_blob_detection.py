"""The demo on every database: two photographs, two sets of parameters, and what a second run computes."""

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "blob_detection"
IMAGES = ("coins", "cell")
SETS = "params in ('dog', 'log_large')"


@pytest.fixture
def demo(instance, schema_name, monkeypatch, make_store):
    """Import the modules of the demo anew (a pipeline is activated once), with less to compute."""
    pytest.importorskip("skimage")
    names = [path.stem for path in FOLDER.glob("*.py") if path.stem != "attached"]  # which connects by itself
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(FOLDER))
    modules = SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    catalogue = [row for row in modules.images.CATALOGUE if row["image"] in IMAGES]
    monkeypatch.setattr(modules.run, "CATALOGUE", catalogue)
    instance.config["stores"] = make_store("file").settings
    modules.pipeline.schema.activate(schema_name(), connection=instance.connection)
    (modules.pipeline.DetectionParams - SETS).delete()
    yield modules
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def run(demo, capsys):
    """Give a function that imports and computes as the script does; returns what it says, without times."""

    def once():
        demo.run.import_images()
        demo.run.compute("sqlite")
        lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
        return [text for subject, text in lines if subject != "time"]

    return once


def test_only_what_is_missing_is_computed(demo, run):
    assert ["2 new, 0 there", "2/2  2 computed", "4/4  4 computed"] == run()
    assert ["0 new, 2 there", "2/2  nothing to compute", "4/4  nothing to compute"] == run()
    everything = demo.pipeline.Detection.Blob.to_dicts(order_by="KEY")
    assert 1 == (demo.pipeline.Image & {"image": "cell"}).delete()
    assert {"coins"} == set(demo.pipeline.Detection.Blob.to_arrays("image"))
    assert ["1 new, 1 there", "2/2  1 computed", "4/4  2 computed"] == run()
    assert everything == demo.pipeline.Detection.Blob.to_dicts(order_by="KEY")
    answer = {row["params"]: row for row in demo.pipeline.by_params()}
    assert {"dog", "log_large"} == set(answer)
    assert (25, 2) == (answer["log_large"]["blobs"], answer["log_large"]["as_by_eye"])  # 24 coins and a cell


def test_what_becomes_stale_and_why(demo, run, monkeypatch):
    run()
    assert "all 4 detections are fresh" == demo.stale.told()
    before = demo.pipeline.DetectionParams.to_dicts(order_by="KEY")
    monkeypatch.setattr(demo.stale, "told_by_edited_copy", lambda backend: demo.stale.told())
    demo.stale.show_what_if("any")
    assert before == demo.pipeline.DetectionParams.to_dicts(order_by="KEY")
    demo.pipeline.DetectionParams.update1({"params": "dog", "threshold": 0.2})
    told = demo.stale.told()
    assert told.startswith(
        "2 of 4 detections are stale: `DetectionParams` {'params': 'dog'}: `threshold` 0.12 → 0.2"
    )


@pytest.mark.backends("sqlite")
def test_the_report_shows_every_detection(demo, run, tmp_path):
    run()
    page = demo.report.write_report(tmp_path, "a database").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert ["cell-dog.jpg", "cell-log_large.jpg", "coins-dog.jpg", "coins-log_large.jpg"] == pictures
    assert [] == [name for name in pictures if f'src="pictures/{name}"' not in page]
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # all that it needs is beside it


SHARED = """
import run
run.CATALOGUE = [row for row in run.CATALOGUE if row["image"] == "cell"]
run.connect("sqlite")
run.import_images()
run.compute("sqlite", 2)
"""


@pytest.mark.backends("sqlite")
def test_workers_share_the_keys(tmp_path):
    """In a copy of the folder, whose database is beside it; each worker is a `dj worker`."""
    pytest.importorskip("skimage")
    folder = shutil.copytree(FOLDER, tmp_path / "examples" / FOLDER.name)
    command = [sys.executable, "-c", SHARED]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert 0 == done.returncode, done.stderr
    assert "4/4  4 computed" in done.stdout
    rows, workers = re.search(r"((?:\d+ \+ )*\d+) rows made by (\d) workers", done.stdout).groups()
    assert (5, "2") == (sum(map(int, rows.split(" + "))), workers)
