"""Run the pipeline: import the photographs, detect blobs, answer the question, write the report.

BACKEND (sqlite, postgresql, mysql) and WORKERS (processes) come from the environment or the command line.
"""

import argparse
import os
import sys
from time import perf_counter

import datajoint as dj
from database import FOLDER, connect, place
from images import CATALOGUE
from report import write_report

BACKENDS = ("sqlite", "postgresql", "mysql")


def main() -> int:
    """Run what the arguments say and return the exit status."""
    options = read_arguments()
    try:
        run(options.backend, options.workers)
    except KeyboardInterrupt:
        print("\nstopped: what is computed stays, nothing is half done. Run again to go on.", file=sys.stderr)
        return 130
    except dj.DataJointError as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def read_arguments() -> argparse.Namespace:
    """Read the command line; the environment gives the defaults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backend", choices=BACKENDS, default=os.environ.get("BACKEND") or "sqlite")
    parser.add_argument("--workers", type=int, default=os.environ.get("WORKERS") or 1)
    options = parser.parse_args()
    if options.backend not in BACKENDS:
        parser.error(f"BACKEND is {options.backend!r}, choose from {', '.join(BACKENDS)}")
    return options


def run(backend: str, workers: int) -> None:
    """Do all steps and print what comes of them."""
    pipeline = connect(backend)
    say("data", place(backend))
    new, there = insert_images(pipeline.Image)
    say("images", f"{new} new, {there} there")
    for table in (pipeline.Scan, pipeline.Detection):
        say(table.__name__, compute(table, workers))

    print("\nWhich parameters find how many blobs, of what size?\n")
    print_table(pipeline.by_params().to_dicts(order_by="KEY"))
    print()
    print(dj.Diagram(pipeline.schema))
    report = os.path.relpath(write_report(pipeline, FOLDER, place(backend)))
    print(f"\nreport: {report}\n")
    print_next_steps(backend, report)


def say(subject: str, text: str) -> None:
    """Print one aligned line at once, also into a pipe."""
    print(f"{subject:<11}{text}", flush=True)


def insert_images(image) -> tuple[int, int]:
    """Insert the images that are missing and return how many are new and how many were there."""
    there = len(image)
    image.insert(CATALOGUE, skip_duplicates=True)
    return len(image) - there, there


def compute(table, workers: int, *restrictions) -> str:
    """Compute the rows that are missing and say so in a line."""
    missing, total = table.progress(*restrictions)
    if not missing:
        return f"{total}/{total}  nothing to compute"
    start = perf_counter()
    table.populate(*restrictions, processes=workers, display_progress=sys.stdout.isatty())
    left, total = table.progress(*restrictions)
    return f"{total - left}/{total}  {missing - left} computed in {perf_counter() - start:.1f} s"


def print_table(rows: list[dict]) -> None:
    """Print rows as aligned columns, numbers to the right."""
    cells = [[f"{value:.1f}" if isinstance(value, float) else str(value) for value in row.values()] for row in rows]
    table = [list(rows[0]), *cells]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)))


def print_next_steps(backend: str, report: str) -> None:
    """Print three commands that work as they stand."""
    other = "postgresql" if backend == "sqlite" else "sqlite"
    again = "make demo" if backend == "sqlite" else f"make demo BACKEND={backend}"
    delete = f"from database import *; (connect('{backend}').Image & {{'image': 'moon'}}).delete(prompt=False)"
    python = f'PYTHONPATH=examples/blob_detection {os.path.relpath(sys.executable)} -c "{delete}"'
    print("Try next:")
    print(f"  {sys.executable and os.path.relpath(sys.executable)} -m webbrowser -t {report}   # the pictures")
    print(f"  {python}; {again}   # delete the Moon: only what is missing is computed again")
    print(f"  make demo BACKEND={other}   # the same pipeline on another database")


if __name__ == "__main__":
    sys.exit(main())
