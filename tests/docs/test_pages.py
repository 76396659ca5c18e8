"""The Python examples of README and docs run, page by page, in a folder of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT = ROOT / "src" / "datajoint" / "__init__.py"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


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
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert 0 == run.returncode, run.stderr


def test_readme_links_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [] == [link for link in links if not (ROOT / link).exists()]
