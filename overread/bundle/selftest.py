"""A bundle's self-test: small made pictures and what the bundle said of them when it was packed.

The pictures are no patients and no test of quality. They show that decoding, preprocessing and network
give on this machine what they gave where the bundle was made.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overread.bundle.metadata import made_metadata
from overread.bundle.read import Reader
from overread.bundle.triage import Decision
from overread.errors import BundleError, DecodeError

FOLDER, EXPECTED_NAME = "selftest", "selftest/expected.json"
SCORE_TOLERANCE = 1e-5
NOVELTY_TOLERANCE = 1e-4
"""Scaled: |a - b| / (1 + |b|), as novelty has no fixed range."""
_SEED = 20261101
_EXIF_ORIENTATION = 0x0112


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedReading(_Part):
    """What the bundle said of one picture when it was packed, and what it was told beside it."""

    file: str
    metadata: dict[str, float | str] = {}
    scores: tuple[Annotated[float, Field(allow_inf_nan=False)], ...]
    novelty: Annotated[float, Field(allow_inf_nan=False)]
    decision: Decision


class Expected(_Part):
    """The content of selftest/expected.json."""

    images: tuple[ExpectedReading, ...] = Field(min_length=1)


class Replay(_Part):
    """How far the bundle is from what it said when it was packed.

    Args:
        images: How many pictures were read.
        max_score_difference: Largest |Δscore|.
        max_novelty_difference: Largest scaled |Δnovelty|.
    """

    images: int
    max_score_difference: float
    max_novelty_difference: float


def selftest_images() -> dict[str, bytes]:
    """The pictures by file name: JPEG and PNG, wide, tall, grey, tiny, large and turned by EXIF.

    The JPEGs have the samplings of cameras (4:2:0, 4:2:2, 4:4:4) and odd sides, where decoders differ.

    Always the same pixels; together below 300 kB.
    """
    return dict(_drawn())


@cache
def _drawn() -> tuple[tuple[str, bytes], ...]:
    # Every step of a study asks for them, and drawing them takes half a second.
    rng = np.random.default_rng(_SEED)
    turned = PillowImage.Exif()
    turned[_EXIF_ORIENTATION] = 6
    pictures = {
        "01-blob.jpg": _jpeg(_blob(rng, 241, 239), sampling="4:4:4"),
        "02-wide.png": _png(_blob(rng, 120, 200)),
        "03-tall.jpg": _jpeg(_blob(rng, 321, 151), sampling="4:2:2"),
        "04-grey.png": _png(_blob(rng, 160, 160)[..., 1]),
        "05-large.jpg": _jpeg(_blob(rng, 1200, 1600), quality=70),
        "06-tiny.png": _png(_blob(rng, 5, 7)),
        "07-turned.jpg": _jpeg(_blob(rng, 181, 261), exif=turned.tobytes()),
        "08-noise.png": _png(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)),
    }
    return tuple(pictures.items())


def record(reader: Reader, images: Mapping[str, bytes]) -> bytes:
    """Read the pictures and write down what came: the bytes of expected.json.

    A bundle that asks for metadata reads each picture twice: knowing nothing, and told something made.

    Raises:
        BundleError: The bundle gives a score or a novelty that is not a finite number.
    """
    rows = []
    nothing: dict[str, float | str] = {}
    asked: list[dict[str, float | str]] = made_metadata(reader.fields, len(images)) if reader.fields else []
    told = [(name, nothing) for name in sorted(images)]
    told += list(zip(sorted(images), asked, strict=False))
    for name, metadata in told:
        reading = reader.read_one(images[name], where=f"picture '{name}'", metadata=metadata)
        if not (np.isfinite(reading.scores).all() and np.isfinite(reading.novelty)):
            raise BundleError(
                "gives numbers that are not finite on a self-test picture",
                where=f"bundle '{reading.bundle}', picture '{name}'",
                todo="train the reader again with a lower learning rate",
            )
        scores = tuple(float(score) for score in reading.scores)
        rows.append(
            ExpectedReading(
                file=name,
                metadata=metadata,
                scores=scores,
                novelty=reading.novelty,
                decision=reading.decision,
            )
        )
    return (json.dumps(Expected(images=tuple(rows)).model_dump(mode="json"), indent=2) + "\n").encode()


def replay(reader: Reader, *, expected: bytes, file: Callable[[str], bytes], where: str) -> Replay:
    """Read the pictures again and compare.

    Args:
        reader: The bundle's.
        expected: Bytes of expected.json.
        file: Gives a file of the bundle by name.
        where: The bundle, for messages.

    Raises:
        BundleError: A score, a novelty or a decision differs; names the picture.
    """
    try:
        wanted = Expected.model_validate_json(expected, strict=True)
    except ValidationError as error:
        raise BundleError(
            "is not a list of expected readings", where=f"{where}, file '{EXPECTED_NAME}'"
        ) from error
    score_gap = novelty_gap = 0.0
    for row in wanted.images:
        here = f"{where}, picture '{FOLDER}/{row.file}'"
        try:
            reading = reader.read_one(file(f"{FOLDER}/{row.file}"), where=here, metadata=row.metadata)
        except DecodeError as error:
            raise BundleError(f"cannot be read here ({error.what})", where=here) from error
        scores = np.asarray(row.scores)
        if scores.shape != reading.scores.shape:
            raise BundleError(f"expected {len(scores)} scores, got {len(reading.scores)}", where=here)
        gap = float(np.max(np.abs(reading.scores.astype(np.float64) - scores)))
        drift = abs(reading.novelty - row.novelty) / (1.0 + abs(row.novelty))
        if not (gap <= SCORE_TOLERANCE and drift <= NOVELTY_TOLERANCE and reading.decision == row.decision):
            raise BundleError(
                f"reads '{reading.decision}' with scores off by {gap:.2g} and novelty by {drift:.2g}; "
                f"expected '{row.decision}' within {SCORE_TOLERANCE:g} and {NOVELTY_TOLERANCE:g}",
                where=here,
                todo="do not use the bundle on this machine; compare the versions of onnxruntime",
            )
        score_gap, novelty_gap = max(score_gap, gap), max(novelty_gap, drift)
    pictures = len({row.file for row in wanted.images})
    return Replay(images=pictures, max_score_difference=score_gap, max_novelty_difference=novelty_gap)


def _blob(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    """A dark spot on a smooth ground, uint8 [height, width, 3]."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    centre, radius = rng.uniform(-0.2, 0.2, 2), rng.uniform(0.3, 0.5)
    angle = np.arctan2(y - centre[0], x - centre[1])
    edge = radius * (1 + 0.15 * np.sin(3 * angle + rng.uniform(0, 6)))
    inside = 1 / (1 + np.exp((np.hypot(y - centre[0], x - centre[1]) - edge) * 25))
    ground, spot = rng.uniform(150, 230, 3), rng.uniform(30, 110, 3)
    shade = 1 + 0.1 * x + 0.05 * y
    pixels = (ground + inside[..., None] * (spot - ground)) * shade[..., None]
    rounded: NDArray[np.uint8] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded


def _jpeg(
    pixels: NDArray[np.uint8], *, quality: int = 90, sampling: str = "4:2:0", exif: bytes = b""
) -> bytes:
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "JPEG", quality=quality, subsampling=sampling, exif=exif)
    return stream.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
