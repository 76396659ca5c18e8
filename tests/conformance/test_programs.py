"""Ordinary programs that keep state at module level are no false alarm (PRV-7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.programs import PROGRAMS, run

FRESH = ("an lru_cache", "flags of the command line", "handlers of logging", "a path from the environment")
"""Programs of which all is known; of the others it is known in part."""


@pytest.fixture
def settings(backend: Any, tmp_path: Path) -> dict[str, Any]:
    found = {**backend.settings, "safemode": False}
    if backend.name == "sqlite":
        found["database__name"] = str(tmp_path / "test.db")
    return found


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_new_process_of_the_same_program_finds_nothing_stale(
    settings: dict[str, Any], schema_name: Any, tmp_path: Path, name: str
) -> None:
    schema = schema_name()
    run(name, tmp_path, schema, settings, populate=True)

    found = run(name, tmp_path, schema, settings)

    assert (found["stale"], found["possibly_stale"], found["unknown"]) == (0, 0, 0), found["said"]
    assert (found["partly"] == 0) == (name in FRESH), found["said"]


@pytest.mark.statement("PRV-7")
@pytest.mark.parametrize(
    ("name", "flags", "variables", "what"),
    [
        ("flags of the command line", ("--level", "2"), {}, "__main__.ARGS.level"),
        ("a path from the environment", (), {"LAB_ROOT": "/srv/lab"}, "__main__.ROOT"),
    ],
)
def test_a_value_that_differs_makes_rows_possibly_stale(
    settings: dict[str, Any],
    schema_name: Any,
    tmp_path: Path,
    name: str,
    flags: Any,
    variables: Any,
    what: str,
) -> None:
    schema = schema_name()
    run(name, tmp_path, schema, settings, populate=True)

    found = run(name, tmp_path, schema, settings, *flags, **variables)

    assert (found["stale"], found["possibly_stale"]) == (0, 4), found["said"]
    assert "differs in this process" in found["said"]
    assert f"`{what}`" in found["said"]
    ignored = {**settings, "provenance__ignored_values": [what]}
    assert run(name, tmp_path, schema, ignored, *flags, **variables)["possibly_stale"] == 0


@pytest.mark.statement("PRV-7")
def test_a_flag_that_no_code_reads_counts_for_nothing(
    settings: dict[str, Any], schema_name: Any, tmp_path: Path
) -> None:
    schema = schema_name()
    run("flags of the command line", tmp_path, schema, settings, populate=True)

    found = run("flags of the command line", tmp_path, schema, settings, "--verbose")

    assert (found["stale"], found["possibly_stale"], found["partly"]) == (0, 0, 0), found["said"]
