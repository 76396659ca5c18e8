import pytest

from datajoint.declare.parse import parse_reference
from datajoint.errors import DefinitionSyntaxError, ForeignKeyTargetError


@pytest.mark.statement("FK-2", "FK-3")
@pytest.mark.parametrize(
    ("text", "path", "renames"),
    [
        ("Subject", "Subject", ()),
        ("master", "master", ()),
        ("lab.Subject", "lab.Subject", ()),
        ("Scan.Cell", "Scan.Cell", ()),
        ("self.source", "self.source", ()),
        ("self().source", "self.source", ()),
        ("Subject()", "Subject", ()),
        ("Subject.proj()", "Subject", ()),
        ("Subject.proj(**{'class': 'b'}, x='y')", "Subject", (("class", "b"), ("x", "y"))),
        ("Subject.proj(a='b')", "Subject", (("a", "b"),)),
        ("lab.Subject().proj(a = \"b\", c='d')", "lab.Subject", (("a", "b"), ("c", "d"))),
        ("A.proj('x')", "A", (("x", "x"),)),
        ("A.proj('x', b='y')", "A", (("x", "x"), ("b", "y"))),
    ],
)
def test_a_reference_names_a_table_or_its_rename(text, path, renames):
    reference = parse_reference(text)
    assert (path, renames, text) == (reference.path, reference.renames, reference.text)


@pytest.mark.statement("FK-3")
@pytest.mark.parametrize(
    "text",
    [
        "A & 'x=1'",
        "A * B",
        "A - B",
        "A.proj('-x')",
        "A.proj('2*x')",
        "A.proj(x)",
        "A.proj(...)",
        "A.proj(x='2*y')",
        "A.proj(x='(y)')",
        "A.proj(**names)",
        "A.proj(**{x: 'y'})",
        "A.proj(**{1: 'y'})",
        "A.proj(**{**x})",
        "A.proj(x=y)",
        "A.proj(x='y').proj(z='x')",
        "A.fetch(1)",
        "f('x')",
        "A[0]",
        "'A'",
        "A.proj(x='y', z='y')",
    ],
)
def test_other_expressions_are_refused(text):
    with pytest.raises(ForeignKeyTargetError, match=r"A|f\("):
        parse_reference(text)


@pytest.mark.parametrize("text", ["", "A B", "A.", "A(", "-> A", "A.proj(X='x')", "\0"])
def test_what_is_no_python_is_a_syntax_error(text):
    with pytest.raises(DefinitionSyntaxError):
        parse_reference(text)


def test_nothing_is_evaluated(monkeypatch):
    monkeypatch.setattr("builtins.eval", None)
    assert "print" == parse_reference("print()").path
