"""Immutable records: `__slots__`, equality by value, `replace()`.

Dataclasses would do, but making one executes generated source, about half a millisecond a
class, on every import.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pytflite.format.table import brief, same


class Record:
    """Base of the graph's classes: the fields are the names in `__slots__`, without those that
    begin with an underscore (caches)."""

    __slots__: tuple[str, ...] = ()

    _draft: ClassVar[type | None] = None  # made when it is first needed

    @classmethod
    def draft(cls) -> Self:
        """An empty record that takes assignments, until its `__class__` is set to `cls`.

        Opening a model makes ten thousand records; this is ten times faster than `__init__`.
        """
        draft: Self = (cls._draft or cls._drafts())()
        return draft

    @classmethod
    def _drafts(cls) -> type:
        """The same slots, without the guard against assignment."""
        body = {
            "__slots__": cls.__slots__,
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        }
        cls._draft = type(f"{cls.__name__}Draft", (Record,), body)
        return cls._draft

    def _fill(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Names of the fields, in the order of the constructor."""
        return tuple(name for name in cls.__slots__ if not name.startswith("_"))

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        values = {name: getattr(self, name) for name in self.fields()}
        unknown = changes.keys() - values.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        return type(self)(**(values | changes))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(same(getattr(self, n), getattr(other, n)) for n in self.fields())

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared, never hashed

    def __repr__(self) -> str:
        values = ", ".join(f"{n}={brief(getattr(self, n))}" for n in self.fields())
        return f"{type(self).__name__}({values})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), {n: getattr(self, n) for n in self.fields()}))


def _rebuild(kind: type[Record], values: dict[str, Any]) -> Record:
    return kind(**values)
