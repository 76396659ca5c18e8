"""The demo on every database: two photographs, two sets of parameters, and what a second run computes."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "blob_detection"
IMAGES = ("coins", "cell")
SETS = "params in ('dog', 'log_large')"


@pytest.fixture
def demo(monkeypatch):
    """Give a function that imports a module of the demo anew: a pipeline is activated once in a process."""
    pytest.importorskip("skimage")
    names = [path.stem for path in FOLDER.glob("*.py")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def pipeline(demo, instance, schema_name):
    module = demo("pipeline")
    module.schema.activate(schema_name(), connection=instance.connection)
    return module


@pytest.fixture
def run(demo, pipeline):
    """Give a function that does what the script does, for the small set, and counts what is made."""
    images, script = demo("images"), demo("run")
    rows = [row for row in images.CATALOGUE if row["image"] in IMAGES]

    def once():
        pipeline.Image.insert(rows, skip_duplicates=True)
        scans = pipeline.Scan.populate()
        detections = pipeline.Detection.populate(SETS)
        assert [] == scans["error_list"] + detections["error_list"]
        return scans["success_count"], detections["success_count"], script

    return once


def test_second_run_computes_nothing_and_a_deleted_image_only_what_is_missing(pipeline, run):
    assert (2, 4) == run()[:2]
    assert (0, 0) == run()[:2]
    first = pipeline.Detection.Blob.to_dicts(order_by="KEY")
    assert 1 == (pipeline.Image & {"image": "cell"}).delete()
    assert {"coins"} == set(pipeline.Detection.to_arrays("image"))
    assert (1, 2) == run()[:2]
    assert first == pipeline.Detection.Blob.to_dicts(order_by="KEY")
