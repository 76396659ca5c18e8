"""Running a command with the code of a commit: in a git worktree that is there for as long as it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

import datajoint
from datajoint.cli import options, report
from datajoint.compute.dispatch import ended_by_signal
from datajoint.errors import ConfigurationError
from datajoint.settings.model import SETTINGS

__all__ = ["check_there", "run_at"]

_SECONDS = 600.0


def run_at(commit: str, modules: Iterable[str], name: str, arguments: Sequence[str]) -> int:
    """Run a command with the modules of a pipeline as they are at a commit, and return the exit status.

    Settings, environment and working directory are those of now; only code comes from the commit.

    Raises
    ------
    ConfigurationError
        Without git, outside a repository, or when there is no such commit.
    """
    root = _root_of(sorted({module.partition(".")[0] for module in modules}))
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if found.returncode:
        raise ConfigurationError(
            f"The repository {root} has no commit `{commit}`.",
            hint="git log shows what there is; git fetch brings what others have.",
        )
    number = found.stdout.strip()
    told = _git(root, "log", "-1", "--format=%h %cs %s", number).stdout.strip()
    report.say(f"{report.dim('code of')} {told}", err=True)
    with ended_by_signal(), _worktree(root, number) as folder:
        ours = [sys.executable, "-P", "-m", "datajoint", *_config_files()]
        command = [*ours, name, "--code", str(folder), *arguments]
        sys.stdout.flush()
        return subprocess.run(command, env=_environment(root, folder), check=False).returncode  # noqa: S603


def check_there(modules: Iterable[str], folder: str) -> None:
    """See that modules come from a folder: else it is not the code of the commit that would run.

    Raises
    ------
    ConfigurationError
        When one does not.
    """
    for module in modules:
        try:
            found = find_spec(module)
        except (ModuleNotFoundError, ValueError):
            found = None
        place = found and (found.origin or next(iter(found.submodule_search_locations or ()), None))
        if place is None or not _is_in(place, folder):
            raise ConfigurationError(
                f"At that commit there is no module `{module}`.",
                hint=f"The one that is found is {place}." if place else "",
            )


# ------------------------------------------------------------------------------------------------------- git


def _git(root: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    git = shutil.which("git")
    if git is None:
        raise ConfigurationError("git was not found, which knows the code of a commit.", hint="Install git.")
    variables = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        variables.pop(name, None)
    return subprocess.run(  # noqa: S603 - a shell takes no part
        [git, "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-C", str(root), *arguments],
        env=variables, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _root_of(modules: Sequence[str]) -> str:
    """Return the repository that some modules are in; what is not found now is looked for in this folder."""
    folders = {_folder_of(module) for module in modules} or {os.getcwd()}
    roots: set[str] = set()
    for folder in sorted(folders):
        found = _git(folder, "rev-parse", "--show-toplevel")
        if found.returncode:
            raise ConfigurationError(
                f"{folder} is in no git repository, so there is no code of a commit.",
                hint="Without --at, dj verify takes the code as it is.",
            )
        roots.add(os.path.realpath(found.stdout.strip()))
    if len(roots) > 1:
        raise ConfigurationError(
            f"The modules are in several repositories: {', '.join(sorted(roots))}.",
            hint="Verify those of one repository at a time.",
        )
    return roots.pop()


def _folder_of(module: str) -> str:
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = find_spec(module)
    except (ModuleNotFoundError, ValueError):
        found = None
    if found is None:
        return os.getcwd()
    places = [*(found.submodule_search_locations or ()), *([found.origin] if found.origin else [])]
    return os.path.dirname(os.path.realpath(places[0])) if places else os.getcwd()


@contextmanager
def _worktree(root: str, number: str) -> Generator[Path]:
    """Give a folder with the files of a commit; it is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="dj-"))
    folder = place / os.path.basename(root)
    try:
        made = _git(root, "worktree", "add", "--detach", "--force", str(folder), number)
        if made.returncode:
            said = made.stderr.strip().splitlines() or ["git said nothing"]
            raise ConfigurationError(f"git cannot check out {number[:10]}: {said[-1]}")
        yield folder
    finally:
        _git(root, "worktree", "remove", "--force", str(folder))
        shutil.rmtree(place, ignore_errors=True)
        _git(root, "worktree", "prune")


# ------------------------------------------------------------------------------------------------- the child


def _config_files() -> list[str]:
    """Return the settings that were read by --config, as arguments."""
    files: list[str] = click.get_current_context().meta.get(options.CONFIG_FILES, [])
    return [text for file in files for text in ("--config", file)]


def _environment(root: str, folder: Path) -> dict[str, str]:
    """Return the environment of the child: settings made here, and modules from the commit first."""
    config = datajoint.config
    assigned = {SETTINGS[name].variable: str(config[name]) for name in SETTINGS
                if config.origin(name) == "assigned" and config[name] is not None}  # fmt: skip
    ours = os.path.dirname(os.path.dirname(os.path.realpath(datajoint.__file__)))
    kept = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    path = [*_mapped(root, folder, ours), *(e for e in kept if not _is_in(e, root) or _same(e, ours))]
    return {
        **os.environ, **assigned, "PYTHONPATH": os.pathsep.join(path), "DJ_CREATE_TABLES": "false",
        "DJ_DECLARE_DRIFT": "warn",
    }  # fmt: skip


def _mapped(root: str, folder: Path, ours: str) -> list[str]:
    """Return where modules of the repository are found, as places in another checkout of it."""
    found: list[str] = []
    for entry in [os.getcwd(), *sys.path]:
        real = os.path.realpath(entry or os.getcwd())
        installed = _is_in(real, sys.prefix) or "site-packages" in Path(real).parts
        if not _is_in(real, root) or installed or _same(real, ours):
            continue
        place = folder / os.path.relpath(real, root)
        if place.is_dir():
            found.append(str(place))
    return list(dict.fromkeys(found))


def _is_in(path: str, folder: str) -> bool:
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path == folder or path.startswith(folder + os.sep)


def _same(path: str, other: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)
