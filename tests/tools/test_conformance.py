"""The judgement of statements from the outcomes of their tests."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("conformance", ROOT / "tools" / "conformance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def suite(tmp_path):
    rows = ["id,level,milestone,title", "QRY-1,C,2,one", "QRY-2,C,2,two", "POP-1,E,3,three", "POP-2,E,3,four"]
    (tmp_path / "statements.csv").write_text("\n".join(rows))
    (tmp_path / "done.txt").write_text("# finished\n2  # the language\n")
    return tmp_path


OUTCOMES = {
    "QRY-1": {
        "sqlite": {"a": "passed", "b": "passed"},
        "postgresql": {"a": "passed", "b": "failed"},
        "mysql": {"a": "skipped"},
    },
    "QRY-2": {"any": {"c": "passed"}},
    "POP-1": {"sqlite": {"d": "passed"}, "any": {"e": "failed"}},
}


def test_a_statement_passes_where_all_its_tests_ran_and_passed(tool, suite):
    states = {s.id: s.states for s in tool.read_statements(OUTCOMES, suite)}
    expected = {
        "QRY-1": ("ok", "FAIL", "-"),
        "QRY-2": ("ok", "ok", "ok"),
        "POP-1": ("FAIL", "FAIL", "FAIL"),
        "POP-2": ("-", "-", "-"),
    }
    assert expected == states


def test_closing_line(tool, suite):
    statements = tool.read_statements(OUTCOMES, suite)
    expected = "4 statements: 3 tested; passing sqlite 2, postgresql 1, mysql 1, all three 1; failing 2"
    assert expected == tool.closing(statements)


def test_statements_of_finished_milestones_are_owed(tool, suite):
    assert ["QRY-1"] == tool.owed(tool.read_statements(OUTCOMES, suite), tool.read_done(suite))


def test_table_has_a_line_per_prefix_and_one_for_the_core(tool, suite):
    lines = [line.split() for line in tool.table(tool.read_statements(OUTCOMES, suite))]
    assert ["QRY", "2", "2", "2", "1", "1", "1", "1"] == lines[1]
    assert ["POP", "2", "1", "0", "0", "0", "0", "1"] == lines[2]
    assert ["core", "2", "2", "2", "1", "1", "1", "1"] == lines[3]


def test_the_list_has_the_whole_language():
    text = (ROOT / "tests" / "conformance" / "statements.csv").read_text(encoding="utf-8")
    ids = [line.split(",")[0] for line in text.splitlines()[1:]]
    assert 412 == len(ids) == len(set(ids))
