"""A study's tables as the text of a TOML file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(tables: Mapping[str, Any], *, head: str = "") -> str:
    """Tables as TOML: what `tomllib.loads` reads back.

    Args:
        tables: Table names to keys and values: text, numbers, booleans, lists, and tables in these; a key
            whose value is None is left out.
        head: Lines to stand above as comments.

    Example:
        >>> print(toml_text({"study": {"name": "skin"}, "reader": {"fine_tune": {"epochs": 3}}}), end="")
        [study]
        name = "skin"
        <BLANKLINE>
        [reader]
        fine_tune = { epochs = 3 }
    """
    parts = ["\n".join(f"# {line}" for line in head.splitlines())] if head else []
    for name, table in tables.items():
        if table is None:
            continue
        lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]
        parts.append("\n".join([f"[{_key(name)}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return _text(str(value))


def _text(text: str) -> str:
    # JSON escapes as TOML does, but for one character that TOML wants escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
