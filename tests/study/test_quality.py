"""Limits of photographs: drawn round those of train and tune, and what they catch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from overread.cohort import Cohort
from overread.imaging import GraphRunner, Preprocess, decode, preprocess_graph
from overread.imaging.phantoms import draw_lesion
from overread.imaging.quality import ImageQuality, QualityLimits, measure_quality, quality_warnings
from overread.study import quality
from overread.study.quality import LEAST_IMAGES, fit_limits, quality_limits
from tests.training.made import small_cohort

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))
SPEC = Preprocess(size=96, interpolation="bilinear")

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def measure() -> Callable[[Pixels], ImageQuality]:
    run = GraphRunner(preprocess_graph(SPEC))
    return lambda pixels: measure_quality(
        run(np.ascontiguousarray(pixels)), height=pixels.shape[0], width=pixels.shape[1], spec=SPEC
    )


@pytest.fixture(scope="module")
def lesions() -> list[Pixels]:
    rng = np.random.default_rng(3)
    return [draw_lesion(rng.normal(), rng) for _ in range(56)]


@pytest.fixture(scope="module")
def limits(lesions: list[Pixels], measure: Callable[[Pixels], ImageQuality]) -> QualityLimits:
    found = fit_limits(
        [[measure(one) for one in lesions[:30]], [measure(one) for one in lesions[30:40]]], size=96
    )
    assert found is not None
    assert found.images == 40
    return found


def blurred(pixels: Pixels) -> Pixels:
    radius = 2.5 * min(pixels.shape[:2]) / SPEC.size
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def lit(pixels: Pixels, light: float) -> Pixels:
    return np.clip(pixels * light, 0, 255).astype(np.uint8)


def tiny(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).resize((60, 50)))


SPOILED: dict[str, tuple[str, Callable[[Pixels], Pixels]]] = {
    "blurred": ("blurred", blurred),
    "darkened": ("dark", lambda pixels: lit(pixels, 0.25)),
    "overexposed": ("bright", lambda pixels: lit(pixels, 3.0)),
    "tiny": ("small", tiny),
    "flat": ("blurred", lambda pixels: np.full_like(pixels, (205, 160, 135))),
}


def test_photographs_as_they_are_pass(
    lesions: list[Pixels], limits: QualityLimits, measure: Callable[[Pixels], ImageQuality]
) -> None:
    assert not any(quality_warnings(measure(one), limits) for one in lesions[:40])
    assert sum(bool(quality_warnings(measure(one), limits)) for one in lesions[40:]) <= 1


@pytest.mark.parametrize("kind", SPOILED)
def test_spoiled_photographs_are_caught(
    kind: str, lesions: list[Pixels], limits: QualityLimits, measure: Callable[[Pixels], ImageQuality]
) -> None:
    warning, spoil = SPOILED[kind]
    found = [quality_warnings(measure(spoil(one)), limits) for one in lesions[40:]]
    assert sum(warning in one for one in found) >= 14


qualities = st.builds(
    ImageQuality,
    st.integers(1, 5000),
    st.floats(0, 255),
    st.floats(0, 1e5),
)


@settings(max_examples=60)
@given(st.lists(qualities, min_size=1, max_size=30), st.lists(qualities, max_size=30), st.integers(1, 512))
def test_no_photograph_of_a_small_split_is_beyond(
    train: list[ImageQuality], tune: list[ImageQuality], size: int
) -> None:
    limits = fit_limits([train, tune], size=size)
    assert limits is not None
    assert not any(quality_warnings(one, limits) for one in [*train, *tune])


def test_at_most_two_in_a_hundred_of_each_split_are_beyond() -> None:
    rng = np.random.default_rng(0)
    splits = [
        [
            ImageQuality(1 + int(side), light, sharp)
            for side, light, sharp in rng.random((400, 3)) * (300, 255, 90)
        ]
        for _ in range(2)
    ]
    splits[1][:100] = [ImageQuality(300, 128.0, 50.0)] * 100
    limits = fit_limits(splits, size=1000)
    assert limits is not None
    for split in splits:
        assert np.mean([bool(quality_warnings(one, limits)) for one in split]) <= 0.02
    # Two of 400 may be beyond, so the worst alone does not set the limit.
    worst = min(one.sharpness for split in splits for one in split)
    assert limits.sharpness > 0.8 * worst


def test_as_many_pixels_as_the_network_takes_are_enough() -> None:
    large, small = ([ImageQuality(side, 100.0, 50.0)] * 30 for side in (450, 150))
    assert [fit_limits([one], size=224) for one in ((), [])] == [None, None]
    found = [fit_limits([split], size=224) for split in (large, small)]
    assert [one.shorter_side for one in found if one] == [224, 150]


def test_few_photographs_leave_more_room() -> None:
    few, many = (fit_limits([[ImageQuality(99, 100.0, 50.0)] * count], size=9) for count in (20, 200))
    assert few is not None
    assert many is not None
    assert (few.dark < many.dark, few.bright > many.bright, few.sharpness < many.sharpness) == (True,) * 3
    assert (many.dark, many.bright, many.sharpness) == pytest.approx((90.0, 115.5, 40.0))


def test_a_cohorts_train_and_tune_are_measured_and_test_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = small_cohort(tmp_path, positive="malignant")
    asked: list[str] = []
    own = Cohort.each_image

    def each_image(self: Cohort, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        asked.extend(ids := list(ids))
        return own(self, ids)

    monkeypatch.setattr(Cohort, "each_image", each_image)
    found = quality_limits(cohort, SPEC, seed=0)
    known = {
        split: cohort.table(["image_id"], split=split)["image_id"].to_pylist() for split in ("train", "tune")
    }
    assert sorted(asked) == sorted([*known["train"], *known["tune"]])
    assert found is not None
    assert found.images == len(asked)
    for name, most, count in (("MOST_IMAGES", 7, 14), ("LEAST_IMAGES", 10**6, 0)):
        asked.clear()
        monkeypatch.setattr(quality, "LEAST_IMAGES", 1)
        monkeypatch.setattr(quality, name, most)
        drawn = quality_limits(cohort, SPEC, seed=0)
        assert len(asked) == count
        assert (drawn is None) == (count == 0)
    assert LEAST_IMAGES == 20


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "data" / "skin").is_dir(), reason=f"no shared data in {SHARED}")
def test_spoiled_photographs_of_real_skin_are_caught(measure: Callable[[Pixels], ImageQuality]) -> None:
    files = sorted((SHARED / "data" / "skin" / "train").rglob("*.jpeg"))
    np.random.default_rng(1).shuffle(files)  # type: ignore[arg-type]
    photographs = [decode(file.read_bytes()) for file in files[:170]]
    limits = fit_limits([[measure(one) for one in photographs[:150]]], size=96)
    assert limits is not None
    others = photographs[150:]
    assert sum(bool(quality_warnings(measure(one), limits)) for one in others) <= 2
    for kind, (warning, spoil) in SPOILED.items():
        found = [quality_warnings(measure(spoil(one)), limits) for one in others]
        assert sum(warning in one for one in found) >= 18, kind
