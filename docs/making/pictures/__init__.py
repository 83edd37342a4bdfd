"""Pictures of the pages, by the path that they have in the site."""

from __future__ import annotations

from collections.abc import Callable

from docs.making.pictures import (
    amx,
    arena,
    control,
    convolution,
    depthwise,
    fast,
    flatbuffer,
    house,
    int8,
    llvm,
    lstm,
    right,
    softmax,
)

PICTURES: dict[str, Callable[[], str]] = {
    "pictures/rooms.svg": house.rooms,
    "book/pictures/arena.svg": arena.placements,
    "book/pictures/flatbuffer.svg": flatbuffer.layout,
    "book/pictures/int8.svg": int8.staircase,
    "book/pictures/convolution.svg": convolution.ways,
    "book/pictures/depthwise.svg": depthwise.roofline,
    "book/pictures/softmax.svg": softmax.errors,
    "book/pictures/lstm.svg": lstm.memory,
    "book/pictures/lstm_cell.svg": lstm.circuit,
    "book/pictures/control.svg": control.subgraphs,
    "book/pictures/llvm.svg": llvm.blocks,
    "book/pictures/amx.svg": amx.tiles,
    "book/pictures/right.svg": right.steps,
    "book/pictures/fast.svg": fast.drift,
}
