"""Run the tests that are tied to statements of the language and print which statements pass on which backend.

    python tools/conformance.py [--verbose] [--from FILE] [-- pytest arguments]

Ends with status 1 if a statement that has a test fails, or if a statement of a milestone listed in
`tests/conformance/done.txt` does not pass on the three backends.
"""

import argparse
import csv
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT / "tests" / "conformance"
RESULT = ROOT / "build" / "conformance.json"
LOG = ROOT / "build" / "conformance.log"
BACKENDS = ("sqlite", "postgresql", "mysql")
ANY = "any"

Outcomes = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True)
class Statement:
    """A statement of the language and what its tests said on each backend: `ok`, `FAIL` or `-` (not run)."""

    id: str
    level: str
    milestone: int
    title: str
    tested: bool
    states: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """The group of the statement."""
        return self.id.partition("-")[0]

    @property
    def failing(self) -> bool:
        """Whether a test of it fails somewhere."""
        return "FAIL" in self.states

    @property
    def everywhere(self) -> bool:
        """Whether it passes on all backends."""
        return all(state == "ok" for state in self.states)


def state(tests: dict[str, dict[str, str]], backend: str) -> str:
    """Judge one statement on one backend; tests that name no backend count for each."""
    ran = {outcome for where in (backend, ANY) for outcome in tests.get(where, {}).values()} - {"skipped"}
    if not ran:
        return "-"
    return "ok" if ran == {"passed"} else "FAIL"


def read_statements(outcomes: Outcomes, suite: Path = SUITE) -> list[Statement]:
    """Join the list of statements with the outcomes of their tests."""
    with (suite / "statements.csv").open(newline="", encoding="utf-8") as file:
        return [
            Statement(
                row["id"], row["level"], int(row["milestone"]), row["title"], row["id"] in outcomes,
                tuple(state(outcomes.get(row["id"], {}), backend) for backend in BACKENDS),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def read_done(suite: Path = SUITE) -> frozenset[int]:
    """Read the milestones all of whose statements must pass."""
    lines = (suite / "done.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(int(text) for line in lines if (text := line.partition("#")[0].strip()))


def _counts(statements: list[Statement]) -> list[int]:
    passing = [sum(s.states[n] == "ok" for s in statements) for n in range(len(BACKENDS))]
    return [
        len(statements), sum(s.tested for s in statements), *passing,
        sum(s.everywhere for s in statements), sum(s.failing for s in statements),
    ]  # fmt: skip


def table(statements: list[Statement]) -> Iterator[str]:
    """Give a line per prefix: statements, tested, passing on each backend and on all, failing."""
    columns = ("statements", "tested", *BACKENDS, "all three", "failing")
    yield f"{'prefix':8}" + "".join(f"{name:>12}" for name in columns)
    for prefix in dict.fromkeys(s.prefix for s in statements):
        group = [s for s in statements if s.prefix == prefix]
        yield f"{prefix:8}" + "".join(f"{count:12}" for count in _counts(group))
    core = [s for s in statements if s.level == "C"]
    yield f"{'core':8}" + "".join(f"{count:12}" for count in _counts(core))


def rows(statements: list[Statement]) -> Iterator[str]:
    """Give a line per statement."""
    header = "".join(f"{name:12}" for name in BACKENDS)
    yield f"{'id':8}{'lvl':5}{'ms':4}{header}title"
    for s in statements:
        states = "".join(f"{text:12}" for text in s.states) if s.tested else f"{'no test':36}"
        yield f"{s.id:8}{s.level:5}{s.milestone:<4}{states}{s.title}"


def listing(title: str, ids: Iterable[str]) -> Iterator[str]:
    """Give the ids as a wrapped paragraph, nothing if there are none."""
    text = " ".join(ids)
    if text:
        yield from textwrap.wrap(f"{title}: {text}", 110, subsequent_indent="  ", break_on_hyphens=False)


def closing(statements: list[Statement]) -> str:
    """Give the last line."""
    total, tested, sqlite, postgresql, mysql, everywhere, failing = _counts(statements)
    return (
        f"{total} statements: {tested} tested; passing sqlite {sqlite}, postgresql {postgresql}"
        f", mysql {mysql}, all three {everywhere}; failing {failing}"
    )


def owed(statements: list[Statement], done: frozenset[int]) -> list[str]:
    """Name the statements of finished milestones that do not pass everywhere."""
    return [s.id for s in statements if s.milestone in done and not s.everywhere]


def run_tests(arguments: list[str]) -> tuple[Outcomes, bool]:
    """Run pytest, its output into a file; give the outcomes and whether nothing went wrong."""
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests",
        "-m",
        "statement",
        "--conformance",
        str(RESULT),
        *arguments,
    ]
    with LOG.open("w", encoding="utf-8") as log:
        status = subprocess.run(
            command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    lines = LOG.read_text(encoding="utf-8").splitlines()
    if status not in {0, 1, 5}:  # passed, some failed, none collected
        print("\n".join(lines[-40:]))
        sys.exit(f"The tests could not be run; the whole output is in {LOG.relative_to(ROOT)}.")
    print(
        "\n".join(line for line in lines if line.startswith(("databases:", "notice:", "FAILED ", "ERROR ")))
    )
    return json.loads(RESULT.read_text(encoding="utf-8")), status != 1


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-v", "--verbose", action="store_true", help="a row per statement")
    parser.add_argument("--from", dest="source", type=Path, help="print the result of an earlier run")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()
    outcomes, clean = (
        (json.loads(options.source.read_text()), True) if options.source else run_tests(options.pytest)
    )
    statements = read_statements(outcomes)
    missing = owed(statements, read_done())
    lines = [
        *(rows(statements) if options.verbose else ()),
        *table(statements),
        *listing("core without a test", (s.id for s in statements if s.level == "C" and not s.tested)),
        *listing("others without a test", (s.id for s in statements if s.level != "C" and not s.tested)),
        *listing(
            "tested, not yet everywhere",
            (s.id for s in statements if s.tested and not s.everywhere and not s.failing),
        ),
        *listing("failing", (s.id for s in statements if s.failing)),
        *listing("of finished milestones, not passing everywhere", missing),
        closing(statements),
    ]
    print("\n".join(lines))
    return int(not clean or bool(missing) or any(s.failing for s in statements))


if __name__ == "__main__":
    sys.exit(main())
