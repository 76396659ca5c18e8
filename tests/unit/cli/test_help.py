"""The help of every command is as somebody has looked at it; UPDATE_FIXTURES=1 writes it anew."""

import os
from pathlib import Path

import pytest

from datajoint.cli.main import _COMMANDS, load, run

FOLDER = Path(__file__).parents[2] / "snapshots" / "cli"
COMMANDS = [name for section in _COMMANDS.values() for name in section]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert 0 == run([*command.split(), "--help"])
    said, file = capsys.readouterr().out, FOLDER / f"{command or 'dj'}.txt"
    if os.environ.get("UPDATE_FIXTURES"):
        file.write_text(said, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == said


def test_no_help_is_left_over():
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(["dj", *COMMANDS])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_short_help_is_that_of_the_command(command):
    assert command == load(command).name
