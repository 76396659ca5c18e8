"""The results as a table: of text for the terminal, and of the page in the documentation."""

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipelines import Pipeline

COLUMNS = ("activate", "declare", "fill", "populate", "query", "delete", "drop")
NAMES = {"mysql": "MariaDB", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
SHOWN_ERRORS = 3
ROOT = Path(__file__).resolve().parents[2]
TRIED = ("src", "tools/field", "requirements", "pyproject.toml")
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
stand-ins replace. Elements come with the elements that they build upon; their tables are counted, too. Each row is the
last run of a pipeline on a database, and names the commit and the day.

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
    when: tuple[str, str] = ("", "")

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


def now() -> tuple[str, str]:
    """Return the commit that is tried, which must be taken before the runs, and the day."""
    commit, changed = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--", *TRIED)
    return f"{commit}-dirty" if changed else commit, f"{datetime.now(UTC):%Y-%m-%d}"


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def write_page(path: Path, results: Iterable[Result], runs: Sequence[tuple[Pipeline, str]]) -> None:
    """Write the page of the documentation; what was not run now keeps its row."""
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = {_who(line): line for line in before if line.startswith("|")}
    rows.update({_who(line): line for line in map(_line, results)})
    header = _row(("pipeline", "version", "database", *COLUMNS, "commit", "day"))
    rule = _row(["---"] * (5 + len(COLUMNS)))
    wanted = [(pipeline.title, NAMES[backend]) for pipeline, backend in runs]
    lines = [HEAD + header, rule, *(rows[who] for who in wanted if who in rows), *_remarks(runs)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _who(line: str) -> tuple[str, str]:
    """Return the pipeline and the database of a row."""
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[3] if len(cells) > 3 else ""


def _line(result: Result) -> str:
    who = (result.pipeline.title, VERSIONS.get(result.pipeline.package, ""), NAMES[result.backend])
    if result.stopped or not result.applies:
        return _row((*who, result.line, *[""] * (len(COLUMNS) - 1), *result.when))
    return _row((*who, *(result.cell(step) for step in COLUMNS), *result.when))


def _remarks(runs: Iterable[tuple[Pipeline, str]]) -> Iterator[str]:
    yield "\n## Remarks\n"
    for pipeline in dict.fromkeys(pipeline for pipeline, _ in runs):
        if pipeline.remarks:
            yield f"- **{pipeline.title}**: {pipeline.remarks}."


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _first(problem: dict[str, str]) -> str:
    return problem["error"].partition("\n")[0]
