"""Pictures of the pages, by the path that they have in the site."""

from __future__ import annotations

from collections.abc import Callable

from docs.making.pictures import arena, control, convolution, depthwise, flatbuffer, house, int8, lstm, softmax

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
}
