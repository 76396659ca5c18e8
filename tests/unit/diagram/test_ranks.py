"""Ranks: cycles broken, edges short."""

from hypothesis import given, strategies as st

from datajoint.diagram.layout.rank import break_cycles, distribute, find_ranks, strong_components

links = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda t: t[0] != t[1]), max_size=25, unique=True
)


@given(links)
def test_turned_links_leave_no_cycle(given_links):
    acyclic, turned = break_cycles(10, given_links)
    assert len(given_links) == len(acyclic)
    assert [] == strong_components(10, acyclic)
    assert {i for i, (a, b) in enumerate(zip(given_links, acyclic, strict=True)) if a != b} == turned
    if not strong_components(10, given_links):
        assert set() == turned


@given(links)
def test_every_link_goes_forward(given_links):
    acyclic, _ = break_cycles(10, given_links)
    ranks = find_ranks(10, acyclic, [0] * 10)
    assert 0 == min(ranks)
    assert all(ranks[tail] < ranks[head] for tail, head in acyclic)


def test_sources_move_to_their_children():
    assert [0, 1, 2, 1] == find_ranks(4, [(0, 1), (1, 2), (3, 2)], [0] * 4)


def test_sets_of_nodes_move_together():
    # 4 → 5 → 6 hangs at 3 by one link: all three move next to it
    chain = [(0, 1), (1, 2), (2, 3)]
    assert [0, 1, 2, 3, 1, 2] == find_ranks(6, [*chain, (4, 5), (5, 3)], [0] * 6)


def test_ranks_of_nothing():
    assert [] == find_ranks(0, [], [])


def test_isolated_nodes_fill_the_first_layers():
    ranks = [0, 1, 2, 0, 0, 0]
    distribute(ranks, [3, 4, 5], [0] * 6, per_column=4.5)
    assert [0, 1, 2, 0, 0, 1] == ranks
