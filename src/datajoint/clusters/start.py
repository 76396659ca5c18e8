"""Entry point of a worker in a cluster: ``python -m datajoint.clusters.start module:Class …``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from datajoint.make.target import import_class
from datajoint.workers.worker import Worker

__all__ = ["main"]

_END = "--until-done"


def main(arguments: Sequence[str]) -> int:
    """Run a worker for the tables in the arguments; return the number of computed keys."""
    paths = [argument.partition(":") for argument in arguments if argument != _END]
    classes = [import_class(module, qualname) for module, _, qualname in paths]
    return Worker(*classes).run(until_done=_END in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
