"""The bundle: a reader frozen with its preprocessing, thresholds and limits; reading with it."""

from __future__ import annotations

from overread.bundle.attach import attach
from overread.bundle.card import model_card
from overread.bundle.frames import read_frame
from overread.bundle.inputs import list_inputs
from overread.bundle.manifest import (
    Calibration,
    Manifest,
    ManifestDraft,
    MetadataField,
    OperatingPoint,
    Provenance,
    TriageRule,
)
from overread.bundle.pack import pack, zip_bundle
from overread.bundle.parity import check_parity
from overread.bundle.predict import PredictSummary, predict
from overread.bundle.predict_stage import PredictStage
from overread.bundle.read import Bundle
from overread.bundle.reading import Reading
from overread.bundle.triage import DECISIONS, Decision, decide
from overread.bundle.verify import Verification, verify

__all__ = [
    "DECISIONS",
    "Bundle",
    "Calibration",
    "Decision",
    "Manifest",
    "ManifestDraft",
    "MetadataField",
    "OperatingPoint",
    "PredictStage",
    "PredictSummary",
    "Provenance",
    "Reading",
    "TriageRule",
    "Verification",
    "attach",
    "check_parity",
    "decide",
    "list_inputs",
    "model_card",
    "pack",
    "predict",
    "read_frame",
    "verify",
    "zip_bundle",
]
