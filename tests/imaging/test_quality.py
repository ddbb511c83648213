"""Size, brightness and sharpness of photographs, by hand and by Pillow; and the vectors for browsers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from overread.imaging import GraphRunner, Preprocess, preprocess_graph
from overread.imaging.quality import (
    QUALITY_WARNINGS,
    ImageQuality,
    QualityLimits,
    measure_quality,
    quality_warnings,
)

VECTORS = Path(__file__).parents[2] / "web" / "tests" / "reader" / "quality.vectors.json"
LIMITS = QualityLimits(images=9, shorter_side=50, dark=80.0, bright=200.0, sharpness=20.0)
SPEC = Preprocess(size=32, interpolation="bilinear")


def measured(pixels: NDArray[np.uint8], spec: Preprocess = SPEC) -> ImageQuality:
    inputs = GraphRunner(preprocess_graph(spec))(pixels)
    return measure_quality(inputs, height=pixels.shape[0], width=pixels.shape[1], spec=spec)


def luma_of(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(Image.fromarray(pixels).convert("L"), np.float64)


def pattern(size: int, seed: int) -> NDArray[np.uint8]:
    """Levels by a formula that web/tests/reader/quality.test.ts repeats."""
    row, column, channel = np.mgrid[:size, :size, :3]
    levels = (row * row * (seed + 1) + column * (7 + seed) + row * column + 29 * channel * seed) % 256
    return levels.astype(np.uint8)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        Preprocess(size=32, interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        Preprocess(size=32, interpolation="bilinear", mean=(0.0, 0.1, 0.9), std=(1.0, 0.01, 3.7)),
    ],
)
def test_luma_is_pillows_whatever_the_normalisation(spec: Preprocess) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    luma = luma_of(pixels)
    inner = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    found = measured(pixels, spec)
    assert found.brightness == luma.mean()
    assert found.sharpness == pytest.approx(laplacian.var(), rel=1e-12)


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_flat_picture_has_its_brightness_and_no_sharpness(level: int) -> None:
    assert measured(np.full((40, 60, 3), level, np.uint8)) == ImageQuality(40, float(level), 0.0)


def test_checkerboard_is_as_sharp_as_can_be() -> None:
    board = np.repeat(np.indices((32, 32)).sum(0)[..., None] % 2 * 255, 3, axis=2).astype(np.uint8)
    assert measured(board).sharpness == (4 * 255) ** 2


def test_slope_has_no_sharpness() -> None:
    slope = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 5, (32, 32, 3))
    assert measured(np.ascontiguousarray(slope)).sharpness == 0.0


@pytest.mark.parametrize("size", [1, 2])
def test_input_without_inner_pixels_has_no_sharpness(size: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    assert measured(pixels, Preprocess(size=size, interpolation="bilinear")).sharpness == 0.0


@pytest.mark.parametrize(
    ("quality", "warnings"),
    [
        (ImageQuality(50, 80.0, 20.0), ()),
        (ImageQuality(50, 200.0, 20.0), ()),
        (ImageQuality(49, 100.0, 30.0), ("small",)),
        (ImageQuality(50, 79.9, 30.0), ("dark",)),
        (ImageQuality(50, 200.1, 30.0), ("bright",)),
        (ImageQuality(50, 100.0, 19.9), ("blurred",)),
        (ImageQuality(1, 0.0, 0.0), ("small", "dark", "blurred")),
    ],
)
def test_what_is_beyond_a_limit_is_warned_of(quality: ImageQuality, warnings: tuple[str, ...]) -> None:
    assert quality_warnings(quality, LIMITS) == warnings
    assert set(warnings) <= set(QUALITY_WARNINGS)


@pytest.mark.parametrize(
    "changes",
    [{"dark": 200.0}, {"dark": -1.0}, {"sharpness": float("nan")}, {"images": 0}, {"bright": 256.0}],
)
def test_limits_that_cannot_be_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        QualityLimits(**{**LIMITS.model_dump(), **changes})


def test_the_browsers_vectors_are_what_python_measures() -> None:
    specs = [
        Preprocess(size=24, interpolation="bilinear"),
        Preprocess(size=33, interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        Preprocess(size=8, interpolation="bilinear", mean=(0.0, 0.1, 0.9), std=(1.0, 0.01, 3.7)),
        Preprocess(size=2, interpolation="bilinear"),
    ]
    cases = []
    for seed, spec in enumerate(specs):
        found = measured(pattern(spec.size, seed), spec)
        # A limit at what was measured is kept; the smallest step beyond it is warned of.
        limits = QualityLimits(
            images=1,
            shorter_side=spec.size + seed % 2,
            dark=found.brightness if seed % 2 else np.nextafter(found.brightness, 255),
            bright=255.0,
            sharpness=found.sharpness if seed % 2 else np.nextafter(found.sharpness, 9e9),
        )
        cases.append(
            {
                "seed": seed,
                "preprocess": spec.model_dump(mode="json"),
                "limits": limits.model_dump(mode="json"),
                "brightness": found.brightness,
                "sharpness": found.sharpness,
                "warnings": list(quality_warnings(found, limits)),
            }
        )
    assert json.loads(VECTORS.read_text("utf-8")) == cases, f"write {VECTORS.name} anew: {json.dumps(cases)}"
