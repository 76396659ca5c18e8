"""Run published pipelines on each backend, each in a process of its own, and write the table of results.

    python tools/field/main.py [--only NAME] [--backend NAME] [--page docs/field.md]

Needs build/field/venv, which `make field` makes. Ends with status 1 if a step failed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any
from zlib import crc32

from databases import settings
from pipelines import BACKENDS, PIPELINES, Pipeline
from table import Result, now, show, write_page

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "field"
PYTHON = BUILD / "venv" / "bin" / "python"
CHILD = Path(__file__).with_name("child.py")
LIMIT = 3600
AT_ONCE = 2
RUNS = [(pipeline, backend) for pipeline in PIPELINES for backend in BACKENDS]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def main() -> int:
    """Run what the arguments name and return the exit status."""
    options = read_arguments()
    runs = [run for run in RUNS if options.only in run[0].title and run[1] in (options.backend or run[1])]
    when = now()
    results: list[Result] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in as_completed([pool.submit(run_one, run, when) for run in runs]):
            results.append(done.result())
            if options.page:  # after each: what is interrupted keeps what was done
                write_page(Path(options.page), results, RUNS)
    print(show(results))
    return int(any(result.failed for result in results))


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="part of the name of a pipeline")
    parser.add_argument("--backend", choices=BACKENDS)
    parser.add_argument("--page", help="file with the table of all runs, whose rows are replaced")
    return parser.parse_args()


def run_one(run: tuple[Pipeline, str], when: tuple[str, str]) -> Result:
    """Run all steps of a pipeline on a backend, and print how it went."""
    pipeline, backend = run
    applies = backend in pipeline.backends
    result = Result(pipeline, backend, when=when, **(_outcome(pipeline, backend) if applies else {}))
    print(f"{result.pipeline.title:45} {result.backend:11} {result.line}", flush=True)
    return result


def _outcome(pipeline: Pipeline, backend: str) -> dict[str, Any]:
    folder = BUILD / "runs" / f"{pipeline.workflow}_{pipeline.variant or 'all'}_{backend}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result, log = folder / "result.json", folder / "log.txt"
    environment = _environment(pipeline, backend, folder)
    command = [str(PYTHON), str(CHILD), pipeline.workflow, str(result), *pipeline.modules]
    with log.open("w") as output:
        try:
            subprocess.run(
                command, env=environment, cwd=folder, stdout=output, stderr=output,
                timeout=LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"stopped": f"not done after {LIMIT} s"}
    if not result.exists():
        return {"stopped": f"ended without a result, see {log.relative_to(ROOT)}"}
    return json.loads(result.read_text())


def _environment(pipeline: Pipeline, backend: str, folder: Path) -> dict[str, str]:
    """Settings of the process; the prefix of its databases belongs to this checkout and run."""
    prefix = f"f{crc32(str(ROOT).encode()) % 1000}x{RUNS.index((pipeline, backend))}x"
    return {
        **{name: value for name, value in os.environ.items() if name in KEPT},
        **settings(backend, folder, prefix),
        "FIELD_STAND_INS": " ".join(pipeline.stand_ins),
        "FIELD_VARIANT": pipeline.variant,
    }


if __name__ == "__main__":
    sys.exit(main())
