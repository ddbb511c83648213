"""The bundle: a reader frozen with its preprocessing, thresholds and limits; reading with it."""

from __future__ import annotations

from overread.bundle.manifest import (
    Calibration,
    Manifest,
    ManifestDraft,
    OperatingPoint,
    Provenance,
    TriageRule,
)
from overread.bundle.triage import DECISIONS, Decision, decide

__all__ = [
    "DECISIONS",
    "Calibration",
    "Decision",
    "Manifest",
    "ManifestDraft",
    "OperatingPoint",
    "Provenance",
    "TriageRule",
    "decide",
]
