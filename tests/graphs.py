"""Small models of several operators and subgraphs: see `pytflite.tools.building`."""

from pytflite.tools.building import Graph, build

__all__ = ["Graph", "build"]
