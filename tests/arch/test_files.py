"""A clone stands alone: no file names a place of one machine or a folder beside the repository."""

import ast
import re
import shutil
import subprocess

import pytest

FORBIDDEN = {
    "a folder beside the repository": r"\.\./shared" + r"\b",
    "a path of one machine": r"(?<![\w.])/(work|root|home/\w+|Users/\w+)/",
    "the host of a registry": r"\b(pypi\.org|pythonhosted|npmjs\.(com|org))" + r"\b",
    "unfinished work": r"\b(FIXME|XXX)" + r"\b",
}
TEXT = {
    "",
    ".cfg",
    ".css",
    ".csv",
    ".html",
    ".in",
    ".js",
    ".json",
    ".md",
    ".py",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


@pytest.fixture(scope="module")
def committed(root):
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("not a clone")
    names = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    paths = [root / name for name in names if name and name != "tests/arch/test_files.py"]
    return [path for path in paths if path.suffix in TEXT and path.is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(committed, root, what):
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in committed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert [] == found


def test_no_lock_file_with_addresses(root):
    assert [] == [name for name in ("uv.lock", "poetry.lock", "Pipfile.lock") if (root / name).exists()]


def test_no_module_assigns_a_constant_twice(committed, root):
    # The second value would hold in the tests above it as well.
    found = []
    for path in committed:
        if path.suffix != ".py":
            continue
        names = [
            target.id
            for statement in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name) and target.id.isupper()
        ]
        found += [f"{path.relative_to(root)}: {name}" for name in sorted(set(names)) if names.count(name) > 1]
    assert [] == found
