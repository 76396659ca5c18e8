"""The environment that code runs in: Python, packages, the repository that it comes from (provenance §2)."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache

from datajoint._value import Value
from datajoint.heading.values import json_text
from datajoint.journal.code import digest_of, units

__all__ = ["Environment", "Repository", "environment_of", "repository_at"]

_SECONDS = 20.0
_LONGEST_DIFF = 1 << 20
_INSTALLED = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-.*)?\.(?:dist|egg)-info")
"""Folders of installed packages; the files in them would take a hundred times longer to read."""

_SECRETS = re.compile(r"(?<=://)[^/@]*@")


class Repository(Value):
    """The state of the git repository of some code.

    Attributes
    ----------
    root, branch, remote
        Folder of the repository; what is checked out, None where it is no branch; where it was cloned from,
        without names and passwords.
    commit
        40 hexadecimal digits, None before the first commit.
    dirty
        Whether tracked files differ from the commit; None where git could not tell.
    diff
        How they differ, where this was asked for.
    """

    root: str
    commit: str | None
    branch: str | None
    remote: str | None
    dirty: bool | None
    diff: str | None = None


class Environment(Value):
    """What a make depends on beside its code and its inputs.

    Attributes
    ----------
    digest
        26 characters; equal for equal environments.
    packages
        Versions of the installed packages by name.
    """

    digest: str
    python: str
    platform: str
    packages: Mapping[str, str]
    repository: Repository | None


def environment_of(cls: type, *, keep_diff: bool = False) -> Environment:
    """Return the environment of this process, with the repository of the code of a class.

    Examples
    --------
    >>> found = environment_of(Environment)
    >>> found.python == platform.python_version(), "numpy" in found.packages
    (True, True)
    """
    file = units.file_of_module(cls.__module__)
    folder = os.path.dirname(os.path.realpath(file)) if file else os.getcwd()
    repository = repository_at(folder, keep_diff=keep_diff)
    packages = _packages()
    told = [] if repository is None else [repr(repository)]
    digest = digest_of(_python(), _platform(), json_text(dict(packages)), *told)
    return Environment(digest, _python(), _platform(), packages, repository)


def _python() -> str:
    return platform.python_version()[:32]


@cache
def _platform() -> str:
    return platform.platform()[:128]


@cache  # what is imported stays; what is installed meanwhile is not used by this process
def _packages() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in names:
            installed = _INSTALLED.fullmatch(name)
            if installed:
                found.setdefault(re.sub(r"[-_.]+", "-", installed["name"]).lower(), installed["version"])
    return dict(sorted(found.items()))


def repository_at(folder: str, *, keep_diff: bool = False) -> Repository | None:
    """Return the git repository that a folder lies in; None without one, or without git.

    Nothing is written, not even to its index, so that it may be read-only.

    Examples
    --------
    >>> repository_at(os.sep) is None
    True
    """
    root = root_of(folder)
    if root is None or shutil.which("git") is None:
        return None if root is None else Repository(_home(root)[:255], None, None, None, None)
    head = _git(root, ["rev-parse", "--verify", "-q", "HEAD"])
    branch = _git(root, ["symbolic-ref", "-q", "--short", "HEAD"])
    remote = _git(root, ["config", "--get", "remote.origin.url"])
    status = _git(root, ["status", "--porcelain", "--untracked-files=no"], empty=True)
    dirty = None if status is None else bool(status)
    diff = _git(root, ["diff", "HEAD"], empty=True) if keep_diff and dirty else None
    return Repository(
        _home(root)[:255], head, branch[:255] if branch else None,
        _SECRETS.sub("", remote)[:255] if remote else None, dirty,
        diff[:_LONGEST_DIFF] if diff else None,
    )  # fmt: skip


def root_of(folder: str) -> str | None:
    while not os.path.exists(os.path.join(folder, ".git")):
        folder, before = os.path.dirname(folder), folder
        if folder == before:
            return None
    return folder


def _home(root: str) -> str:
    """Return the folder of the repository that a worktree belongs to: the worktree may be gone soon."""
    file = os.path.join(root, ".git")
    if not os.path.isfile(file):
        return root
    try:
        with open(file, encoding="utf-8") as text:
            told = text.read().strip().removeprefix("gitdir:").strip().replace(os.sep, "/")
    except OSError:
        return root
    home, mark, _ = told.rpartition("/.git/worktrees/")
    return home if mark else root


def _git(root: str, arguments: Sequence[str], *, empty: bool = False) -> str | None:
    """Return what a git command says, None where it fails or (unless `empty`) says nothing."""
    variables = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        variables.pop(name, None)
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", root, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - arguments of ours
            command,
            env=variables,
            capture_output=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.decode(errors="replace").strip()
    return said if done.returncode == 0 and (said or empty) else None
