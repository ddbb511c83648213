"""The audit as a whole: planted shortcuts are found, and nothing else."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from overread.exploration import shortcuts
from overread.exploration.shortcuts import Shortcut, audit_shortcuts
from overread.exploration.subject import Subject
from overread.imaging.measure import measure
from tests.exploration.audited import coin, subject


def audit(made: Subject, *, seed: int = 0) -> dict[str, Shortcut]:
    """By factor; for a subject of one finding."""
    return {one.factor: one for one in audit_shortcuts(made, seed=seed, resamples=100)}


def pictures(labels: list[int], *, planted: str) -> dict[str, list[object]]:
    """Measurements of made images whose classes differ in one thing, or in "nothing"."""
    rows = []
    for at, label in enumerate(labels):
        differs = bool(label) and at % 4 != 0  # so that the shortcut is not perfect
        rng = np.random.default_rng(at)
        pixels = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
        if planted == "border" and differs:
            pixels[:2] = pixels[-2:] = pixels[:, :2] = pixels[:, -2:] = 0
        file = io.BytesIO()
        Image.fromarray(pixels).save(
            file, "JPEG", quality=75 if planted == "jpeg-quality" and differs else 90
        )
        rows.append(measure(file.getvalue(), pixels) | {"file_bytes": 1000 + int(rng.integers(100))})
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("planted", ["jpeg-quality", "border", "nothing"])
def test_what_was_planted_in_the_pictures_is_found(planted: str) -> None:
    labels = coin(160)
    found = audit(subject(labels, measured=pictures(labels, planted=planted)))
    warned = {name for name, one in found.items() if one.warned}
    assert warned - {"image", "exposure"} == {planted} - {"nothing"}
    assert (planted == "nothing") == ("image" not in warned)
    if planted == "jpeg-quality":
        assert found["jpeg-quality"].auc == pytest.approx(0.875, abs=0.05)
        assert "JPEG quality 75" in found["jpeg-quality"].sentence


def test_a_size_that_differs_is_found_and_told() -> None:
    labels = [0, 1] * 60
    sizes = [600 if one and at % 12 != 1 else 1022 for at, one in enumerate(labels)]
    found = audit(subject(labels, width=sizes, height=[450] * 120))
    size = found["image-size"]
    assert size.warned
    assert size.sentence == (
        f"From the image's size alone, sick can be told from well with AUC {size.auc:.2f} "
        f"[{size.low:.2f}, {size.high:.2f}]: 83 % of sick images are of 600 × 450 pixels, but 0 % of well "
        "images. A reader can learn this instead of the disease."
    )
    assert found["aspect"].warned
    assert "image" in found


def test_extremes_are_the_images_that_the_factor_means() -> None:
    labels = [0, 1] * 60
    made = subject(labels, source=["A" if one else "B" for one in labels])
    found = audit(made)["source"]
    assert (len(found.lowest), len(found.highest)) == (4, 4)
    assert {int(one[1:]) % 2 for one in found.lowest} == {0}
    assert {int(one[1:]) % 2 for one in found.highest} == {1}
    other = audit(made, seed=1)["source"]
    assert (other.lowest, other.highest) != (found.lowest, found.highest)


def test_extremes_show_different_patients() -> None:
    labels = [at // 10 % 2 for at in range(200)]
    patients = [f"p{at // 10}" for at in range(200)]
    found = audit(subject(labels, patients=patients, device=[f"d{one}" for one in labels]))["device"]
    assert len({patients[int(one[1:])] for one in found.highest}) == 4


def test_chance_is_rarely_warned_of() -> None:
    warned = asked = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        made = subject(
            coin(150, seed=seed),
            age=list(rng.normal(50, 10, 150)),
            source=[str(one) for one in rng.choice(["A", "B", "C"], 150)],
        )
        found = audit(made)
        asked += len(found)
        warned += sum(one.warned for one in found.values())
    assert asked == 50
    assert warned <= 2


def test_a_patients_images_are_not_evidence_of_their_own() -> None:
    # Each patient's images look alike and are alike in label; nothing else is to be learnt.
    rng = np.random.default_rng(0)
    patients = [f"p{at // 20}" for at in range(400)]
    labels = [int(one) for one in (np.arange(20) % 2).repeat(20)]
    ages = list(np.round(rng.normal(50, 20, 20), 1).repeat(20))
    found = audit(subject(labels, patients=patients, age=ages))["age"]
    assert not found.warned
    assert found.high - found.low > 0.3


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    labels = coin(120)
    values = list(np.random.default_rng(5).normal(size=120) + np.array(labels))
    first = audit_shortcuts(subject(labels, age=values), resamples=50)
    shuffled = [int(at) for at in np.random.default_rng(0).permutation(120)]
    assert audit_shortcuts(subject(labels, age=values, order=shuffled), resamples=50) == first
    assert audit_shortcuts(subject(labels, age=values), seed=1, resamples=50) != first


@pytest.mark.parametrize(("sick", "patients"), [(9, 9), (40, 2), (0, 0)])
def test_too_few_have_no_auc_and_the_sentence_says_so(sick: int, patients: int) -> None:
    labels = [1] * sick + [0] * 60
    people = [f"s{at % patients}" for at in range(sick)] + [f"w{at}" for at in range(60)]
    found = audit(subject(labels, patients=people, age=[float(at) for at in range(len(labels))]))["age"]
    assert math.isnan(found.auc)
    assert math.isnan(found.low)
    assert (found.warned, found.lowest, found.highest, found.images) == (False, (), (), sick + 60)
    assert found.sentence == (
        f"Whether sick can be told from well by age alone cannot be said: it is known of {sick} sick images "
        "and of 60 well images; at least 10 images of 3 patients are needed on either side."
    )


def test_age_is_not_told_from_its_absence() -> None:
    labels = [0, 1] * 60
    rng = np.random.default_rng(0)
    ages = [None if one and at // 2 % 4 else float(rng.integers(20, 80)) for at, one in enumerate(labels)]
    found = audit(subject(labels, age=ages))
    assert not found["age"].warned
    assert found["age"].images == 60 + 15
    assert found["missing-metadata"].warned
    assert "have no age stated, but 0 %" in found["missing-metadata"].sentence


def test_every_finding_is_asked_against_the_rest() -> None:
    kinds = np.arange(150) % 3
    devices = ["x" if kind == 2 else "y" for kind in kinds]
    made = subject(
        [[float(kind == at) for at in range(3)] for kind in kinds],
        task="multiclass",
        classes=("a", "b", "c"),
        device=devices,
    )
    found = audit_shortcuts(made, resamples=50)
    assert [(one.class_name, one.factor) for one in found] == [(name, "device") for name in "abc"]
    assert found[2].auc == 1.0
    assert found[0].auc == pytest.approx(0.75, abs=0.01)
    assert "c can be told from the rest" in found[2].sentence
    assert "% of the others" in found[2].sentence


def test_labels_that_are_not_stated_are_left_out() -> None:
    nan = math.nan
    rows = [[1.0, nan] if at % 2 else [0.0, float(at % 4 == 0)] for at in range(160)]
    made = subject(
        rows,
        task="multilabel",
        classes=("mass", "edema"),
        view=["AP" if at % 4 else "PA" for at in range(160)],
    )
    mass, edema = audit_shortcuts(made, resamples=50)
    assert (mass.images, edema.images) == (160, 80)
    assert edema.auc == 1.0
    assert mass.auc == pytest.approx(0.75, abs=0.01)


def test_unlabelled_images_are_left_out() -> None:
    labels = [None if at % 3 == 0 else at % 2 for at in range(120)]
    found = audit(subject(labels, device=["x" if at % 2 else "y" for at in range(120)]))["device"]
    assert (found.images, found.auc) == (80, 1.0)


def test_nothing_to_ask_is_no_error() -> None:
    assert audit_shortcuts(subject([0, 1] * 20)) == ()
    assert audit_shortcuts(subject([])) == ()


def test_large_cohorts_are_audited_in_part_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcuts, "MOST_IMAGES", 200)
    labels = [at // 4 % 2 for at in range(400)]
    patients = [f"p{at // 4}" for at in range(400)]
    made = subject(labels, patients=patients, device=["x" if one else "y" for one in labels])
    found = audit(made)["device"]
    assert found.images == 200
    assert "(on 200 of 400 images, drawn by patient)" in found.sentence
    assert audit(made)["device"] == found


def test_undefined_figures_survive_json() -> None:
    found = audit(subject([1] * 5 + [0] * 60, age=[float(at) for at in range(65)]))["age"]
    text = found.model_dump_json()
    assert '"auc":null' in text
    assert math.isnan(Shortcut.model_validate_json(text).auc)
