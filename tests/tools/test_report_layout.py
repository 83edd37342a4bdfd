"""The report's drawing: the layout's properties."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from pytflite.tools.report.layout import COLUMN_GAP, HEIGHT, Edge, Layout, lay_out
from pytflite.tools.report.ordering import crossings, order
from pytflite.tools.report.placing import nearest
from pytflite.tools.report.ranking import rank


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[Edge]]:
    """Graphs without cycles: up to 24 nodes, most fed by one or two before them."""
    count = draw(st.integers(1, 24))
    widths = [float(draw(st.integers(20, 200))) for _ in range(count)]
    edges = []
    for target in range(1, count):
        sources = draw(st.sets(st.integers(0, target - 1), max_size=3))
        edges += [Edge(source, target, source) for source in sorted(sources)]
    return widths, edges


@given(graphs())
def test_layers_are_respected_and_nothing_overlaps(graph: tuple[list[float], list[Edge]]) -> None:
    widths, edges = graph
    layout = lay_out(widths, edges)
    for edge, line in zip(edges, layout.lines, strict=True):
        assert layout.ranks[edge.source] < layout.ranks[edge.target]
        assert all(above[1] <= below[1] for above, below in pairwise(line))
        x, y = layout.nodes[edge.target]
        assert line[-1] == (x, y - HEIGHT / 2)
    for a, b in combinations(range(len(widths)), 2):
        (x, y), (u, v) = layout.nodes[a], layout.nodes[b]
        room = (widths[a] + widths[b]) / 2 + COLUMN_GAP
        assert abs(y - v) >= HEIGHT or abs(x - u) >= room - 0.2
    for (x, y), width in zip(layout.nodes, widths, strict=True):
        assert x - width / 2 >= -0.1 and x + width / 2 <= layout.width + 0.1
        assert y - HEIGHT / 2 >= 0 and y + HEIGHT / 2 <= layout.height
    assert layout == lay_out(widths, edges)  # deterministic


@given(graphs())
def test_lines_do_not_pass_through_nodes(graph: tuple[list[float], list[Edge]]) -> None:
    widths, edges = graph
    layout = lay_out(widths, edges)
    for line in layout.lines:
        for (x, y), (u, v) in pairwise(line):
            if x != u:
                continue  # it turns, between two layers
            for (at, middle), width in zip(layout.nodes, widths, strict=True):
                beside = abs(at - x) >= width / 2
                assert beside or v <= middle - HEIGHT / 2 or y >= middle + HEIGHT / 2


def bends(layout: Layout) -> int:
    return sum(a[0] != b[0] for line in layout.lines for a, b in pairwise(line))


def test_a_chain_is_straight_and_a_shortcut_runs_beside_it() -> None:
    chain = [Edge(n, n + 1, n) for n in range(9)]
    assert bends(lay_out([120.0] * 10, chain)) == 0
    layout = lay_out([120.0, 90.0] * 5, [*chain, Edge(2, 6, 2)])
    assert bends(layout) == 2  # out and in again
    assert len({x for x, _ in layout.nodes}) == 1


def test_what_feeds_a_late_node_lies_near_it() -> None:
    layout = lay_out([80.0] * 6, [Edge(0, 1, 0), Edge(1, 2, 1), Edge(2, 3, 2), Edge(4, 5, 4),
                                  Edge(3, 5, 3)])  # fmt: skip
    assert layout.ranks == [0, 1, 2, 3, 3, 4]


def test_crossings_are_counted_and_reduced() -> None:
    edges = [Edge(0, 5, 0), Edge(1, 4, 1), Edge(2, 3, 2)]
    layers = rank(6, edges)
    assert crossings(layers, [[0, 1, 2], [3, 4, 5]]) == 3
    assert crossings(layers, order(layers)) == 0


def test_edges_against_the_order_do_not_disturb() -> None:
    layout = lay_out([50.0] * 3, [Edge(0, 1, 0), Edge(1, 2, 1), Edge(2, 0, 2), Edge(1, 1, 1)])
    assert layout.ranks == [0, 1, 2] and len(layout.lines) == 4


@given(st.lists(st.tuples(st.floats(-99, 99), st.floats(0.1, 9)), min_size=1, max_size=12))
def test_places_are_the_nearest_that_keep_their_distance(pairs: list[tuple[float, float]]) -> None:
    wishes, weights = [list(column) for column in zip(*pairs, strict=True)]
    offsets = [7.0 * n for n in range(len(wishes))]
    found = nearest(wishes, weights, offsets)
    assert all(b - a >= 7 - 1e-6 for a, b in pairwise(found))

    def cost(places: Sequence[float]) -> float:
        return sum(w * (p - x) ** 2 for p, x, w in zip(places, wishes, weights, strict=True))

    # No shift of everything from one vertex on, to the right or left, is better and allowed.
    for n in range(len(found)):
        for shift in (0.01, -0.01):
            moved = [*found[:n], *(p + shift for p in found[n:])]
            if all(b - a >= 7 - 1e-9 for a, b in pairwise(moved)):
                assert cost(moved) >= cost(found) - 1e-6


def test_a_layout_of_two_thousand_operators_takes_seconds_at_most() -> None:
    """Four lanes of 500 with lines across and far ahead."""
    edges = [Edge(n - 4, n, n - 4) for n in range(4, 2000)]
    edges += [Edge(n, min(1999, n + 37), n) for n in range(0, 1960, 3)]
    start = perf_counter()
    layout = lay_out([130.0] * 2000, edges)
    assert len(layout.nodes) == 2000
    assert perf_counter() - start < 20  # 0.7 s on an idle machine


def test_no_nodes_at_all() -> None:
    assert lay_out([], []) == Layout(0.0, 0.0, [], [], [])
