"""What becomes stale when a parameter or a line of code changes, and why; both are taken back."""

import subprocess
import sys
import tempfile
from pathlib import Path

import datajoint as dj
from pipeline import Detection, DetectionParams

HERE = Path(__file__).parent
PARAMS, THRESHOLD = "dog", 0.13
LINE, EDITED = "overlap=0.3", "overlap=0.5"
ASK = "import sys; from database import connect; connect(sys.argv[1]); import stale; print(stale.told())"


def show_what_if(backend: str) -> None:
    """Change a parameter, then a line of code in a copy, and print what is stale."""
    before = (DetectionParams & {"params": PARAMS}).fetch1("threshold")
    with dj.config.override(loglevel="WARNING"):
        DetectionParams.update1({"params": PARAMS, "threshold": THRESHOLD})
        changed = told()
        DetectionParams.update1({"params": PARAMS, "threshold": before})
    print("What would no longer hold, if …\n")
    say(f"threshold of {PARAMS!r}: {before} → {THRESHOLD}", changed)
    say("set back", told())
    say(f"a line of blobs.py: {LINE} → {EDITED}", told_by_edited_copy(backend))
    print()


def say(change: str, stale: str) -> None:
    """Print one line."""
    print(f"{change:<46}{stale}", flush=True)


def told() -> str:
    """Return how many detections are stale, and why the first one is."""
    report = Detection.stale()
    rows = report.reasons()
    if not rows:
        return f"all {len(Detection())} detections are fresh"
    return f"{len(rows)} of {len(Detection())} detections are {rows[0].state}: {rows[0].reasons[0]}"


def told_by_edited_copy(backend: str) -> str:
    """Ask another process, which finds a copy of blobs.py with one line edited."""
    text = (HERE / "blobs.py").read_text(encoding="utf-8").replace(LINE, EDITED)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "blobs.py").write_text(text, encoding="utf-8")
        search = f"import sys; sys.path[:0] = [{folder!r}, {str(HERE)!r}]"
        command = [sys.executable, "-c", f"{search}; {ASK}", backend]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()
