"""Run the pipeline: import the photographs, detect blobs, answer the question, write the report.

BACKEND (sqlite, postgresql, mysql) and WORKERS (how many share the keys) come from the environment or the
command line.
"""

import argparse
import os
import sys
from time import perf_counter

import datajoint as dj
from database import BACKENDS, FOLDER, connect, place
from images import CATALOGUE
from pipeline import Image, by_params, schema
from report import write_report
from sharing import share
from stale import show_what_if


def main() -> int:
    """Do what the arguments say and return the exit status."""
    options = read_arguments()
    try:
        run(options.backend, options.workers)
    except KeyboardInterrupt:
        print("\nstopped: what is computed stays, nothing is half done; run again to go on", file=sys.stderr)
        return 130
    except (dj.DataJointError, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def read_arguments() -> argparse.Namespace:
    """Read the command line; the environment gives the defaults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backend", default=os.environ.get("BACKEND") or "sqlite")
    parser.add_argument("--workers", type=int, default=os.environ.get("WORKERS") or "1")
    options = parser.parse_args()
    if options.backend not in BACKENDS:  # `choices` would not look at the environment
        parser.error(f"there is no backend {options.backend!r}, choose from {', '.join(BACKENDS)}")
    return options


def run(backend: str, workers: int) -> None:
    """Do all steps and print what comes of them."""
    connect(backend)
    say("data", place())
    import_images()
    compute(backend, workers)

    print("\nWhich parameters find how many blobs, of what size (radius in pixels)?\n")
    print(by_params())
    print(dj.Diagram(schema))
    show_what_if(backend)
    report = os.path.relpath(write_report(FOLDER, place()))
    print(f"report: {report}\n")
    print_next_steps(backend, report)


def say(subject: str, text: str) -> None:
    """Print one aligned line at once, also into a pipe."""
    print(f"{subject:<11}{text}", flush=True)


def import_images() -> None:
    """Insert the photographs that are missing."""
    there = len(Image())
    Image.insert(CATALOGUE, skip_duplicates=True)
    say("images", f"{len(Image()) - there} new, {there} there")


def compute(backend: str, workers: int = 1) -> None:
    """Compute the rows that are missing, in all tables: a photograph goes on as soon as it is read."""
    before = {table.class_name: table.done for table in schema.progress()}
    start = perf_counter()
    if workers > 1:
        say("workers", f"{workers} processes compute, each for itself …")
        shared = share(backend, workers)
    else:
        schema.populate(display_progress=sys.stderr.isatty())
        shared = ""
    took = perf_counter() - start
    made = 0
    for table in schema.progress():
        computed = table.done - before[table.class_name]
        made += computed
        what = f"{computed} computed" if computed else "nothing to compute"
        say(table.class_name, f"{table.done}/{table.total}  {what}")
    if made:
        say("time", f"{took:.1f} s, {made / took:.1f} rows a second")
    if shared:
        say("workers", shared)


def print_next_steps(backend: str, report: str) -> None:
    """Print three commands that work as they stand."""
    python = os.path.relpath(sys.executable)
    again = "make demo" if backend == "sqlite" else f"make demo BACKEND={backend}"
    other = "make demo BACKEND=postgresql" if backend == "sqlite" else "make demo"
    delete = (
        f"from database import connect; from pipeline import Image; connect('{backend}'); "
        "(Image & {'image': 'moon'}).delete(prompt=False)"
    )
    print(
        "Try next:\n"
        "# look at the report\n"
        f'{python} -m webbrowser -t "file://$PWD/{report}"\n'
        "# delete the Moon: the next run computes what is missing, and nothing else\n"
        f'PYTHONPATH=examples/blob_detection {python} -c "{delete}" && {again}\n'
        "# the same pipeline on another database\n"
        f"{other}"
    )


if __name__ == "__main__":
    sys.exit(main())
