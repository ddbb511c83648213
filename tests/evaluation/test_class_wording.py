from __future__ import annotations

import numpy as np

from overread.evaluation.class_wording import class_sentences
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.results import Evaluation
from tests.evaluation.made import make_manifest, make_tables

CLASSES = ("melanoma", "nevus", "dermatofibroma")


def evaluation(urgent: tuple[str, ...] = ("melanoma",), *, one_class: bool = False) -> Evaluation:
    """Of 4 melanomas 3 are named, of 8 nevi 4, of 4 dermatofibromas all."""
    truth = np.repeat([0, 1, 2], [4, 8, 4])
    best = truth.copy()
    best[[0, 4, 5, 6, 7]] = [1, 0, 0, 2, 2]
    if one_class:
        truth[:] = 1
    manifest = make_manifest("multiclass", CLASSES, urgent=urgent)
    tables = make_tables(np.eye(3)[truth], 0.8 * np.eye(3)[best] + 0.2 / 3, manifest=manifest)
    return evaluate_readings(*tables, manifest=manifest, resamples=50)


def test_classes_count_alike_and_urgent_ones_are_named() -> None:
    balanced, recalls = class_sentences(evaluation())
    assert balanced.startswith("With every class counted alike it is right in 75 of 100 images (")
    assert recalls.startswith("Recall of the urgent classes: it names melanoma in 75 of 100 of its images (")
    assert "nevus" not in recalls
    both = class_sentences(evaluation(urgent=("melanoma", "nevus")))[1]
    assert ") and nevus in 50 of 100 of its images (" in both
    assert len(class_sentences(evaluation(urgent=()))) == 1


def test_of_one_class_nothing_is_said() -> None:
    assert "cannot be stated" in class_sentences(evaluation(one_class=True))[0]
