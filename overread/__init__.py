"""Overread: a second reader of medical images that one can trust.

The four names below are all that most programs need; they are imported when first used, so that
`import overread` stays light and a deployed bundle never meets torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overread.bundle import Bundle
    from overread.cohort import Cohort
    from overread.study import evaluate, train

__all__ = ["Bundle", "Cohort", "__version__", "evaluate", "train"]
__version__ = "0.1.0"

_HOME = {
    "Bundle": "overread.bundle",
    "Cohort": "overread.cohort",
    "evaluate": "overread.study",
    "train": "overread.study",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'overread' has no attribute {name!r}")
