"""Open a bundle and read images with it: the only way that anything in Overread reads an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overread.bundle.image_file import Image, to_pixels
from overread.bundle.manifest import Manifest, ManifestDraft, MetadataField
from overread.bundle.metadata import Given, tell
from overread.bundle.network import Network, cannot_run, runtime_errors
from overread.bundle.onnx_guard import refuse_external_data
from overread.bundle.reading import Reading
from overread.bundle.small import SMALL_NAME, for_small
from overread.bundle.store import load_contents, open_store, read_file
from overread.bundle.triage import decide, why_not
from overread.errors import BundleError, DecodeError, UsageError
from overread.imaging import DecodeLimits
from overread.imaging.preprocess import GraphRunner
from overread.imaging.quality import QualityWarning, measure_quality, quality_warnings

PREPROCESS_NAME, NETWORK_NAME = "preprocess.onnx", "network.onnx"
RUNNING_FILES = frozenset({PREPROCESS_NAME, NETWORK_NAME})


class Reader:
    """Preprocessing, network and triage in one: pixels in, a reading out.

    Args:
        manifest: Classes, thresholds and the label that readings carry.
        preprocess: Bytes of preprocess.onnx.
        network: Bytes of network.onnx.
        threads: Of each session.
        limits: What one image may cost.

    Raises:
        BundleError: A model that cannot be run, or not one of a bundle.
    """

    def __init__(
        self,
        manifest: ManifestDraft,
        *,
        preprocess: bytes,
        network: bytes,
        threads: int = 1,
        limits: DecodeLimits | None = None,
    ) -> None:
        where = f"bundle '{manifest.label}', file '{PREPROCESS_NAME}'"
        refuse_external_data(preprocess, where=where)
        self._network = Network(network, manifest=manifest, threads=threads)
        try:
            self._preprocess = GraphRunner(preprocess, threads=threads)
        except runtime_errors() as error:
            raise cannot_run(error, where=where) from error
        self._draft = manifest
        self._limits = limits or DecodeLimits()
        self._operating_label = manifest.operating_label

    @property
    def fields(self) -> tuple[MetadataField, ...]:
        """What it asks for beside images."""
        return self._draft.metadata

    def read(self, images: Iterable[Image], metadata: Iterable[Given | None] | None = None) -> list[Reading]:
        """Read images.

        Args:
            images: Paths (or their text), encoded bytes (JPEG, PNG, TIFF), or pixels uint8 [H, W, 3].
            metadata: What is known of each image, where the bundle asks for that: `[{"age": 61}]`. What is
                left out is unknown; None: all of it.

        Returns:
            One reading an image, in their order.

        Raises:
            DecodeError: At the first image that cannot be read; `read_or_reject` goes on instead.
            UsageError: Metadata that the bundle does not ask for, or that cannot be.
        """
        readings = []
        for result in self.read_or_reject(images, metadata):
            if isinstance(result, DecodeError):
                raise result
            readings.append(result)
        return readings

    def read_or_reject(
        self, images: Iterable[Image], metadata: Iterable[Given | None] | None = None
    ) -> Iterator[Reading | DecodeError]:
        """Read images one after the other; one that cannot be read yields its error.

        The memory used does not grow with the number of images.

        Raises:
            UsageError: One image was given instead of a list of them, or see `read`.
        """
        if isinstance(images, str | bytes | Path | np.ndarray):
            raise UsageError(
                f"expected a list of images, got one {type(images).__name__}", todo="write [image]"
            )
        if isinstance(metadata, Mapping):
            raise UsageError("expected a list of metadata, got those of one image", todo="write [metadata]")
        return self._each(images, metadata)

    def read_pixels(self, pixels: NDArray[np.uint8]) -> Reading:
        """Read pixels uint8 [H, W, 3] of any size.

        Raises:
            DecodeError: Another shape or dtype.
        """
        return self.read_one(pixels, where="image")

    def read_one(self, image: Image, *, where: str, metadata: Given | None = None) -> Reading:
        """Read one image.

        Args:
            image: A path, encoded bytes, or pixels uint8 [H, W, 3].
            where: What an error calls it.
            metadata: What is known beside it; None: nothing.

        Raises:
            DecodeError: It cannot be read.
            UsageError: Metadata that the bundle does not ask for, or that cannot be.
        """
        told = tell(self._draft.metadata, metadata, where=where)
        pixels, sha256 = to_pixels(image, limits=self._limits, where=where)
        try:
            inputs = self._preprocess(pixels)
        except runtime_errors() as error:
            height, width = pixels.shape[:2]
            raise DecodeError(
                "unsupported", f"an image of {width} × {height} pixels cannot be brought to size", where=where
            ) from error
        output = self._network(inputs, told.values[None])
        novelty = float(output.novelty[0])
        return Reading(
            scores=output.score[0],
            classes=self._draft.classes,
            decision=decide(output.score[0], novelty, manifest=self._draft),
            operating_point=self._operating_label,
            saliency=output.saliency[0],
            features=output.features[0],
            novelty=novelty,
            bundle=self._draft.label,
            sha256=sha256,
            metadata_missing=told.missing,
            reason=why_not(output.score[0], novelty, manifest=self._draft),
            quality=self._warnings(inputs, pixels),
        )

    def _warnings(
        self, inputs: NDArray[np.float32], pixels: NDArray[np.uint8]
    ) -> tuple[QualityWarning, ...] | None:
        limits = self._draft.quality
        if limits is None:
            return None
        height, width = pixels.shape[:2]
        spec = self._draft.preprocess
        return quality_warnings(measure_quality(inputs, height=height, width=width, spec=spec), limits)

    def _each(
        self, images: Iterable[Image], metadata: Iterable[Given | None] | None
    ) -> Iterator[Reading | DecodeError]:
        known = iter(metadata) if metadata is not None else repeat(None)
        for number, image in enumerate(images, start=1):
            where = f"image '{image}'" if isinstance(image, str | Path) else f"image {number}"
            try:
                yield self.read_one(image, where=where, metadata=_next(known, number))
            except DecodeError as error:
                yield error
        if metadata is not None and any(True for _ in known):
            raise UsageError("expected metadata of each image, got more", todo="check which is whose")


def _next(known: Iterator[Given | None], number: int) -> Given | None:
    for given in known:
        return given
    raise UsageError(
        f"expected metadata of each image, got {number - 1}", todo="write None for an image without"
    )


class Bundle(Reader):
    """A bundle on disk, checked and open for reading; made by `Bundle.load`.

    Args:
        path: Its folder or zip.
        manifest: What bundle.json says; `overread.bundle.small.for_small` of it for the small network.
        digest: SHA-256 of bundle.json: the same digest, the same bytes of every file.
        preprocess: Bytes of preprocess.onnx.
        network: Bytes of network.onnx, or of network.small.onnx.
        threads: Of each session.
        limits: What one image may cost.

    Example:
        >>> bundle = Bundle.load(Path("skin"))                   # doctest: +SKIP
        >>> bundle.read([Path("mole.jpg")])[0].decision          # doctest: +SKIP
        'routine'
    """

    def __init__(
        self,
        path: Path,
        *,
        manifest: Manifest,
        digest: str,
        preprocess: bytes,
        network: bytes,
        threads: int = 1,
        limits: DecodeLimits | None = None,
    ) -> None:
        super().__init__(manifest, preprocess=preprocess, network=network, threads=threads, limits=limits)
        self.path, self.manifest, self.digest = path, manifest, digest

    @classmethod
    def load(
        cls, path: Path, *, small: bool = False, threads: int = 1, limits: DecodeLimits | None = None
    ) -> Bundle:
        """Open a bundle's folder or zip; every file is checked and nothing of it is executed.

        A zip is read in place: nothing is written to disk.

        Args:
            path: The folder or the zip.
            small: Read with network.small.onnx.
            threads: Of each session.
            limits: What one image may cost.

        Raises:
            BundleError: It is missing, damaged, changed, of a newer schema, or cannot be run.
        """
        path = Path(path)
        store = open_store(path)
        wanted = frozenset({PREPROCESS_NAME, SMALL_NAME}) if small else RUNNING_FILES
        contents = load_contents(store, keep=wanted)
        manifest = for_small(contents.manifest) if small else contents.manifest
        missing = sorted(wanted - set(contents.kept))
        if missing:
            raise BundleError(f"has no file '{missing[0]}'", where=f"bundle '{path}'", todo="pack it anew")
        return cls(
            path,
            manifest=manifest,
            digest=contents.digest,
            preprocess=contents.kept[PREPROCESS_NAME],
            network=contents.kept[SMALL_NAME if small else NETWORK_NAME],
            threads=threads,
            limits=limits,
        )

    @property
    def label(self) -> str:
        """name@version."""
        return self.manifest.label

    def file(self, name: str) -> bytes:
        """The content of one of the bundle's files, checked again: "MODEL_CARD.md", "report.html".

        Raises:
            BundleError: There is no such file, or it was changed.
        """
        return read_file(open_store(self.path), name, self.manifest)

    def describe(self) -> dict[str, Any]:
        """What `overread bundle show` tells: plain values, ready for JSON or a table."""
        manifest = self.manifest
        fields = manifest.model_dump(mode="json", exclude={"preprocess", "files", "schema_version"})
        shape = manifest.preprocess
        return {
            "bundle": self.label,
            "path": str(self.path),
            "digest": self.digest,
            **fields,
            "input": f"{shape.size} × {shape.size} pixels, {shape.resize}, {shape.interpolation}",
            "decides": manifest.operating_label,
            "files": sorted(manifest.files),
        }
