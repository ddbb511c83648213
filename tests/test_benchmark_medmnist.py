"""The figures of the small sets are those of scikit-learn, and what stands twice is left out of train."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

ROOT = Path(__file__).parents[1]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import default_study

    return default_study  # type: ignore[no-any-return]


@pytest.fixture
def medmnist(study: ModuleType) -> ModuleType:
    del study
    import medmnist

    return medmnist  # type: ignore[no-any-return]


def test_binary_figures_are_scikit_learns(study: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (200, 1)).astype(float)
    scores = np.clip(0.3 * truth + rng.uniform(0, 0.7, (200, 1)), 0, 1)
    found = study.figures(study.Scored(scores, truth, np.arange(200), "binary"))
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(truth, scores))
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(truth, scores > 0.5))
    assert found["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(truth, scores > 0.5))
    for name in ("auc", "accuracy", "balanced_accuracy"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["images"] == 200


def test_multiclass_accuracy_is_that_of_the_highest_score(study: ModuleType) -> None:
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, 4, 300)
    scores = rng.dirichlet(np.ones(4), 300) + 0.5 * np.eye(4)[chosen]
    scores /= scores.sum(1, keepdims=True)
    found = study.figures(study.Scored(scores, np.eye(4)[chosen], np.arange(300), "multiclass"))
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(chosen, scores, multi_class="ovr"))
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(chosen, scores.argmax(1)))
    balanced = balanced_accuracy_score(chosen, scores.argmax(1))
    assert found["balanced_accuracy"]["value"] == pytest.approx(balanced)


def test_findings_are_averaged_as_medmnist_does(study: ModuleType) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, (150, 3)).astype(float)
    scores = rng.uniform(0, 1, (150, 3))
    found = study.figures(study.Scored(scores, truth, np.arange(150), "multilabel"))
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(truth, scores, average="macro"))
    assert found["accuracy"]["value"] == pytest.approx(((scores > 0.5) == truth).mean())


def test_images_of_train_that_stand_in_val_or_test_are_left_out(study: ModuleType) -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 255, (10, 4, 4)).astype(np.uint8)
    arrays = {
        "train_images": images[:8], "train_labels": np.arange(8), "val_images": images[[7, 8]],
        "val_labels": np.arange(2), "test_images": images[[2, 9]], "test_labels": np.arange(2),
    }  # fmt: skip
    clean, copies = study.without_copies(arrays)
    assert copies == 2
    np.testing.assert_array_equal(clean["train_labels"], [0, 1, 3, 4, 5, 6])
    np.testing.assert_array_equal(clean["train_images"], images[[0, 1, 3, 4, 5, 6]])
    np.testing.assert_array_equal(clean["val_images"], arrays["val_images"])


def test_a_test_split_comes_from_a_file_of_either_form(medmnist: ModuleType, tmp_path: Path) -> None:
    images, labels = np.zeros((3, 4, 4), np.uint8), np.array([0, 1, 1])
    for number, names in enumerate((("test_images", "test_labels"), ("images", "labels"))):
        path = tmp_path / f"{number}.npz"
        np.savez(path, **{names[0]: images, names[1]: labels})
        np.testing.assert_array_equal(medmnist.read_test(path)["test_labels"], labels)
    np.savez(tmp_path / "other.npz", pictures=images)
    with pytest.raises(SystemExit, match="expected test_images and test_labels"):
        medmnist.read_test(tmp_path / "other.npz")


def test_offline_it_says_which_file_to_bring(
    medmnist: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(medmnist.urllib.request, "urlopen", unreachable)
    with pytest.raises(SystemExit, match=r"bring https://\S+/bloodmnist\.npz\S* and put it at") as raised:
        medmnist.fetched("bloodmnist", cache=tmp_path)
    assert str(tmp_path / "bloodmnist.npz") in str(raised.value)
    with pytest.raises(SystemExit, match=r"there is no file 'missing\.npz'"):
        medmnist.fetched("missing.npz", cache=tmp_path)


def test_the_modules_of_the_benchmarks_are_found_beside_them(study: ModuleType) -> None:
    assert Path(study.__file__ or "").parent == ROOT / "benchmarks"
    assert "default_study" in sys.modules
