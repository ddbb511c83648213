"""What a bundle's calibration brought, told on the images of the split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from overread.bundle.manifest import ManifestDraft
from overread.evaluation import metrics as mt
from overread.evaluation.calibration_choice import ALL_CLASSES, before_calibration, calibration_gain
from overread.evaluation.clinical import CalibrationResult
from overread.evaluation.join import JoinedReadings
from overread.evaluation.measures import CALIBRATION_BINS, urgent_scores, urgent_truth


def calibration_results(
    joined: JoinedReadings, *, manifest: ManifestDraft, losses: Mapping[str, Mapping[str, float]]
) -> tuple[CalibrationResult, ...]:
    """One a finding; for multiclass one of all classes and one of the urgent sum.

    The scores without calibration are the sigmoid or softmax of the logits, which the scores tell
    (`before_calibration`).

    Args:
        joined: Labels and scores.
        manifest: With the calibration.
        losses: Finding → kind → log loss where the calibration was chosen, of training; empty if unknown.
    """
    kind, task = manifest.calibration.kind, manifest.task
    labels, after = joined.labels, joined.scores
    before = before_calibration(after, manifest.calibration, task=task)
    if task == "multiclass":
        found = [
            CalibrationResult(
                of=ALL_CLASSES,
                kind=kind,
                log_loss=losses.get(ALL_CLASSES, {}),
                error_before=mt.calibration_error_multiclass(labels, before, bins=CALIBRATION_BINS),
                error_after=mt.calibration_error_multiclass(labels, after, bins=CALIBRATION_BINS),
                log_loss_before=mt.log_loss_multiclass(labels, before),
                log_loss_after=mt.log_loss_multiclass(labels, after),
            )
        ]
        if manifest.triage.urgent:
            sums = [urgent_scores(one, manifest=manifest) for one in (before, after)]
            gain = calibration_gain(urgent_truth(labels, manifest=manifest), *sums)
            found.append(CalibrationResult(of="urgent", kind=kind, **vars(gain)))
        return tuple(found)
    return tuple(
        CalibrationResult(
            of=name,
            kind=kind,
            log_loss=losses.get(name, {}),
            **vars(calibration_gain(labels[:, index], np.clip(before[:, index], 0, 1), after[:, index])),
        )
        for index, name in enumerate(manifest.classes)
    )
