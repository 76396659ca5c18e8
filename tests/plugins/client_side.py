"""What runs in the interpreter of a client: code comes as lines of JSON, its outcome goes back as one.

It needs only the standard library, NumPy and the DataJoint of that interpreter, whichever release it is; the same code
goes to the existing client and to ours, so that their outcomes can be compared.
"""

import datetime as dt
import json
import os
import sys
import traceback
import uuid
from decimal import Decimal

import numpy as np


def plain(value):
    """Return a value as JSON can hold it, so that values of two releases are equal where they mean the same.

    Arrays keep dtype and shape; handles of objects are opened, paths of downloaded files read.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return ["file", _content(value)] if os.path.isabs(value) and os.path.isfile(value) else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ["bytes", bytes(value).hex()]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted(map(str, value))]
    if isinstance(value, (Decimal, uuid.UUID, dt.datetime, dt.date, dt.time, dt.timedelta)):
        return [type(value).__name__, str(value)]
    if isinstance(value, np.generic):
        return plain(value.item())
    return _large(value)


def _large(value):
    if isinstance(value, np.ndarray):
        return ["array", str(value.dtype), list(value.shape), plain(value.tolist())]
    if hasattr(value, "load"):
        return ["npy", plain(value.load())]
    if hasattr(value, "read"):
        return ["object", plain(value.read())]
    return [type(value).__name__, str(value)]


def _content(path):
    with open(path, "rb") as file:
        return file.read().hex()


def outcome(code, scope):
    """Run code; return `{"value": what it left in `result`}` or `{"error": class, "text": …, "trace": …}`."""
    scope["result"] = None
    try:
        exec(code, scope)
        return {"value": plain(scope["result"])}
    except Exception as error:  # noqa: BLE001 - whatever a client raises is an outcome
        return {"error": type(error).__name__, "text": str(error), "trace": traceback.format_exc()}


def main():
    """Answer lines `[name of a scope, code]` until there are no more; a new scope begins as the one named "" is."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    scopes = {"": {"np": np, "dt": dt, "uuid": uuid, "Decimal": Decimal, "os": os, "__name__": "client_code"}}
    for line in sys.stdin:
        name, code = json.loads(line)
        print(json.dumps(outcome(code, scopes.setdefault(name, dict(scopes[""])))), file=answers, flush=True)


if __name__ == "__main__":
    main()
