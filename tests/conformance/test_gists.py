"""The messages that users meet and search for: each situation says what other implementations say, and what to do."""

import pytest

import datajoint as dj
from datajoint.errors import (
    ContractError,
    DataJointError,
    DeclarationError,
    DefinitionSyntaxError,
    DuplicateError,
    ForeignKeyTargetError,
    IntegrityError,
    MissingTableError,
    QueryError,
    SemanticMatchError,
    ThreadSafetyError,
    TransactionError,
    UnknownAttributeError,
    UnknownTypeError,
)

ROW = {"thing": 1, "name": "one"}


@pytest.fixture
def scene(declare, schema, instance, schema_name):
    """Tables to go wrong with, by name, and functions to declare and to run inside blocks."""
    thing = declare(
        "Thing", "thing : int16\n---\nname : varchar(9)", Part=declare.part("Part", "-> master\np : int8")
    )
    child = declare("Child", "-> Thing\nchild : int16\n---\nname : varchar(9)")
    calc = declare(
        "Calc", "-> Thing\n---\nz : int8", dj.Computed, make=lambda self, key: self.insert1({**key, "z": 1})
    )
    idle = declare("Idle", "-> Thing", dj.Computed, make=lambda *_: None)
    thing.insert1(ROW)
    thing.insert1({"thing": 2, "name": "two"})
    thing.Part.insert1({"thing": 1, "p": 1})

    def inside(use):
        with schema.connection.transaction:
            return use()

    def strict(use):
        with instance.config.override(provenance__contract="error"):
            return use()

    def refusing():
        schema.connection.config["jobs.allow_new_pk_fields_in_computed_tables"] = False

    other = declare("Other", "other : int8\n---\nthing : int16")
    return locals() | {
        "dj": dj,
        "part": declare.part,
        "con": schema.connection,
        "missing": schema_name("missing"),
    }


def odd(text):
    return f"declare('Odd', {text!r})"


GISTS = {
    "unknown type": (odd("a : int24"), UnknownTypeError, "Unsupported attribute type `int24`"),
    "misspelt type": (odd("a : in32"), UnknownTypeError, "Did you mean `int32`?"),
    "type of another language": (odd("a : str"), UnknownTypeError, "Did you mean `varchar(255)`?"),
    "None for null": (odd("a : int8\n---\nb = None : date"), DeclarationError, "written `null`, not `None`"),
    "options behind": (odd("a : int8\n---\n-> Thing [nullable]"), ForeignKeyTargetError, "Write `-> [nullable] Thing`"),
    "bad line": (odd("a int8"), DefinitionSyntaxError, "Declaration error in position 3 in line 1 of `Odd`"),
    "_name": (odd("_a : int8"), DefinitionSyntaxError, "leading underscore", "`_a`", "belong to the platform"),
    "unresolved FK": (odd("-> Thin"), ForeignKeyTargetError, "Foreign key reference `Thin` could not be resolved"),
    "derived FK target": (odd("-> Thing * Child"), ForeignKeyTargetError, "only a table or its rename", "proj(new="),
    "key null": (odd("a=null : int8"), DeclarationError, "Primary key attributes cannot be nullable"),
    "reference null": (odd("-> [nullable] Thing"), DeclarationError, "primary key cannot be nullable", "`---`"),
    "class name": ("declare('odd', 'a : int8')", DataJointError, "`odd` must be alphanumeric in CamelCase", "capital"),
    "non-FK key in Computed": (
        "refusing() or declare('Odd', '-> Thing\\nn : int8', dj.Computed)",
        DeclarationError, "`Odd`", "`n`", "part table", "jobs.allow_new_pk",
    ),
    "direct insert": (
        "calc.insert1({'thing': 1, 'z': 1})", DataJointError, "Inserts into an auto-populated table (`Calc`)",
        "only be done inside its make method", "allow_direct_insert=True",
    ),
    "direct update": ("calc.update1({'thing': 1, 'z': 1})", DataJointError, "auto-populated", "allow_direct_update=True"),
    "duplicate": ("thing.insert1(ROW)", DuplicateError, "Duplicate entry in `Thing`", "thing=1", "skip_duplicates=True"),
    "extra field": ("thing.insert1({**ROW, 'x': 1})", UnknownAttributeError, "`x`", "ignore_extra_fields=True"),
    "no parent": ("child.insert1({'thing': 9, 'child': 1, 'name': ''})", IntegrityError, "`Child`", "`Thing` with thing=9"),
    "semantic clash": ("thing * child", SemanticMatchError, "Cannot join on attribute `name`: both operands have a secondary attribute `name`", ".proj("),
    "semantic clash of keys": ("thing * other", SemanticMatchError, "`thing`", "different lineages", ".proj("),
    "left join": (
        "thing.proj().extend(child.proj())", QueryError, "Left join requires the left operand to determine the right",
        "A → B", "`child`", "allow_nullable_pk",
    ),
    "aggregation": (
        "child.aggr(thing.proj(), n='count(*)')", QueryError, "Aggregation requires the group expression to contain all",
        "Missing: child",
    ),
    "union": ("thing + child", QueryError, "union must share the same primary key", "(thing) vs (thing, child)"),
    "fetch1": ("thing.fetch1()", DataJointError, "fetch1 requires exactly one tuple", "2 tuples found", "thing"),
    "fetch1 of nothing": ("(thing & 'thing = 9').fetch1()", DataJointError, "requires exactly one", "0 tuples found"),
    "update1": ("thing.update1({'name': 'x'})", DataJointError, "must supply all primary key values", "thing"),
    "update1 of nothing": (
        "thing.update1({'thing': 9, 'name': 'x'})", DataJointError, "can only be applied to one existing entry", "`Thing`", "9"
    ),
    "update1 restricted": ("(thing & ROW).update1(ROW)", DataJointError, "cannot be applied to a restricted table"),
    "part delete": (
        "thing.Part.delete()", DataJointError, "Cannot delete from the part table", "Delete from its master instead",
        "part_integrity='ignore'",
    ),
    "part drop": ("thing.Part.drop()", DataJointError, "Cannot drop a Part directly", "master instead", "part_integrity"),
    "drop of what is referred to": ("thing.drop_quick()", IntegrityError, "`Thing` cannot be dropped", "`Calc`", "drop()"),
    "populate": ("(calc & ROW).populate()", DataJointError, "Cannot call populate on a restricted table", "arguments"),
    "populate in a transaction": (
        "inside(calc.populate)", TransactionError, "Populate cannot be called during a transaction"
    ),
    "nothing made": (
        "strict(idle.populate)", ContractError, "make of `Idle` inserted nothing", "{'thing': 1}", "key_source"
    ),
    "transaction": ("inside(con.start_transaction)", TransactionError, "Nested transactions are not supported", "with"),
    "declare in a transaction": (
        "inside(lambda: declare('Odd', 'a : int8'))", TransactionError, "Cannot declare new tables inside a transaction", "`Odd`"
    ),
    "drop in a transaction": ("inside(thing.drop)", TransactionError, "Cannot drop tables inside a transaction"),
    "schema without name": ("instance.Schema().activate()", DataJointError, "Please provide a schema_name"),
    "schema not activated": ("instance.Schema().list_tables()", DataJointError, "must be activated", "activate('name')"),
    "schema activated": ("schema.activate('another')", DataJointError, "already activated for schema", "another"),
    "schema missing": (
        "instance.Schema(missing, create_schema=False)", DataJointError, "has not yet been declared", "create_schema=True"
    ),
    "table missing": ("schema['Thin']", MissingTableError, "has no table `Thin`", "`Thing`?"),
    "codec": (odd("a : int8\n---\nb : <blub>"), DataJointError, "Codec <blub> is not registered", "`blob`?"),
    "upstream": ("calc().upstream", DataJointError, "self.upstream is only available inside make()", "Diagram.trace"),
    "trace": ("dj.Diagram.trace(calc)['Child']", DataJointError, "Table `Child` is not in this trace"),
    "part of no master": (
        "declare('Odd', 'a : int8', P=part('P', 'b : int8'))", DeclarationError, "`Odd.P`", "must reference its master", "-> master"
    ),
    "decorated part": ("schema(part('P', '-> master'))", DataJointError, "should not be applied to Part tables", "master"),
    "cycle": (odd("-> Odd"), DeclarationError, "refers to itself"),
    "no operator": ("thing @ child", DataJointError, "no operator @", "join(B, semantic_check=False)"),
    "Top in a list": ("thing & [dj.Top()]", QueryError, "A Top restricts a whole expression", "A & dj.Top"),
    "U on the left": ("dj.U('thing') - thing", QueryError, "dj.U", "infinite"),
}  # fmt: skip


@pytest.mark.statement("ERR-3", "ERR-5", "ERR-6")
def test_what_users_search_for(scene):
    for situation, (code, kind, *words) in GISTS.items():
        with pytest.raises(DataJointError) as caught:
            eval(code, globals() | scene)
        text = str(caught.value)
        assert isinstance(caught.value, kind), (situation, text)
        assert not [word for word in words if word not in text], (situation, text)
        assert 2 == len(scene["thing"]()), situation
        assert not scene["con"].in_transaction, situation
        assert 0 == len(scene["calc"]()), situation


@pytest.mark.statement("CFG-15", "ERR-3")
def test_what_users_of_threads_search_for(monkeypatch):
    monkeypatch.setenv("DJ_THREAD_SAFE", "true")
    for use in (lambda: dj.config, dj.conn, lambda: dj.Schema("lab"), dj.list_schemas):
        with pytest.raises(ThreadSafetyError, match=r"dj\.Instance"):
            use()
