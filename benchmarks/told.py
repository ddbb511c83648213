"""How a benchmark ends: one JSON object for a program, or the table for a person."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Show = Callable[[dict[str, Any]], None]


def measure_and_tell(
    asked: argparse.Namespace,
    measure: Callable[[argparse.Namespace, Path], dict[str, Any]],
    show: Show,
    *,
    below: Path | None = None,
) -> None:
    """Measure in a folder that is gone afterwards, and tell.

    Args:
        asked: With `json`.
        measure: Gets `asked` and the folder.
        show: Prints the table.
        below: Where the folder is made; None: where temporary files are.
    """
    with tempfile.TemporaryDirectory(prefix="overread-bench-", dir=below) as folder:
        found = measure(asked, Path(folder))
    tell(found, show, as_json=asked.json)


def tell(found: dict[str, Any], show: Show, *, as_json: bool) -> None:
    """Print what was found."""
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        show(found)
