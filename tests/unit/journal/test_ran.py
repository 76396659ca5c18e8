"""What ran in a make: functions of the project, whatever led to them, and what their names stand for now."""

import concurrent.futures
import importlib
import linecache
import subprocess
import sys
import threading

import pytest

from datajoint.journal.ran import CHANGED, GONE, SAME, Present, compare, forget, observe
from datajoint.journal.ran.observation import watch
from datajoint.journal.ran.pieces import piece_of
from datajoint.journal.ran.present import recordable
from datajoint.journal.ran.profile import Profile

MODULE = """
import functools, json
from dataclasses import dataclass

REGISTRY = {{}}

def register(function):
    REGISTRY[function.__name__] = function
    return function

@register
def plugged(x):
    return {plugged}

def logged(function):
    def inner(*arguments):
        return function(*arguments)
    return inner

def wrapped(function):
    @functools.wraps(function)
    def inner(*arguments):
        return function(*arguments)
    return inner

@logged
def opaque(x):
    return {opaque}

@wrapped
def clear(x):
    return {clear}

def plain(x):
    return {plain}

double = lambda x: {lambda_}
WAYS = [lambda x: {in_list}]

def nested(x):
    def inner():
        return sum(y + {nested} for y in [x])
    return (lambda: inner())()

def steps(x):
    yield {steps}
    yield x

def often(n):
    for x in range(n):
        plain(x)

@dataclass
class Point:
    x: int

class Kernel:
    def __init__(self):
        self._value = 0

    @property
    def value(self):
        return {value}

    @value.setter
    def value(self, x):
        self._value = {setter}

    def __hidden(self):
        return {hidden}

    def call(self):
        return self.__hidden()

    @staticmethod
    def still(x):
        return {still}
"""
NAMES = ("plugged", "opaque", "clear", "plain", "lambda_", "in_list", "nested", "steps", "value", "setter",
         "hidden", "still")  # fmt: skip


class Table:
    """Stands for what is made."""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    forget(Table)

    def do(load=True, text=MODULE, **edits):
        values = {**dict.fromkeys(NAMES, "x" if not text else 1), **edits}
        (tmp_path / "ran_lab.py").write_text(text.format(**values))
        sys.modules.pop("ran_lab", None)
        importlib.invalidate_caches()
        return importlib.import_module("ran_lab") if load else None

    yield do
    sys.modules.pop("ran_lab", None)


@pytest.fixture
def profile(monkeypatch):
    """Listen as Python 3.11 does."""
    ear = Profile(watch())
    monkeypatch.setattr("datajoint.journal.ran.listen._ear", lambda: ear)
    return ear


def heard(do, of=Table):
    with observe(of) as ran:
        do()
    return {piece.label: piece for piece in (piece_of(*one) for one in ran.codes.values())}


def of_lab(do):
    return {name.removeprefix("ran_lab.") for name in heard(do) if name.startswith("ran_lab.")}


WAYS = {
    "registry": (lambda m: m.REGISTRY["plugged"](1), {"plugged"}),
    "getattr": (lambda m: getattr(m, "pla" + "in")(1), {"plain"}),
    "callback": (lambda m: list(map(m.plain, [1])), {"plain"}),
    "decorator that hides": (lambda m: m.opaque(1), {"logged", "opaque"}),
    "decorator that tells": (lambda m: m.clear(1), {"wrapped", "clear"}),
    "lambda with a name": (lambda m: m.double(1), {"double"}),
    "lambda without a name": (lambda m: m.WAYS[0](1), {"<lambda>"}),
    "nested functions": (lambda m: m.nested(1), {"nested"}),
    "generator": (lambda m: list(m.steps(1)), {"steps"}),
    "property": (lambda m: m.Kernel().value, {"Kernel.__init__", "Kernel.value"}),
    "hidden method": (lambda m: m.Kernel().call(), {"Kernel.__init__", "Kernel.call", "Kernel.__hidden"}),
    "static method": (lambda m: m.Kernel.still(1), {"Kernel.still"}),
    "dataclass": (lambda m: m.Point(1), set()),
    "package": (lambda m: m.json.dumps([1]), set()),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_ran_is_known_whatever_led_to_it(write, way):
    module = write()
    do, expected = WAYS[way]
    assert of_lab(lambda: do(module)) == expected


@pytest.mark.parametrize("way", WAYS)
def test_what_ran_is_present_where_it_was(write, way):
    module = write()
    found = heard(lambda: WAYS[way][0](module))
    told = [Present(*one.told) for one in found.values()]
    assert {compare(one) for one in told} <= {SAME}
    write(load=False)
    assert {compare(one) for one in told} <= {SAME}, "in a process that has not imported it"


@pytest.mark.parametrize("load", [True, False])
@pytest.mark.parametrize(
    ("way", "edit"),
    [("registry", "plugged"), ("decorator that hides", "opaque"), ("decorator that tells", "clear"),
     ("lambda with a name", "lambda_"), ("lambda without a name", "in_list"), ("nested functions", "nested"),
     ("generator", "steps"), ("property", "value"), ("hidden method", "hidden"), ("static method", "still")],
)  # fmt: skip
def test_an_edit_is_a_change(write, way, edit, load):
    module = write()
    found = heard(lambda: WAYS[way][0](module))

    write(load, **{edit: 5})

    changed = {name for name, one in found.items() if compare(Present(*one.told)) != SAME}
    assert len(changed) == 1


def test_a_name_that_is_gone_is_a_change(write):
    module = write()
    found = heard(lambda: module.plain(1))

    write(text="def other(x):\n    return 1\n")

    one = found["ran_lab.plain"]
    assert compare(Present(*one.told)) == GONE


def test_a_function_put_in_the_place_of_another_is_a_change(write):
    module = write()
    one = heard(lambda: module.plain(1))["ran_lab.plain"]

    module.plain = module.nested

    assert compare(Present(*one.told)) == CHANGED


def test_a_generator_that_goes_on_is_heard(write):
    steps = write().steps(1)
    next(steps)
    assert of_lab(lambda: next(steps)) == {"steps"}


def test_threads_of_a_make_are_heard(write):
    module = write()

    def do():
        thread = threading.Thread(target=module.plain, args=(1,))
        thread.start()
        thread.join()

    assert of_lab(do) == {"plain"}


def test_makes_side_by_side_do_not_mix(write):
    module = write()
    both = threading.Barrier(2, timeout=300)

    def make(function):
        with observe(Table) as ran:
            both.wait()
            function(1)
            both.wait()
        return {piece_of(*one).name for one in ran.codes.values()}

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one, other = pool.map(make, [module.plain, module.nested])

    assert [True, False] == ["plain" in one, "nested" in one]
    assert [False, True] == ["plain" in other, "nested" in other]


def test_a_process_that_a_make_starts_makes_it_known_in_part():
    with observe(Table) as ran:
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert any("another process" in note for note in ran.notes)


def test_code_without_a_text_makes_it_known_in_part():
    names = {}
    exec("def hidden(): return 1", names)
    with observe(Table) as ran:
        names["hidden"]()
    assert list(ran.notes) == ["the text of `hidden` is not available"]


def test_a_function_that_is_called_often_is_heard_in_every_make(write):
    module = write()
    for _ in range(3):
        assert of_lab(lambda: module.often(3000)) == {"often", "plain"}
    assert {"ran_lab.often", "ran_lab.plain"} <= heard(lambda: module.often(1), int).keys()


def test_a_quiet_make_is_known_in_whole(write):
    module = write()
    with observe(Table) as ran:
        module.plain(1)
    assert not ran.notes


def test_a_profiler_that_is_set_makes_it_known_in_part(profile):
    def other(frame, event, argument):
        pass

    sys.setprofile(other)
    try:
        with observe(Table) as ran:
            pass
        kept = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert kept is other
    assert list(ran.notes) == ["another profiler is set"]


def test_an_older_thread_makes_it_known_in_part(write, profile):
    module = write()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(module.plain, 1).result()
        with observe(Table) as ran:
            pool.submit(module.plain, 1).result()
    assert list(ran.notes) == ["threads older than the make may have run code for it"]


def test_makes_that_are_not_listened_to_run_what_the_others_have_run(write, profile):
    module = write()
    for _ in range(5):
        assert of_lab(lambda: module.plain(1)) == {"plain"}
    forget(Table)
    assert of_lab(lambda: module.nested(1)) == {"nested"}


def test_the_present_definition_of_a_notebook_counts(monkeypatch):
    main = sys.modules["__main__"]
    cells = iter(range(9))

    def run(text):
        file = f"<ipython-input-{next(cells)}-test>"
        monkeypatch.setitem(linecache.cache, file, (len(text), None, text.splitlines(keepends=True), file))
        exec(compile(text, file, "exec"), vars(main))

    monkeypatch.setattr(main, "ran_in_cell", None, raising=False)
    run("def ran_in_cell(x):\n    return 1\n")
    one = heard(lambda: main.ran_in_cell(1))["__main__.ran_in_cell"]
    told = Present(*one.told)
    assert compare(told) == SAME

    run("# the same\ndef ran_in_cell(x): return 1  # now")
    assert compare(told) == SAME

    run("def ran_in_cell(x):\n    return 2\n")
    assert compare(told) == CHANGED


def test_an_edited_file_does_not_change_what_has_been_loaded(write, tmp_path):
    module = write()
    (tmp_path / "ran_lab.py").write_text(MODULE.format(**{**dict.fromkeys(NAMES, 1), "plain": 7}))
    one = heard(lambda: module.plain(1))["ran_lab.plain"]
    told = Present(*one.told)
    assert compare(told) == SAME
    sys.modules.pop("ran_lab")
    assert compare(told) == CHANGED


def test_a_function_that_was_wrapped_after_its_definition_is_compared_by_its_text(write):
    text = "def keep(x): return x\ndef plain(x):\n    return {plain}\ndef around(f):\n    return lambda x: f(x)\n"
    module = write(text=text + "plain = around(plain)\n")
    one = heard(lambda: module.plain(1))["ran_lab.plain"]
    told = recordable(*one.told)

    assert [SAME, "text"] == [compare(told), told.how]
    write(text=text + "plain = around(plain)\n", plain=5)
    assert compare(told) == CHANGED


def test_what_no_name_leads_to_is_not_recorded(write):
    module = write()
    one = heard(lambda: module.plain(1))["ran_lab.plain"]
    assert recordable("a_module_loaded_from_a_path", *one.told[1:]) is None
