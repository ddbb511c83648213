"""What a multiclass reader does class by class, in plain words."""

from __future__ import annotations

import numpy as np

from overread.evaluation.figures import Figure
from overread.evaluation.results import Evaluation
from overread.evaluation.wording import of_hundred


def class_sentences(evaluation: Evaluation) -> list[str]:
    """Balanced multiclass accuracy, and of how many images of each urgent class the class is named."""
    balanced = evaluation.overall["balanced_accuracy"]
    if np.isnan(balanced.value):
        return [
            "How often it is right with every class counted alike cannot be stated: a class has no image."
        ]
    said = [
        f"With every class counted alike it is right in {round(100 * balanced.value)} of 100 images "
        f"({of_hundred(balanced)}): its balanced multiclass accuracy, the mean of the classes' recalls."
    ]
    if evaluation.triage is None:
        return said
    named = [
        f"{one.name} in {_of_hundred(one.figures['recall'])}"
        for one in evaluation.findings
        if one.name in evaluation.triage.urgent and "recall" in one.figures
    ]
    if named:
        said.append(f"Recall of the urgent classes: it names {_and(named)}.")
    return said


def _of_hundred(recall: Figure) -> str:
    return f"{round(100 * recall.value)} of 100 of its images ({of_hundred(recall)})"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
