"""The stage that carries a plan of upsampling out: copies of images, each another variant of its origin."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from overread.cohort.schema import AUGMENTED_SCHEMA
from overread.cohort.upsample import UpsamplingPlan, copy_id
from overread.errors import CohortError, DecodeError
from overread.imaging import Augmentation, DecodeLimits, decode, sniff
from overread.imaging.files import read_file
from overread.imaging.variant import Variant

_LIMITS = DecodeLimits()
_JPEG_QUALITY = 95
_BATCH_BYTES = 16 << 20
_TRIM = 0.01


class UpsampleStage:
    """Rows of a cohort, and behind each image of train the copies that a plan gives it.

    A row that comes in leaves as it was. A copy shows its origin's pixels as `augmentation` varies them,
    drawn by the plan's seed, the origin's id and the copy's number alone. It keeps the origin's patient,
    group, label, split and file format (JPEG of quality 95 for a JPEG, else PNG) and has its own image_id,
    bytes and sha256. At the margins, content of its own is mirrored in, but for the outermost hundredth,
    where many pictures have a thin frame. Three columns more say where a row comes from: `origin_id`, `copy`
    (0 for what came in) and `transform`, what was done in words from which it can be done again, null for
    what came in.

    Args:
        plan: Which images get how many copies.
        augmentation: How copies vary; the policy "none" repeats the file.

    Raises:
        ValueError: Copies would be worn, which words cannot repeat.
    """

    expands = True
    schema: pa.Schema = AUGMENTED_SCHEMA

    def __init__(self, plan: UpsamplingPlan, augmentation: Augmentation) -> None:
        if augmentation.wear:
            raise ValueError(f"expected copies without wear, got {augmentation.wear}")
        self.plan, self.augmentation = plan, augmentation

    @property
    def key(self) -> str:
        """What the copies depend on, besides the images."""
        return hashlib.sha256(f"upsample 3\0{self.plan.key}\0{self.augmentation}".encode()).hexdigest()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Expand rows of `IMAGE_SCHEMA`.

        Raises:
            CohortError: An image to copy is not in train, or cannot be read.
        """
        for batch in batches:
            held: list[dict[str, Any]] = []
            size = 0
            for at in range(batch.num_rows):
                for row in self._rows(batch.slice(at, 1).to_pylist()[0]):
                    held.append(row)
                    size += len(row["content"] or b"")
                    if size >= _BATCH_BYTES:
                        yield pa.RecordBatch.from_pylist(held, schema=self.schema)
                        held, size = [], 0
            if held:
                yield pa.RecordBatch.from_pylist(held, schema=self.schema)

    def _rows(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        origin: str = row["image_id"]
        yield {**row, "origin_id": origin, "copy": 0, "transform": None}
        copies = self.plan.copies.get(origin, 0)
        if not copies:
            return
        where = f"image {origin!r}"
        if row["split"] != "train":
            raise CohortError(f"expected only images of train to be copied, got {row['split']}", where=where)
        content = _content(row, where=where)
        pixels = _pixels(content, where=where) if self.augmentation.policy != "none" else None
        for copy in range(1, copies + 1):
            variant, made = Variant(), content
            if pixels is not None:
                rng = np.random.default_rng(_seed_of(self.plan.seed, origin, copy))
                variant = self.augmentation.draw(rng)
                variant = replace(variant, trim=_TRIM) if variant.moves else variant
                made = encode(variant(pixels), like=content)
            changed = {"image_id": copy_id(origin, copy), "origin_id": origin, "copy": copy}
            changed |= {"content": made, "sha256": hashlib.sha256(made).hexdigest()}
            yield {**row, **changed, "media_type": sniff(made), "transform": variant.describe()}


def _content(row: dict[str, Any], *, where: str) -> bytes:
    content: bytes | None = row["content"]
    if content is None:
        try:
            content = read_file(Path(row["uri"]), limits=_LIMITS)
        except DecodeError as error:
            raise CohortError(f"{error.what}: '{row['uri']}'", where=where, todo="bring it back") from error
    if hashlib.sha256(content).hexdigest() != row["sha256"]:
        raise CohortError(
            "its bytes are not those that the cohort was made with",
            where=where,
            todo="ingest the source again",
        )
    return content


def _pixels(content: bytes, *, where: str) -> NDArray[np.uint8]:
    try:
        return decode(content, limits=_LIMITS)
    except DecodeError as error:
        raise CohortError(error.what, where=where, todo="ingest the source again") from error


def encode(pixels: NDArray[np.uint8], *, like: bytes) -> bytes:
    """An image file with these pixels, of the other's format where that is JPEG."""
    if sniff(like) == "image/jpeg":
        return bytes(
            simplejpeg.encode_jpeg(
                np.ascontiguousarray(pixels), quality=_JPEG_QUALITY, colorspace="RGB", colorsubsampling="444"
            )
        )
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _seed_of(seed: int, image_id: str, copy: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{image_id}\0{copy}".encode()).digest()[:8], "big")
