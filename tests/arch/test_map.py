"""The map is true: what ARCHITECTURE.md names exists."""

import re
from importlib import import_module
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAME = re.compile(r"(?<![\w./`\[])`?([a-z_]+(?:\.[A-Za-z_]+)+)(?![\w/(*])")
LAYERS = TEXT.partition("## Layers")[2].split("```")[1]


def mentioned(modules):
    """Names of modules, and of what is in them, that begin with a package of ours."""
    tops = {module.name.partition(".")[0] for module in modules}
    return sorted({name for name in NAME.findall(TEXT) if name.partition(".")[0] in tops})


def exists(name):
    """Whether a module, or a name in one, can be imported."""
    place, _, last = name.rpartition(".")
    try:
        import_module(f"datajoint.{name}")
    except ModuleNotFoundError:
        return bool(place) and exists(place) and hasattr(import_module(f"datajoint.{place}"), last)
    return True


def test_every_name_on_the_map_exists(modules):
    names = mentioned(modules)
    assert len(names) > 20
    assert [] == [name for name in names if not exists(name)]


def test_every_package_is_in_a_layer(modules):
    drawn = {word for line in LAYERS.splitlines() for word in re.split(r"[ ·]+", line[:40].strip()) if word}
    tops = {module.name.partition(".")[0] for module in modules} - {"", "__main__", "_aliases", "_lazy"}
    assert set() == tops - drawn - {"version"}


@pytest.mark.parametrize("name", ["web", "exchange", "table.flow"])
def test_a_name_that_does_not_exist_is_found(name):
    assert not exists(name)
