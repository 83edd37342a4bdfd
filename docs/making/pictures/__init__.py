"""Pictures of the pages, by the path that they have in the site."""

from __future__ import annotations

from collections.abc import Callable

from docs.making.pictures import house

PICTURES: dict[str, Callable[[], str]] = {
    "pictures/rooms.svg": house.rooms,
}
