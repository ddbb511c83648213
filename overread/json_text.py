"""Values as JSON text that any program reads: no NaN, and no Python types."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_text(values: Mapping[str, Any], *, indent: int) -> str:
    """One JSON object and a line's end; what is undefined or infinite is null, a path is text.

    Example:
        >>> json_text({"auc": math.nan, "report": Path("out/report.html")}, indent=1)
        '{\\n "auc": null,\\n "report": "out/report.html"\\n}\\n'
    """
    return json.dumps(_plain(values), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
