"""Text is parsed the same whatever other threads parse meanwhile."""

import ast
import gc
import queue
import sys
import threading

from datajoint._syntax import parse

TEXT = "\n".join(f"def f{n}(x):\n    return [x + {n}, {{x: {n}}}]" for n in range(60))
MOST = 40
"""So often another thread parses in the midst of the first attempt, and no more of those that follow."""


def inside_of_parse():
    """Whether the garbage collector runs while this thread builds a tree."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename == ast.__file__ and frame.f_code.co_name == "parse"


def test_another_thread_that_parses_in_the_midst_of_it(monkeypatch):
    asked, answered, times = queue.SimpleQueue(), queue.SimpleQueue(), []
    here = threading.get_ident()

    def parse_apart():
        while asked.get():
            ast.parse("1 + 1")
            answered.put(True)

    def collecting(phase, _):
        if phase == "start" and threading.get_ident() == here and len(times) < MOST and inside_of_parse():
            times.append(phase)
            asked.put(True)
            answered.get(timeout=300)

    apart = threading.Thread(target=parse_apart)
    apart.start()
    before = gc.get_threshold()
    gc.callbacks.append(collecting)
    gc.set_threshold(20, 1000, 1000)
    try:
        found = parse(TEXT)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(collecting)
        asked.put(False)
        apart.join()

    assert times
    assert [node.name for node in found.body] == [f"f{n}" for n in range(60)]
