"""Transfer learning in three phases; the only package, with `nodules`, that knows torch.

Names are imported when first used: whoever only checks a study's `[reader]` table need not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overread.training.network import (
        BundledNetwork,
        export_reader,
        reference_answers,
        reference_scores,
    )
    from overread.training.reader import HeldOut, TrainedReader
    from overread.training.settings import FineTuneSettings, ReaderSettings
    from overread.training.train import train_reader

_HOME = {
    "BundledNetwork": "network",
    "FineTuneSettings": "settings",
    "HeldOut": "reader",
    "ReaderSettings": "settings",
    "TrainedReader": "reader",
    "export_reader": "network",
    "reference_answers": "network",
    "reference_scores": "network",
    "train_reader": "train",
}

__all__ = [
    "BundledNetwork",
    "FineTuneSettings",
    "HeldOut",
    "ReaderSettings",
    "TrainedReader",
    "export_reader",
    "reference_answers",
    "reference_scores",
    "train_reader",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"overread.training.{_HOME[name]}"), name)
    raise AttributeError(f"module 'overread.training' has no attribute {name!r}")
