"""The Python examples of README and docs run, page by page, in a folder of their own."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT = ROOT / "src" / "datajoint" / "__init__.py"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SESSION = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
COURSE = ROOT / "docs" / "learn"  # its pages go on from each other: test_lessons.py
PAGES = sorted(
    page for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if not page.is_relative_to(COURSE)
)


def examples(page):
    return "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))


@pytest.mark.skipif(not FRONT.exists(), reason="the front door is not built yet")
@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem)
def test_examples_run(page, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJ_")}
    script = tmp_path / "example.py"
    script.write_text(examples(page), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert 0 == run.returncode, run.stderr


def sessions(page):
    """Give (command, what it writes) of the blocks of a page that show a session."""
    for block in SESSION.findall(page.read_text(encoding="utf-8")):
        command, _, said = block.partition("\n")
        yield command.removeprefix("$ "), said


def test_the_commands_of_the_command_line_write_what_the_page_shows(tmp_path):
    page = ROOT / "docs" / "cli.md"
    (tmp_path / "lab.py").write_text(examples(page), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJ_")}
    environment |= {
        "DJ_BACKEND": "sqlite",
        "DJ_DATABASE_NAME": "lab.db",
        "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1",
    }
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, text=True, encoding="utf-8", check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
        )  # fmt: skip

    assert 0 == run("lab.py").returncode
    shown = list(sessions(page))
    assert len(shown) > 5
    for command, said in shown:
        program, *arguments = shlex.split(command)
        assert "dj" == program
        found = run("-m", "datajoint", *arguments).stdout
        assert checker.check_output(said, found, flags), f"{command}\n{found}"


def test_readme_links_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [] == [link for link in links if not (ROOT / link).exists()]
