"""Purity: which operators and subgraphs neither read nor change state."""

from __future__ import annotations

from pytflite.model.model import Model
from pytflite.ops.operator import Definition
from pytflite.ops.spec import Graph, Node
from pytflite.plan.nodes import Lookup, definition_of, make_node


class Purity:
    """Answers for one model, whose subgraphs are looked at once each.

    Args:
        model, lookup: the operators, and what they mean.
    """

    def __init__(self, model: Model, lookup: Lookup) -> None:
        self._model, self._lookup = model, lookup
        self._known: dict[int, bool] = {}

    def of_operator(self, node: Node, definition: Definition) -> bool:
        """Whether it is pure, as are the subgraphs that it runs."""
        if not definition.pure:
            return False
        if definition.calls is None:
            return True
        assert node.graph is not None  # make_node gives it
        return all(self._of_subgraph(called, node.graph) for called in definition.calls(node))

    def _of_subgraph(self, subgraph: int, around: Graph) -> bool:
        known = self._known.get(subgraph)
        if known is not None:
            return known
        self._known[subgraph] = True  # while it is being looked at; recursion is refused elsewhere
        graph = self._model.subgraphs[subgraph]
        pure = not any(t.is_variable for t in graph.tensors)
        for number, operator in enumerate(graph.operators):
            node = make_node(self._model, subgraph, number, operator, around)
            pure = pure and self.of_operator(node, definition_of(node, operator, self._lookup))
        self._known[subgraph] = pure
        return pure
