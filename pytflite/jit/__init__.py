"""The compiled backend: operators as machine code (docs/architecture.md has the rooms)."""
