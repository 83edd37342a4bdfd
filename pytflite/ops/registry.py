"""Finding an operator's definition by name; its module is loaded when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytflite.ops.operator import Definition

# The catalogue is loaded by the first question: who recalls a plan from the disk has none.

# By name, as far as they are loaded: the builtin operators, and the custom ones, whose names are
# their authors' own.
BUILTINS: dict[str, Definition] = {}
CUSTOM: dict[str, Definition] = {}


def find(name: str, *, custom: bool = False) -> Definition | None:
    """The definition of a builtin operator (or of a custom one), or None if there is none."""
    known = CUSTOM if custom else BUILTINS
    definition = known.get(name)
    if definition is None:
        from pytflite.ops.catalogue import BUILTIN_MODULES, CUSTOM_MODULES

        module = (CUSTOM_MODULES if custom else BUILTIN_MODULES).get(name)
        if module is not None:
            import_module(module)
            definition = known.get(name)
    return definition


def is_ours(definition: Definition) -> bool:
    """Whether this package defines the operator: users may define others of its name."""
    from pytflite.ops.catalogue import BUILTIN_MODULES, CUSTOM_MODULES

    homes = BUILTIN_MODULES.get(definition.name), CUSTOM_MODULES.get(definition.name)
    return definition.module in homes


def load_all() -> None:
    """Loads every operator (documentation and tests; a run loads only what it needs)."""
    from pytflite.ops.catalogue import BUILTIN_MODULES, CUSTOM_MODULES

    for module in sorted({*BUILTIN_MODULES.values(), *CUSTOM_MODULES.values()}):
        import_module(module)
