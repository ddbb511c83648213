"""Is a photograph worth reading? Its size, brightness and sharpness, measured on what the network gets.

All sums are of whole numbers, so that a browser (web/src/reader/quality.ts) comes to the same bits. It warns
and never decides: an image that is dark is read as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from overread.imaging.preprocess import Preprocess

QualityWarning = Literal["small", "dark", "bright", "blurred"]
QUALITY_WARNINGS: tuple[QualityWarning, ...] = ("small", "dark", "bright", "blurred")

# ITU-R BT.601 times 65536, as Pillow's "L" has it. Whole numbers of at most 2^24: exact in float32.
_LUMA = np.array([19595, 38470, 7471], np.float32)
_Level = Annotated[float, Field(ge=0, le=255, allow_inf_nan=False)]


class QualityLimits(BaseModel):
    """What a photograph must have not to be warned of.

    Attributes:
        images: Photographs of train and tune that the limits rest on.
        shorter_side: In pixels; a photograph with a shorter one is small.
        dark: Mean luma, 0..255; below it a photograph is dark.
        bright: Mean luma, 0..255; above it a photograph is bright.
        sharpness: Variance of the Laplacian of luma; below it a photograph is blurred.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = Field(ge=1)
    shorter_side: int = Field(ge=1)
    dark: _Level
    bright: _Level
    sharpness: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.dark >= self.bright:
            raise ValueError(f"expected dark below bright, got {self.dark:g} and {self.bright:g}")
        return self


@dataclass(frozen=True)
class ImageQuality:
    """What was measured of one photograph.

    Attributes:
        shorter_side: Of the decoded photograph, in pixels.
        brightness: Mean luma of the network's input, 0..255.
        sharpness: Variance of the 4-neighbour Laplacian of its luma (inner pixels): 0 for a flat picture,
            some 10 to 1000 for photographs.
    """

    shorter_side: int
    brightness: float
    sharpness: float


def measure_quality(
    inputs: NDArray[np.float32], *, height: int, width: int, spec: Preprocess
) -> ImageQuality:
    """Measure a photograph.

    Args:
        inputs: What preprocess.onnx made of it, float32 [1, 3, size, size].
        height: Of the decoded photograph, in pixels.
        width: Of the decoded photograph, in pixels.
        spec: What preprocess.onnx does.

    Source: variance of the Laplacian as a measure of focus: Pech-Pacheco et al., Diatom autofocusing in
    brightfield microscopy, ICPR 2000.
    """
    luma = _luma(inputs[0], spec)
    brightness = float(luma.sum(dtype=np.float64)) / luma.size
    return ImageQuality(min(height, width), brightness, _laplacian_variance(luma))


def quality_warnings(measured: ImageQuality, limits: QualityLimits) -> tuple[QualityWarning, ...]:
    """What a photograph is warned of, in the order of `QUALITY_WARNINGS`; () where nothing."""
    found: tuple[tuple[QualityWarning, bool], ...] = (
        ("small", measured.shorter_side < limits.shorter_side),
        ("dark", measured.brightness < limits.dark),
        ("bright", measured.brightness > limits.bright),
        ("blurred", measured.sharpness < limits.sharpness),
    )
    return tuple(name for name, so in found if so)


def _luma(planes: NDArray[np.float32], spec: Preprocess) -> NDArray[np.float32]:
    """Luma of normalised planes [3, h, w]: whole numbers 0..255, float32 [h, w]."""
    scale = (np.asarray(spec.std, np.float64) * 255).astype(np.float32)
    shift = (np.asarray(spec.mean, np.float64) * 255).astype(np.float32)
    flat = planes.reshape(3, -1) * scale[:, None]
    flat += shift[:, None]
    np.rint(flat, out=flat)
    luma: NDArray[np.float32] = _LUMA @ flat
    luma += 32768
    luma *= 1 / 65536
    return np.floor(luma, out=luma).reshape(planes.shape[1:])


def _laplacian_variance(luma: NDArray[np.float32]) -> float:
    """0 where there is no inner pixel."""
    inner = luma[1:-1, 1:-1]
    if not inner.size:
        return 0.0
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1]
    edges += luma[1:-1, :-2]
    edges += luma[1:-1, 2:]
    edges -= 4 * inner
    # In float64 sums of whole numbers are exact in whatever order they are taken.
    values = edges.ravel().astype(np.float64)
    mean = float(values.sum()) / values.size
    return float(values @ values) / values.size - mean * mean
