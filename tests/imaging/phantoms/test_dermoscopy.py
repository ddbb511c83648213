"""Generated lesions are reproducible, shared by patients, and learnable without being trivial."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from overread.errors import UsageError
from overread.imaging import decode
from overread.imaging.phantoms import draw_lesion, draw_patient, draw_phantom, generate_skin


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def hashes_of(folder: Path) -> dict[str, str]:
    return {
        row["image"]: hashlib.sha256((folder / row["image"]).read_bytes()).hexdigest()
        for row in rows_of(folder)
    }


@pytest.fixture(scope="module")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_skin(tmp_path_factory.mktemp("phantoms") / "skin", patients=8, seed=1)


def test_the_table_names_every_image_once(skin: Path) -> None:
    rows = rows_of(skin)
    files = {str(path.relative_to(skin)) for path in skin.glob("*/*.jpg")}
    assert [*rows[0]] == ["image", "label", "patient_id", "age", "sex", "site"]
    assert len(rows) == len(files)
    assert {row["image"] for row in rows} == files
    for row in rows:
        assert row["image"].startswith(row["label"] + "/")
        assert 15 <= float(row["age"]) <= 90
        assert row["sex"] in {"F", "M"}


def test_image_names_do_not_tell_the_class(skin: Path) -> None:
    for row in rows_of(skin):
        assert "malignant" not in Path(row["image"]).name
        assert "benign" not in Path(row["image"]).name


def test_images_are_colour_photographs_of_moderate_size(skin: Path) -> None:
    for row in rows_of(skin):
        pixels = decode((skin / row["image"]).read_bytes())
        assert 320 <= max(pixels.shape[:2]) <= 480
        assert pixels.std() > 5


def test_a_patient_has_one_to_four_images_of_one_age_and_sex(skin: Path) -> None:
    by_patient: dict[str, list[dict[str, str]]] = {}
    for row in rows_of(skin):
        by_patient.setdefault(row["patient_id"], []).append(row)
    assert len(by_patient) == 8
    for rows in by_patient.values():
        assert 1 <= len(rows) <= 4
        assert len({(row["age"], row["sex"]) for row in rows}) == 1


def test_a_larger_set_holds_the_smaller_one(skin: Path, tmp_path: Path) -> None:
    smaller = hashes_of(generate_skin(tmp_path / "smaller", patients=3, seed=1))
    larger = hashes_of(skin)
    assert smaller.items() <= larger.items()
    assert len(smaller) < len(larger)


def test_another_seed_gives_other_images() -> None:
    first, second = (draw_phantom(seed, draw_patient(seed, 0), 0).pixels for seed in (1, 2))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_an_image_does_not_depend_on_what_was_drawn_before() -> None:
    patient = draw_patient(5, 2)
    alone = draw_phantom(5, patient, 1).pixels
    draw_phantom(5, draw_patient(5, 0), 0)
    np.testing.assert_array_equal(alone, draw_phantom(5, draw_patient(5, 2), 1).pixels)
    assert not np.array_equal(alone, draw_phantom(5, patient, 2).pixels)


def test_the_same_call_again_keeps_the_folder_and_another_is_refused(skin: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in skin.rglob("*")}
    assert generate_skin(skin, patients=8, seed=1) == skin
    assert before == {path: path.stat().st_mtime_ns for path in skin.rglob("*")}
    with pytest.raises(UsageError, match="another folder"):
        generate_skin(skin, patients=9, seed=1)


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / ".skin.partial" / "benign"
    left.mkdir(parents=True)
    (left / "half.jpg").write_bytes(b"\xff\xd8")
    made = generate_skin(tmp_path / "skin", patients=1, seed=0)
    assert "half.jpg" not in {path.name for path in made.rglob("*")}
    assert not left.exists()


@pytest.mark.parametrize(
    "change", [{"patients": 0}, {"seed": -1}, {"malignant_share": 0.0}, {"malignant_share": 1.0}]
)
def test_numbers_that_cannot_be_right_are_refused(change: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected at least one patient"):
        generate_skin(tmp_path / "skin", **{"patients": 2, "seed": 0, **change})


def labels(malignant_share: float, patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class, age and patient of many images, without drawing them."""
    import overread.imaging.phantoms.dermoscopy as module

    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "draw_lesion", lambda *_, **__: np.zeros((1, 1, 3), np.uint8))
        for number in range(patients):
            patient = draw_patient(7, number)
            for index in range(patient.images):
                phantom = draw_phantom(7, patient, index, malignant_share=malignant_share)
                found.append((phantom.malignant, patient.age, number))
    table = np.array(found, float)
    return table[:, 0], table[:, 1], table[:, 2]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_share_of_malignant_images_is_the_one_asked_for(share: float) -> None:
    malignant, _, _ = labels(share, 1500)
    assert malignant.mean() == pytest.approx(share, abs=0.035)


def test_malignant_patients_are_older_and_cluster() -> None:
    malignant, age, patient = labels(0.3, 1500)
    assert 5 < age[malignant == 1].mean() - age[malignant == 0].mean() < 16
    # Images of one patient agree more often than chance has it: the mean product within pairs exceeds share².
    same = [malignant[i] * malignant[i + 1] for i in range(len(patient) - 1) if patient[i] == patient[i + 1]]
    assert np.mean(same) > 1.2 * malignant.mean() ** 2


def darkness(malignancy: float, count: int = 24) -> float:
    """Mean contrast of lesions to the skin round them."""
    found = []
    for seed in range(count):
        pixels = draw_lesion(malignancy, np.random.default_rng(seed)).astype(float).mean(axis=2)
        height, width = pixels.shape
        middle = pixels[height // 4 : -height // 4, width // 4 : -width // 4]
        found.append(np.median(pixels) - np.percentile(middle, 5))
    return float(np.mean(found))


def test_what_looks_malignant_is_darker() -> None:
    assert darkness(2.5) > darkness(-2.5) + 10


def summary(pixels: np.ndarray) -> np.ndarray:
    """Colour quantiles, and how dark, large and ragged the lesion is: what any network sees."""
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((96, 96)), np.float32) / 255
    quantiles = np.percentile(small.reshape(-1, 3), (1, 5, 10, 25, 50, 75, 95), axis=0).ravel()
    dark = small.mean(axis=2) < 0.8 * np.median(small.mean(axis=2))
    edge = np.abs(np.diff(dark, axis=0)).mean() + np.abs(np.diff(dark, axis=1)).mean()
    blue = np.percentile((small[..., 2] - small[..., 0])[dark], 95) if dark.any() else 0
    return np.array(
        [*quantiles, *small.std(axis=(0, 1)), dark.mean(), edge, edge / (dark.mean() + 0.02), blue]
    )


@pytest.mark.slow
def test_simple_features_tell_the_classes_apart_but_not_all_of_them() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, truth, groups = [], [], []
    for number in range(170):
        patient = draw_patient(11, number)
        for index in range(patient.images):
            phantom = draw_phantom(11, patient, index)
            features.append(summary(phantom.pixels))
            truth.append(phantom.malignant)
            groups.append(number)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000))
    scores = cross_val_predict(
        model, np.stack(features), truth, groups=groups, cv=GroupKFold(5), method="decision_function"
    )
    assert 0.78 < roc_auc_score(truth, scores) < 0.95
