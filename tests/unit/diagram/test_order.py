"""Order within layers: known crossings are found and removed."""

from datajoint.diagram.layout.layering import cut_layers
from datajoint.diagram.layout.order import crossings, order_bands, order_layers


def test_crossings_are_counted():
    layering = cut_layers([0, 0, 1, 1], [(0, 3), (1, 2)], [0] * 4, [0.0])
    for r in range(2):
        layering.number(r)
    assert 1 == crossings(layering)
    order_layers(layering)
    assert 0 == crossings(layering)


def test_a_complete_bipartite_graph_keeps_its_crossings():
    links = [(a, b) for a in (0, 1, 2) for b in (3, 4, 5)]
    layering = cut_layers([0] * 3 + [1] * 3, links, [0] * 6, [0.0])
    order_layers(layering)
    assert 9 == crossings(layering)


def test_links_of_one_parent_share_their_bends():
    layering = cut_layers([0, 3, 3, 2], [(0, 1), (0, 2), (0, 3)], [0] * 4, [0.0])
    assert 4 + 2 == len(layering.rank)
    assert [(0, 4, 5, 1), (0, 4, 5, 2), (0, 4, 3)] == layering.chains


def test_linked_blocks_are_stacked_beside_each_other():
    # blocks 0 … 3, one node each in one layer apart; links 0 to 3 and 1 to 2
    bands = order_bands([0, 0, 1, 1], [(0, 3), (1, 2)], [0, 1, 2, 3])
    assert 1 == abs(bands[0] - bands[3])
    assert 1 == abs(bands[1] - bands[2])


def test_many_blocks_are_ordered_too():
    count = 40
    links = [(i, i + 1) for i in range(0, count, 2)]
    bands = order_bands([i % 2 for i in range(count)], links, list(range(count)))
    assert sorted(bands) == list(map(float, range(count)))


def test_blocks_stay_together():
    ranks = [0, 0, 0, 1, 1, 1]
    block = [0, 1, 0, 1, 0, 1]
    links = [(0, 3), (1, 4), (2, 5), (0, 5)]
    layering = cut_layers(ranks, links, block, order_bands(ranks, links, block))
    order_layers(layering)
    for items in layering.layers:
        blocks = [block[i] for i in items]
        assert blocks in (sorted(blocks), sorted(blocks, reverse=True))
