import pytest

from datajoint._value import replace
from datajoint.declare.parse import parse
from datajoint.declare.resolve import check_key_origin, check_names, resolve, with_event
from datajoint.declare.spec import Index
from datajoint.errors import DeclarationError, ForeignKeyTargetError
from datajoint.heading.attribute import Default
from datajoint.heading.names import TableName


@pytest.fixture
def refusal(declared):
    def refusal(text: str, kind: type[Exception] = DeclarationError) -> str:
        with pytest.raises(DeclarationError) as caught:
            declared(text)
        assert kind is type(caught.value)
        return str(caught.value)

    return refusal


def columns(spec):
    return [a.name for a in spec.attributes]


@pytest.mark.statement("FK-1", "DEF-24")
def test_a_reference_brings_the_key_of_the_parent(declared):
    spec = declared("a : int32\n-> Trial\n---\nb : int32\n-> Sex\nc : int32")
    assert ["a", "subject", "session", "trial", "b", "sex", "c"] == columns(spec)
    assert ("a", "subject", "session", "trial") == spec.primary_key
    assert [True, False] == [fk.in_key for fk in spec.foreign_keys]
    subject = spec.attribute("subject")
    assert ("int32", "number of the animal", None, False) == (
        subject.type, subject.comment, subject.default, subject.nullable,
    )  # fmt: skip


@pytest.mark.statement("LIN-1", "FK-17")
def test_lineage_is_that_of_the_first_table(declared):
    spec = declared("own : int32\n-> Trial\n---\n-> Trial.proj(s='subject', n='trial')\nx : int32")
    assert {
        "own": "lab.child.own", "subject": "lab.subject.subject", "session": "lab._session.session",
        "trial": "lab.trial.trial", "s": "lab.subject.subject", "n": "lab.trial.trial", "x": None,
    } == {a.name: a.lineage for a in spec.attributes}  # fmt: skip


@pytest.mark.statement("LIN-1")
def test_a_parent_without_lineage_gives_its_own_name(tables):
    sex = tables["Sex"]
    bare = replace(sex, attributes=(replace(sex.attributes[0], lineage=None),))
    spec = resolve(parse("-> Sex"), TableName("lab", "child"), lambda _: bare)
    assert "lab.#sex.sex" == spec.attribute("sex").lineage


@pytest.mark.statement("FK-7")
def test_a_nullable_reference(declared):
    spec = declared("a : int32\n---\n-> [nullable] Trial")
    null = Default("null", None, "null")
    assert {(True, null)} == {(a.nullable, a.default) for a in spec.attributes[1:]}
    assert (True, False) == (spec.foreign_keys[0].nullable, spec.foreign_keys[0].in_key)


@pytest.mark.statement("FK-8")
def test_a_unique_reference_is_no_index_of_its_own(declared):
    spec = declared("-> [unique] Sex\na : int32\n---\n-> [unique, nullable] Sex.proj(other='sex')")
    assert [(True, False), (True, True)] == [(fk.unique, fk.nullable) for fk in spec.foreign_keys]
    assert () == spec.indexes
    assert {
        ("sex",): {"unique": True, "nullable": False},
        ("other",): {"unique": True, "nullable": True},
    } == (spec.heading().indexes)


@pytest.mark.statement("FK-10")
def test_two_references_to_one_parent(declared):
    spec = declared("-> Sex.proj(one='sex')\n-> Sex.proj(two='sex')")
    assert [{"one": "sex"}, {"two": "sex"}] == [fk.renames for fk in spec.foreign_keys]
    assert ("one", "two") == spec.primary_key


@pytest.mark.statement("FK-11")
def test_a_partial_rename_and_a_shared_column(declared):
    spec = declared("-> Trial\n---\n-> [nullable] Trial.proj(next='trial')")
    assert ["subject", "session", "trial", "next"] == columns(spec)
    first, second = spec.foreign_keys
    assert ("subject", "session", "next") == second.columns
    assert ("subject", "session", "trial") == second.parent_columns
    assert (True, False) == (first.in_key, second.in_key)
    assert second.nullable
    assert not spec.attribute("subject").nullable


@pytest.mark.statement("FK-11", "FK-17")
def test_an_attribute_declared_before_becomes_part_of_the_reference(declared):
    spec = declared("subject : int32 # mine\n---\n-> Subject")
    assert ["subject"] == columns(spec)
    subject = spec.attribute("subject")
    assert ("mine", "lab.subject.subject") == (subject.comment, subject.lineage)
    assert spec.foreign_keys[0].in_key


@pytest.mark.statement("FK-12")
def test_a_self_reference(declared):
    spec = declared("a : int32\nb : int16\n---\n-> [nullable] Self.proj(parent='a', b2='b')")
    (fk,) = spec.foreign_keys
    assert (spec.name, ("parent", "b2"), ("a", "b")) == (fk.parent, fk.columns, fk.parent_columns)
    assert "lab.child.a" == spec.attribute("parent").lineage
    assert ["int32", "int16"] == [spec.attribute(name).type for name in fk.columns]


@pytest.mark.statement("FK-12")
def test_a_specification_of_the_table_itself_is_a_self_reference(declared):
    old = declared("a : int16")
    spec = resolve(parse("a : int32\n---\n-> Child.proj(parent='a')"), old.name, lambda _: old)
    assert "int32" == spec.attribute("parent").type


@pytest.mark.statement("FK-12")
def test_a_self_reference_needs_a_rename_below_the_line(refusal):
    assert "through a rename" in refusal("a : int32\n---\n-> Self", ForeignKeyTargetError)
    assert "below the line" in refusal("a : int32\n-> Self.proj(b='a')", ForeignKeyTargetError)


@pytest.mark.statement("FK-4")
def test_a_reference_that_names_nothing_is_refused_with_its_line(refusal):
    message = refusal("a : int32\n-> Nowhere\n---\nx : json\n-> Nobody", ForeignKeyTargetError)
    assert "in line 2 of `Child`:\n  -> Nowhere\n  ^ `Nowhere` names no table" in message
    assert "in line 5 of `Child`" in message


@pytest.mark.statement("FK-3", "FK-11")
def test_only_the_key_can_be_renamed(refusal):
    assert "`weight` is not in the primary key of `Subject`: subject" in refusal(
        "-> Subject.proj(w='weight')", ForeignKeyTargetError
    )
    assert "Did you mean `trial`?" in refusal("-> Trial.proj(t='trail')", ForeignKeyTargetError)
    assert "`trial` would stand for two" in refusal("-> Trial.proj(trial='session')")


@pytest.mark.statement("DEF-21")
def test_an_attribute_of_a_reference_is_not_added_again(declared, refusal):
    assert ["subject"] == columns(declared("-> Subject\nsubject : int32"))
    assert "`subject` already, as `int32`, not `int16`" in refusal("-> Subject\nsubject : int16")
    assert "without default" in refusal("-> Subject\nsubject = 3 : int32")
    assert "`Subject` has `int32`" in refusal("subject : varchar(3)\n-> Subject")


@pytest.mark.statement("DEF-22")
@pytest.mark.parametrize("text", ["---", "---\na : int32", "---\n-> Subject"])
def test_no_key_makes_a_singleton(declared, text):
    spec = declared(text)
    (hidden,) = spec.hidden
    assert ("_singleton",) == spec.primary_key
    assert ("_singleton", "bool", True, Default("literal", True, "true"), "singleton primary key") == (
        hidden.name, hidden.type, hidden.in_key, hidden.default, hidden.comment,
    )  # fmt: skip
    assert [] == spec.heading().primary_key


@pytest.mark.statement("DEF-23")
def test_a_singleton_can_be_referenced(declared):
    alone = declared("-> Rig")
    assert (("_singleton",), (), 1) == (alone.primary_key, alone.attributes, len(alone.hidden))
    beside = declared("-> Rig\na : int32\n---\n-> Rig")
    assert ("a",) == beside.primary_key
    assert [("_singleton", False)] == [(a.name, a.in_key) for a in beside.hidden]
    assert {("_singleton",)} == {fk.columns for fk in beside.foreign_keys}


@pytest.mark.statement("TYP-14")
@pytest.mark.parametrize("type_", ["json", "bytes", "<blob>", "<blob@main>", "longblob"])
def test_a_key_needs_values_that_compare(refusal, type_):
    assert f"`{type_}` cannot be in the primary key: `a`" in refusal(f"a : {type_}")


@pytest.mark.statement("IDX-3", "IDX-1", "IDX-4")
def test_an_index_names_attributes(declared, refusal):
    spec = declared(
        "-> Sex\nindex (sex, b)\n---\nb : int32\nj : json\n"
        "unique index (j.x)\nindex ((lower(sex)))\nindex (sex, b)"
    )
    assert (Index(("sex", "b")), Index(("j.x",), unique=True), Index(("(lower(sex))",))) == spec.indexes
    message = refusal("a : int32\n---\nb : int32\nindex (bb)")
    assert "names `bb`, which is no attribute\n  Did you mean `b`?" in message
    assert "`jj`" in refusal("a : int32\nindex (jj.x)")


@pytest.mark.statement("IDX-5")
def test_the_heading_tells_the_indexes(declared):
    spec = declared(
        "a : int32\n---\nb = null : int32\nj=null : json\nindex (a, b)\nunique index (a)\nindex (j.x)"
    )
    assert {
        ("a", "b"): {"unique": False, "nullable": True},
        ("a",): {"unique": True, "nullable": False},
        ("j.x",): {"unique": False, "nullable": False},
    } == spec.heading().indexes


@pytest.mark.statement("TYP-22")
def test_checks_have_names(declared, refusal):
    spec = declared("a : int32\ncheck (a > 0)\ncheck small (a < 9)")
    assert [("1", "a > 0"), ("small", "a < 9")] == [(c.name, c.condition) for c in spec.checks]
    assert "two checks named `x`" in refusal("a : int32\ncheck x (a > 0)\ncheck x (a < 9)")


@pytest.mark.statement("TYP-17")
def test_a_reference_to_a_generated_number_is_not_generated(declared):
    spec = declared("-> Numbered")
    assert ("int unsigned", "uint32", False) == (
        spec.attribute("id").type, spec.attribute("id").dtype.kind, spec.attribute("id").autoincrement,
    )  # fmt: skip


@pytest.mark.statement("TAB-20")
def test_the_event_is_the_last_hidden_column(declared):
    spec = with_event(declared("---\na : int32"))
    assert ["a", "_singleton", "_event"] == [a.name for a in spec.columns]
    event = spec.attribute("_event")
    assert ("int64", True, "null", "event that wrote the row") == (
        event.type, event.nullable, event.default.kind, event.comment,
    )  # fmt: skip
    assert spec == with_event(spec)
    assert () == with_event(declared("a : int32", "~system")).hidden


@pytest.mark.statement("TAB-4")
def test_long_names_are_refused(declared):
    check_names(declared("a : int32", "a" * 55), 63)
    with pytest.raises(DeclarationError, match="job queue"):
        check_names(declared("a : int32", "a" * 62), 63)
    with pytest.raises(DeclarationError, match="table name"):
        check_names(declared("a : int32", "a" * 64), 63)
    with pytest.raises(DeclarationError, match="attribute name"):
        check_names(declared(f"{'a' * 65} : int32"), 64)


@pytest.mark.statement("TAB-18")
def test_the_key_of_a_computed_table_comes_from_its_parents(declared):
    own = declared("-> Subject\nmethod : int32", "__fit")
    for allowed, exists in [(True, False), (True, True), (None, True)]:
        assert check_key_origin(own, allowed, exists) is None
    for exists in (False, True):
        with pytest.raises(DeclarationError, match=r"(?s)`method`.*allow_new_pk_fields_in_computed_tables"):
            check_key_origin(own, False, exists)
    notice = check_key_origin(own, None, False)
    assert "`method`" in notice
    assert "`subject`" in notice
    assert "allow_new_pk_fields_in_computed_tables" in notice
    check_key_origin(declared("-> Subject\n---\nx : int32", "__fit"), False, False)
    check_key_origin(declared("-> Rig", "__fit"), False, False)
    check_key_origin(declared("-> Subject\ncell : int32", "__fit__cell"), False, False)
    check_key_origin(declared("method : int32", "fit"), False, False)
