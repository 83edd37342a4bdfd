"""Node data for Model Explorer: a number for each operator, shown upon its own graph of the file.

The format: graph id -> {"results": {key: {"value": number}}, "name": ..., "gradient": [...]}; a key
may be the name of one of the node's output tensors. A graph's id is the subgraph's name.
Source: Model Explorer, node_data_builder.py (ModelNodeData, GraphNodeData).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_GRADIENT = (
    {"stop": 0, "bgColor": "#fff7ec", "textColor": "#000000"},
    {"stop": 0.5, "bgColor": "#fdbb84", "textColor": "#000000"},
    {"stop": 1, "bgColor": "#b30000", "textColor": "#ffffff"},
)


# What is told of each operator: the first of these that the report knows, in which unit.
_MEASURES = (("e", "error in per cent", 100.0), ("t", "time in µs", 1e6), ("m", "MACs", 1.0))


def node_data(facts: Mapping[str, Any]) -> str:
    """The error of each operator where the model was held to another; otherwise its time where it
    was run; otherwise multiply-accumulates."""
    graphs = facts["graphs"]
    known = {key for graph in graphs for operator in graph["ops"] for key in operator}
    key, name, unit = next((m for m in _MEASURES if m[0] in known), _MEASURES[-1])
    data = {}
    for graph in graphs:
        results = {}
        for operator in graph["ops"]:
            names = [graph["tensors"][i]["n"] for i in operator["out"] if i >= 0]
            if key in operator and names:
                results[names[0]] = {"value": round(operator[key] * unit, 3)}
        if results:
            data[graph["name"]] = {
                "results": results, "name": name, "gradient": list(_GRADIENT),
            }  # fmt: skip
    return json.dumps(data, indent=1)
