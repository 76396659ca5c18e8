"""Run one pipeline on one backend in a process of its own; the outcome is written as JSON.

python child.py WORKFLOW RESULT PACKAGE...
"""

import importlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import databases
import steps
from stand_ins import StandIns

HERE = Path(__file__).parent


def main(workflow: str, result: Path, modules: tuple[str, ...]) -> None:
    """Do all steps as far as they go; write after each, so that a time limit leaves what was done."""
    sys.path[1:1] = [str(HERE / "workflows")]
    warnings.simplefilter("ignore")
    StandIns(os.environ.get("FIELD_STAND_INS", "").split()).install()

    run = steps.Run((workflow, *modules))
    outcome: dict[str, Any] = {"steps": {}, "problems": run.problems, "skipped": run.skipped}
    doing = "activate"
    databases.drop_all()  # of a run that was stopped
    try:
        importlib.import_module(workflow)
        outcome["steps"][doing] = "ok"
        for doing, step in steps.STEPS.items():
            outcome["steps"][doing] = step(run)
            result.write_text(json.dumps(outcome))
    except Exception as error:  # noqa: BLE001 - every error is what this run looks for
        run.problem(doing, workflow, error)
        outcome["steps"][doing] = "failed"
    result.write_text(json.dumps(outcome))
    databases.drop_all()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), tuple(sys.argv[3:]))
