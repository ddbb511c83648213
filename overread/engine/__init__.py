"""Where stages run: over Parquet, part by part, interruptible, in one or many processes."""

from __future__ import annotations

from overread.engine.atomic import atomically, remove_unfinished, write_atomically
from overread.engine.choose import open_engine
from overread.engine.engine import Engine
from overread.engine.local import LocalEngine
from overread.engine.parts import list_parts, write_table
from overread.engine.stage import (
    COPY,
    ORIGIN_FIELDS,
    ORIGIN_ID,
    REJECT_DETAIL,
    REJECT_FIELDS,
    REJECT_REASON,
    Stage,
    Travelling,
)

__all__ = [
    "COPY",
    "ORIGIN_FIELDS",
    "ORIGIN_ID",
    "REJECT_DETAIL",
    "REJECT_FIELDS",
    "REJECT_REASON",
    "Engine",
    "LocalEngine",
    "Stage",
    "Travelling",
    "atomically",
    "list_parts",
    "open_engine",
    "remove_unfinished",
    "write_atomically",
    "write_table",
]
