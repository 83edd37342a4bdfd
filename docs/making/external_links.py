"""Asks whether the addresses that the pages link to are still there: needs a network.

python -m docs.making.external_links

mkdocs' build refuses addresses that are not in external_links.txt; this looks at those that are.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
_SECONDS = 20


def addresses() -> list[str]:
    """Those in the list."""
    return LIST.read_text(encoding="utf-8").split()


def dead(found: Iterable[str]) -> list[str]:
    """Addresses that do not answer, each with the reason."""
    gone = []
    for address in found:
        request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0"})
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):
                pass
        except (urllib.error.URLError, OSError) as error:
            gone.append(f"{address}: {error}")
    return gone


def main() -> int:
    """Prints those that are dead; the exit code says whether there are any."""
    gone = dead(addresses())
    for line in gone:
        print(line)
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main())
