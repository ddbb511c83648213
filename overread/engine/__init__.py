"""Where stages run: over Parquet, part by part, interruptible, in one or many processes."""

from __future__ import annotations

from overread.engine.atomic import atomically, remove_unfinished, write_atomically
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
)

__all__ = [
    "COPY",
    "ORIGIN_FIELDS",
    "ORIGIN_ID",
    "REJECT_DETAIL",
    "REJECT_FIELDS",
    "REJECT_REASON",
    "LocalEngine",
    "Stage",
    "atomically",
    "list_parts",
    "remove_unfinished",
    "write_atomically",
    "write_table",
]
