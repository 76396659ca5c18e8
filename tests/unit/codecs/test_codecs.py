"""Codecs register themselves, are found by name, and chain down to a core type."""

import functools
import importlib.metadata
import subprocess
import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest

from datajoint.codecs import Codec, CodecContext, chain, get_codec, list_codecs, resolve
from datajoint.codecs.base import CODECS
from datajoint.errors import CodecError, UnknownCodecError, UnknownTypeError


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    """Codecs of a test are forgotten after it; no package is installed."""
    monkeypatch.setattr(CODECS, "_items", dict(CODECS._items))
    monkeypatch.setattr(CODECS, "_own", dict(CODECS._own))
    monkeypatch.setattr(CODECS, "_waiting", [])
    monkeypatch.setattr(CODECS, "_broken", {})


def made(called, dtype="bytes", **members):
    """Make a codec that stores text as its bytes."""
    body = {
        "name": called,
        "get_dtype": lambda self, is_store: dtype,
        "encode": lambda self, value: value,
        "decode": lambda self, stored: stored,
        **members,
    }
    return type(called.title(), (Codec,), body)


def test_a_subclass_is_registered_at_once():
    kind = made("graph_1")
    assert kind is type(get_codec("graph_1"))
    assert "graph_1" in list_codecs()


def test_an_abstract_base_is_not_registered():
    class Base(Codec, register=False):
        name = "base_1"

    class Child(Base):
        name = "child_1"

    assert "base_1" not in list_codecs()
    assert Child is type(get_codec("child_1"))


def test_a_class_without_a_name_is_not_registered():
    before = list_codecs()

    class Nameless(Codec):
        pass

    assert before == list_codecs()
    with pytest.raises(NotImplementedError, match="Nameless"):
        Nameless().get_dtype(is_store=False)


def test_a_second_codec_of_a_name_is_refused():
    made("twice")
    with pytest.raises(CodecError, match=r"Codec <twice> is already registered by .*Twice"):
        made("twice", dtype="json")
    with pytest.raises(CodecError, match="Codec <blob> is already registered"):
        made("blob")
    assert "bytes" == get_codec("blob").get_dtype(is_store=False)


def test_a_cell_that_is_run_again_replaces_its_codec(monkeypatch):
    source = (
        "class Again(Codec):\n    name = 'again'\n    def get_dtype(self, is_store):\n        return {0!r}\n"
    )
    notebook = ModuleType("notebook_1")
    notebook.Codec = Codec
    monkeypatch.setitem(sys.modules, "notebook_1", notebook)
    for dtype in ("bytes", "json"):
        exec(source.format(dtype), vars(notebook))
    assert "json" == resolve("again").storage


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a-b", "a b", "é", "<a>", "a@b", 5])
def test_names_that_cannot_be_written_in_a_definition(name):
    with pytest.raises(CodecError, match="cannot be a codec called"):
        type("Bad", (Codec,), {"name": name})


@pytest.mark.parametrize("name", ["blob", "<blob>", "blob@main", "<blob@main>", "<blob@>", "< blob >"])
def test_brackets_and_stores_are_ignored(name):
    assert "blob" == get_codec(name).name


def test_an_unknown_codec_is_named():
    with pytest.raises(UnknownCodecError, match="Codec <blop> is not registered") as caught:
        get_codec("blop")
    assert "Did you mean `blob`?" in caught.value.hint
    for resolved in (lambda: resolve("blop"), lambda: resolve("blop", "main")):
        with pytest.raises(UnknownCodecError, match="Codec <blop> is not registered"):
            resolved()


def test_blob_in_the_table_and_in_a_store():
    assert "bytes" == resolve("blob").storage
    assert "<hash>" == get_codec("blob").get_dtype(is_store=True)
    assert "json" == resolve("blob", "main").storage


def installed(monkeypatch, *entries):
    monkeypatch.setattr(CODECS, "_waiting", None)

    def entry_points(*, group):
        return [entry for entry in entries if entry.group == group]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def entry(name, load, group="datajoint.codecs"):
    return SimpleNamespace(name=name, group=group, load=load, dist=SimpleNamespace(name="pack", version="3"))


@pytest.mark.parametrize("group", ["datajoint.codecs", "datajoint.types"])
def test_packages_contribute_codecs(monkeypatch, group):
    installed(monkeypatch, entry("installed_1", partial(made, "installed_1"), group))
    assert "installed_1" == get_codec("installed_1").name
    assert "installed_1" in list_codecs()


def test_packages_may_give_an_instance_or_another_name(monkeypatch):
    def instance():
        kind = made("real")
        return kind()

    installed(monkeypatch, entry("alias", instance), entry("number", lambda: 5))
    with pytest.warns(UserWarning, match="5 is no subclass of datajoint.Codec"):
        assert "real" == get_codec("real").name
    with pytest.raises(UnknownCodecError, match="Codec <number> is not registered") as caught:
        get_codec("number")
    assert "package pack 3" in caught.value.hint


# chains


class Recorder:
    """Codecs that write down what they receive."""

    def __init__(self):
        self.calls = []

    def codec(self, called, dtype, options="key context store_name"):
        calls = self.calls
        space = {"calls": calls}
        given = "{" + ", ".join(f"{option!r}: {option}" for option in options.split()) + "}"
        keywords = "".join(f", {option}=None" for option in options.split())
        back = keywords.replace(", store_name=None", "")
        exec(
            f"def encode(self, value{', *' if keywords else ''}{keywords}):\n"
            f"    calls.append(('encode', self.name, value, {given}))\n    return value + '>'\n"
            f"def decode(self, stored{', *' if back else ''}{back}):\n"
            f"    calls.append(('decode', self.name, stored))\n    return stored[:-1]\n",
            space,
        )
        return made(called, dtype, encode=space["encode"], decode=space["decode"])


def test_a_chain_encodes_outside_in_and_decodes_inside_out():
    record = Recorder()
    record.codec("outer_1", "<inner_1>")
    record.codec("inner_1", "varchar(20)")
    links = resolve("outer_1")
    assert "varchar(20)" == links.storage
    assert "x>>" == links.encode("x")
    assert "x" == links.decode("x>>")
    assert [
        ("encode", "outer_1", "x"),
        ("encode", "inner_1", "x>"),
        ("decode", "inner_1", "x>>"),
        ("decode", "outer_1", "x>"),
    ] == [call[:3] for call in record.calls]


@pytest.mark.parametrize(
    ("store", "dtype", "expected"),
    [
        (None, "<inner_2>", [None, None]),
        ("", "<inner_2>", ["", ""]),
        ("main", "<inner_2>", ["main", "main"]),
        ("main", "<inner_2@other>", ["main", "other"]),
        (None, "<inner_2@other>", [None, "other"]),
        ("main", "<inner_2@>", ["main", ""]),
    ],
)
def test_the_store_passes_inward(store, dtype, expected):
    record = Recorder()
    record.codec("outer_2", dtype)
    record.codec("inner_2", "json")
    resolve("outer_2", store).encode("x")
    assert expected == [call[3]["store_name"] for call in record.calls]


def test_get_dtype_is_told_whether_there_is_a_store():
    made("where_1", get_dtype=lambda self, is_store: "json" if is_store else "bytes")
    assert ["bytes", "json", "json"] == [resolve("where_1", store).storage for store in (None, "", "main")]


def test_a_cycle_is_refused_by_name():
    made("round_a", "<round_b>")
    made("round_b", "<round_c@>")
    made("round_c", "<round_a>")
    with pytest.raises(CodecError, match="<round_a> → <round_b> → <round_c> → <round_a> never come"):
        resolve("round_a")


def test_a_wrong_dtype_names_the_codec():
    made("odd_1", "no such type")
    with pytest.raises(UnknownTypeError, match="get_dtype of the codec <odd_1>"):
        resolve("odd_1")


@pytest.mark.parametrize(
    "options", ["", "key", "context", "store_name", "key store_name", "key context store_name"]
)
def test_only_declared_arguments_are_given(options):
    record = Recorder()
    record.codec("opt_1", "json", options)
    context = CodecContext("lab", "session", "image", {"a": 1})
    links = resolve("opt_1", "main")
    assert "x" == links.decode(
        links.encode("x", key={"id": 5}, context=context), key={"id": 5}, context=context
    )
    given = record.calls[0][3]
    key = {"_schema": "lab", "_table": "session", "_field": "image", "_config": {"a": 1}, "id": 5}
    expected = {"key": key, "context": context, "store_name": "main"}
    assert {option: expected[option] for option in options.split()} == given


def test_a_codec_that_takes_anything_gets_everything():
    seen = []
    made("any_1", encode=lambda self, value, **given: seen.append(given))
    resolve("any_1", "main").encode("x", key={"id": 1})
    assert {"key", "context", "store_name"} == set(seen[0])


def test_a_decorated_method_is_looked_through():
    def logged(method):
        @functools.wraps(method)
        def wrapper(*args, **kwargs):
            return method(*args, **kwargs)

        return wrapper

    made("logged_1", encode=logged(lambda self, value, *, key: key["id"]))
    assert 7 == resolve("logged_1").encode("x", key={"id": 7})


def test_signatures_are_read_once(monkeypatch):
    record = Recorder()
    record.codec("once_1", "json")
    links = resolve("once_1")
    monkeypatch.setattr(chain, "_options", None)
    monkeypatch.setattr(chain, "get_codec", None)
    assert "x>" == links.encode("x")


def test_validate_comes_first_and_its_error_reaches_the_user():
    def validate(self, value):
        if value != "good":
            raise ValueError("only good values")

    made("strict_1", validate=validate)
    links = resolve("strict_1")
    assert "good" == links.encode("good")
    for refuse in (links.encode, links.validate):
        with pytest.raises(ValueError, match="only good values"):
            refuse("bad")
    links.validate("good")


def test_functions_for_whole_columns():
    made("plain_1", "<blob>")
    made("keyed_1", "<blob>", decode=lambda self, stored, *, key: (stored, key["id"]))
    stored = resolve("plain_1").encode([1])
    assert [1] == resolve("blob").plain_decode(stored) == resolve("plain_1").plain_decode(stored)
    keyed = resolve("keyed_1")
    assert keyed.plain_decode is None
    assert keyed.wants_key
    assert not resolve("plain_1").wants_key
    assert ([1], 3) == keyed.decode(stored, key={"id": 3})


def test_the_format_of_blobs_is_loaded_when_a_blob_is_met():
    code = (
        "import sys; from datajoint.codecs import list_codecs, resolve; assert 'blob' in list_codecs();"
        "assert 'datajoint.codecs.blob' not in sys.modules; resolve('blob');"
        "assert 'datajoint.codecs.blob' in sys.modules;"
        "from datajoint.codecs.builtin.attach import AttachCodec; assert resolve('attach').storage == 'bytes'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_a_codec_of_ours_is_not_replaced_before_it_is_loaded():
    code = (
        "from datajoint.codecs import Codec; from datajoint.errors import CodecError\n"
        "try:\n    type('Blob', (Codec,), {'name': 'blob'})\nexcept CodecError:\n    pass\n"
        "else:\n    raise SystemExit('accepted')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
