"""The results as a table: of text for the terminal, and of the page in the documentation."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipelines import Pipeline

COLUMNS = ("activate", "declare", "fill", "populate", "query", "delete", "drop")
NAMES = {"mysql": "MariaDB", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
SHOWN_ERRORS = 3
ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "field.txt"
VERSIONS = dict(line.split("==") for line in PINS.read_text().split() if "==" in line)
HEAD = """\
# Published pipelines

`make field` installs the pipelines below from the package index, without the `datajoint` and the heavy packages that they
need, and runs them unchanged on each database. It is no part of `make test`.

| step | what is done |
| --- | --- |
| activate | the modules are imported and their schemas activated, as a workflow of their users does |
| declare | every table has a class, and every class a table |
| fill | random rows that obey the definitions (types, enumerations, references, unique indexes, NULL) are inserted and read back |
| populate | each computed table is populated, parents first; then it gets random rows, for the tables below it |
| query | rows are fetched in each form, restricted by key, by attribute and by query, joined with parents and children, projected, united, aggregated, described, drawn, and found again by virtual modules |
| delete | one row with all that depends on it, then all rows |
| drop | the schemas |

A table that *needs recordings or packages* called its `make`, which then looked for files or for one of the packages that
stand-ins replace. Elements come with the elements that they build upon; their tables are counted, too.

"""  # noqa: E501


@dataclass
class Result:
    """What one run has said."""

    pipeline: Pipeline
    backend: str
    steps: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    stopped: str = ""

    @property
    def applies(self) -> bool:
        """Whether the pipeline runs on this backend at all."""
        return self.backend in self.pipeline.backends

    @property
    def errors(self) -> list[dict[str, str]]:
        """Problems that are not known as faults of the pipeline."""
        return [p for p in self.problems if p["table"] not in self.pipeline.own_faults]

    @property
    def failed(self) -> bool:
        """Whether a step failed."""
        return bool(self.stopped or self.errors)

    @property
    def line(self) -> str:
        """Everything in one line."""
        if not self.applies:
            return f"does not apply: {self.pipeline.remarks}"
        if self.failed:
            return (
                self.stopped
                or f"{len(self.errors)} errors: {self.errors[0]['step']}: {_first(self.errors[0])}"
            )
        return f"ok: {self.steps['declare']}; {self.steps['fill']}; {self.steps['populate']}"

    def cell(self, step: str) -> str:
        """What is said of one step."""
        wrong = [p for p in self.errors if p["step"].partition(":")[0] == step]
        if wrong:
            return f"{len(wrong)} errors"
        said = self.steps.get(step, "-")
        return said if step in ("declare", "fill", "populate") else "ok" if step in self.steps else "-"


def show(results: Iterable[Result]) -> str:
    """Return the errors of all runs, for the terminal."""
    lines: list[str] = []
    for result in results:
        for problem in result.errors[:SHOWN_ERRORS]:
            where = f"{result.pipeline.title}, {NAMES[result.backend]}, {problem['step']}, {problem['table']}"
            lines.append(f"{where}:\n    {problem['error']}")
    return "\n".join(lines)


def now() -> str:
    """Return the commit that is tried, which must be taken before the runs, and the day."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return f"This is the outcome of commit {described.stdout.strip()} on {datetime.now(UTC):%Y-%m-%d}.\n\n"


def page(results: list[Result], when: str) -> str:
    """Return the page of the documentation."""
    header = _row(("pipeline", "version", "database", *COLUMNS))
    rule = _row(["---"] * (3 + len(COLUMNS)))
    return "\n".join([HEAD + when + header, rule, *_rows(results), *_remarks(results)]) + "\n"


def _rows(results: list[Result]) -> Iterator[str]:
    for result in results:
        who = (result.pipeline.title, VERSIONS.get(result.pipeline.package, ""), NAMES[result.backend])
        if result.stopped or not result.applies:
            yield _row((*who, result.line, *[""] * (len(COLUMNS) - 1)))
        else:
            yield _row((*who, *(result.cell(step) for step in COLUMNS)))


def _remarks(results: list[Result]) -> Iterator[str]:
    yield "\n## Remarks\n"
    for pipeline in dict.fromkeys(result.pipeline for result in results):
        if pipeline.remarks:
            yield f"- **{pipeline.title}**: {pipeline.remarks}."


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _first(problem: dict[str, str]) -> str:
    return problem["error"].partition("\n")[0]
