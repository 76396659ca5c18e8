"""The setting ``query.matching``: key attributes of one name are matched whatever they come from (LIN-2, LIN-4)."""

import pytest

import datajoint as dj
from datajoint.errors import QueryError, SemanticMatchError


@pytest.fixture
def tables(declare):
    one = declare("One", "item : int32\n---\nleft_value : int32\nnote='' : varchar(9)")
    two = declare("Two", "item : int32\n---\nright_value : int32\nnote='' : varchar(9)")
    one.insert([{"item": n, "left_value": 10 * n} for n in range(3)])
    two.insert([{"item": n, "right_value": 100 * n} for n in range(1, 5)])
    return one, two, one.proj("left_value"), two.proj("right_value")


@pytest.fixture
def pair(tables):
    return tables[2:]


USES = {
    "join": (lambda a, b: a * b, 2),
    "left": (lambda a, b: a.join(b, left=True), 3),
    "extend": (lambda a, b: a.extend(b), 3),
    "restrict": (lambda a, b: a & b, 2),
    "antijoin": (lambda a, b: a - b, 1),
    "not": (lambda a, b: a & dj.Not(b), 1),
    "list": (lambda a, b: a & [b, "item = 0"], 3),
    "union": (lambda a, b: a + b, 5),
    "aggr": (lambda a, b: a.aggr(b, n="count(right_value)"), 3),
    "universal": (lambda a, b: dj.U("item") & (a * b), 2),
    "grouped": (lambda a, b: dj.U("item").aggr(a * b, n="count(*)"), 2),
}


@pytest.mark.statement("LIN-2", "LIN-4")
@pytest.mark.parametrize("use", USES)
def test_keys_are_matched_by_name_where_the_setting_says_so(pair, instance, use):
    act, count = USES[use]
    with pytest.raises(SemanticMatchError, match=r"`item`(?s:.*)query\.matching"):
        act(*pair)
    instance.config["query.matching"] = "name"
    assert count == len(act(*pair)) == len(act(*pair).to_dicts())
    instance.config["query.matching"] = "lineage"
    with pytest.raises(SemanticMatchError, match="`item`"):
        act(*pair)


@pytest.mark.statement("LIN-2", "LIN-3")
def test_secondary_attributes_stay_refused(declare, tables, instance):
    one, two = tables[:2]
    for mode in ("lineage", "name"):
        instance.config["query.matching"] = mode
        with pytest.raises(SemanticMatchError) as caught:
            _ = one.proj("note", other="item") * two.proj("note")
        assert "both operands have a secondary attribute `note`" in str(caught.value)
        assert "only key attributes are matched" in str(caught.value)
        assert ".proj(" in str(caught.value)
        assert "query.matching" not in str(caught.value)
        with pytest.raises(SemanticMatchError, match="`note`" if mode == "name" else "`item`"):
            _ = one.proj("note") + two.proj("note")
    types = declare("Texts", "item : varchar(5)\n---\ntext_value=0 : int32")
    with pytest.raises(QueryError, match="`item` is"):
        _ = one.proj() * types


@pytest.mark.statement("LIN-2")
def test_a_setting_of_one_instance(pair, connect, instance):
    instance.config["query.matching"] = "name"
    assert "lineage" == connect().config["query.matching"]
    assert 2 == len(pair[0] * pair[1])
