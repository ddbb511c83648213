from __future__ import annotations

import numpy as np
import pytest

from overread.exploration.groups import NONE_OF_THEM, UNLABELLED, class_groups, target_matrix
from tests.exploration.subjects import image_table, make_subject


def grouped(task: str, targets):
    rows = [{"image_id": f"{at}", "split": "train", "target": target} for at, target in enumerate(targets)]
    subject = make_subject(task, rows=rows, images=False, classes=("a",) if task == "binary" else ("a", "b"))
    return class_groups(subject.card, subject.table)


def test_a_binary_cohort_has_its_class_and_the_absence_of_it() -> None:
    groups = grouped("binary", [[1.0], [0.0], [0.0]])
    assert groups.names == ("a", "benign")
    assert groups.images == [1, 2]


def test_images_without_any_finding_are_a_group_of_their_own() -> None:
    groups = grouped("multilabel", [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    assert groups.names == ("a", "b", NONE_OF_THEM)
    assert groups.images == [1, 2, 1]
    assert groups.of(0) == ["a", "b"]
    assert not groups.exclusive


@pytest.mark.parametrize("unknown", [None, [float("nan"), float("nan")]])
def test_what_is_not_stated_is_neither_present_nor_absent(unknown) -> None:
    groups = grouped("multilabel", [[1.0, 0.0], unknown])
    assert groups.names[-1] == UNLABELLED
    assert groups.of(1) == [UNLABELLED]
    assert groups.images == [1, 0, 0, 1]


def test_targets_keep_their_rows_around_missing_ones() -> None:
    table = image_table([{"image_id": str(at), "split": "train"} for at in range(3)])
    assert np.isnan(target_matrix(table, 2)).all()
    rows = [{"image_id": "x", "split": "train"}, {"image_id": "y", "split": "train", "target": [0.0, 1.0]}]
    assert target_matrix(image_table(rows), 2)[1].tolist() == [0.0, 1.0]
