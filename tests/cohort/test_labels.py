from __future__ import annotations

import numpy as np
import pytest

from overread.cohort.labels import Labelling, check_classes, choose_labelling, stratum_columns
from overread.cohort.settings import IngestSettings
from overread.errors import CohortError


def choose(labels: str, **settings: object) -> Labelling:
    return choose_labelling(labels.split(","), IngestSettings(**settings), where="source 's'")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "settings", "task", "classes", "negative"),
    [
        ("benign,malignant,benign", {}, "binary", ("malignant",), "benign"),
        ("0,1", {}, "binary", ("1",), "0"),
        ("Normal,PNEUMONIA", {}, "binary", ("PNEUMONIA",), "Normal"),
        ("a,b", {"positive": "a"}, "binary", ("a",), "b"),
        ("a,b", {"classes": ("b",)}, "binary", ("b",), "a"),
        ("nv,mel,bkl", {"positive": "mel"}, "binary", ("mel",), "not mel"),
        ("nv,mel,bkl", {"positive": "mel", "classes": ("mel", "nv")}, "binary", ("mel",), "nv"),
        ("nv,mel,bkl", {}, "multiclass", ("bkl", "mel", "nv"), ""),
        ("nv,mel,bkl", {"classes": ("nv", "mel", "bkl")}, "multiclass", ("nv", "mel", "bkl"), ""),
        ("a,b", {"task": "multiclass"}, "multiclass", ("a", "b"), ""),
        ("Edema|Mass,No Finding,Mass; Nodule", {}, "multilabel", ("Edema", "Mass", "Nodule"), ""),
        (
            "Edema,Mass",
            {"task": "multilabel", "classes": ("Mass", "Edema")},
            "multilabel",
            ("Mass", "Edema"),
            "",
        ),
    ],
)
def test_task_and_classes(
    labels: str, settings: dict[str, object], task: str, classes: tuple[str, ...], negative: str
) -> None:
    chosen = choose(labels, **settings)
    assert (chosen.task, chosen.classes, chosen.negative) == (task, classes, negative)


@pytest.mark.parametrize(
    ("labels", "settings", "said"),
    [
        ("a,b", {}, r"which of the classes 'a' and 'b' is looked for is not clear; set positive"),
        ("cancer,tumor", {}, r"is not clear"),
        ("a,b,c", {"task": "binary"}, r"'a', 'b' and 'c' is looked for is not clear"),
        ("a,b", {"positive": "c"}, r"no image is of the positive class 'c'; the classes are 'a' and 'b'"),
        ("a,a", {}, r"at least 2 classes, got 'a' only"),
        ("a,b", {"classes": ("x", "y")}, r"got none of the classes named"),
        ("a,b,c", {"classes": ("a", "a", "b")}, r"names a class twice"),
        ("a,b,c", {"task": "multiclass", "positive": "a"}, r"positive goes with a binary task only"),
        ("a|b,c", {"task": "multilabel", "positive": "a"}, r"positive goes with a binary task only"),
        ("a|b,c", {"classes": ("a", "z")}, r"no label names the class 'z'; the labels name 'a', 'b' and 'c'"),
    ],
)
def test_labels_that_make_no_task_are_one_sentence(
    labels: str, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(CohortError, match=said):
        choose(labels, **settings)


def test_no_label_at_all_is_one_sentence() -> None:
    with pytest.raises(CohortError, match="no input has a label"):
        choose_labelling([], IngestSettings(), where="source 's'")


def test_targets() -> None:
    assert choose("benign,malignant").target("malignant") == [1.0]
    assert choose("benign,malignant").target("benign") == [0.0]
    assert choose("a,b,c").target("b") == [0.0, 1.0, 0.0]
    assert choose("a,b,c", classes=("a", "b"), task="multiclass").target("c") is None
    assert choose("Edema|Mass,No Finding").target("No Finding") == [0.0, 0.0]
    assert choose("Edema|Mass,No Finding").target("Mass; Edema") == [1.0, 1.0]


@pytest.mark.parametrize(
    ("positives", "groups", "said"),
    [
        (4, 4, r"class 'malignant' has 4 images that can be used, expected at least 5"),
        (1, 1, r"class 'malignant' has 1 image that can be used"),
        (6, 2, r"class 'malignant' has 6 images of 2 patients or lesions that can be used"),
    ],
)
def test_a_class_with_too_few_images_is_named(positives: int, groups: int, said: str) -> None:
    targets = np.array([[1.0]] * positives + [[0.0]] * 9, np.float32)
    of = [at % groups for at in range(positives)] + list(range(100, 109))
    with pytest.raises(CohortError, match=said):
        check_classes(targets, Labelling("binary", ("malignant",), "benign"), of, where="source 's'")


def test_the_absence_of_a_class_is_checked_too() -> None:
    targets = np.array([[1.0]] * 9 + [[0.0]] * 2, np.float32)
    with pytest.raises(CohortError, match="class 'benign' has 2 images"):
        check_classes(
            targets, Labelling("binary", ("malignant",), "benign"), list(range(11)), where="source 's'"
        )


def test_strata_are_the_classes_and_none_of_them() -> None:
    targets = np.array([[1, 0], [0, 0], [np.nan, 1]], np.float32)
    assert stratum_columns(targets).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_what_a_layout_knows_of_the_task_counts_where_the_settings_say_nothing() -> None:
    single = ["Mass", "Edema", "Hernia", "No Finding"]
    usual = choose_labelling(single, IngestSettings(), where="NIH", usual="multilabel")
    assert (usual.task, usual.classes) == ("multilabel", ("Edema", "Hernia", "Mass"))
    said = choose_labelling(single, IngestSettings(task="multiclass"), where="NIH", usual="multilabel")
    assert said.task == "multiclass"
    positive = choose_labelling(single, IngestSettings(positive="Mass"), where="NIH", usual="multilabel")
    assert (positive.task, positive.classes) == ("binary", ("Mass",))


def test_codes_become_classes_and_several_codes_one_class() -> None:
    codes = {"mel": "malignant", "bcc": "malignant", "nv": "benign"}
    made = choose_labelling(
        ["mel", "bcc", "nv", "df"], IngestSettings(map={**codes, "df": "benign"}), where="x"
    )
    assert (made.task, made.classes, made.negative) == ("binary", ("malignant",), "benign")
    assert [made.target(code) for code in ("mel", "bcc", "nv")] == [[1.0], [1.0], [0.0]]
    findings = choose_labelling(
        ["Mass|Nodule", "Edema", "Nodule"], IngestSettings(map={"Nodule": "Mass"}), where="x"
    )
    assert findings.classes == ("Edema", "Mass")
    assert findings.target("Nodule|Edema") == [1.0, 1.0]


def test_a_code_that_no_label_bears_is_refused() -> None:
    with pytest.raises(CohortError, match="no image that is left has the label 'me', which map names"):
        choose_labelling(["mel", "nv"], IngestSettings(map={"me": "malignant"}), where="x")
