"""What Python and a browser say of the same photographs, side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overread.bundle.manifest import Manifest
from overread.bundle.read import PREPROCESS_NAME, Reader
from overread.bundle.seal import MANIFEST_NAME, unseal
from overread.bundle.selftest import SCORE_TOLERANCE
from overread.bundle.small import for_small
from overread.cohort.candidates import image_ids
from overread.cohort.listing import list_files
from overread.edge.site import BUNDLE_FOLDER, Site
from overread.errors import BundleError, DecodeError, UsageError
from overread.imaging import DecodeLimits
from overread.imaging.files import read_file

MEDIA_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
"""What a browser is given; other formats it would refuse."""


@dataclass(frozen=True)
class Photograph:
    """One file to read.

    Args:
        image_id: Its path below the folder, without the ending where that suffices.
        path: Where it lies.
    """

    image_id: str
    path: Path

    @property
    def media_type(self) -> str:
        """Of its name; readers look at the bytes."""
        return MEDIA_TYPES[self.path.suffix.lower()]

    def content(self) -> bytes:
        """Its bytes.

        Raises:
            DecodeError: It cannot be opened.
        """
        return read_file(self.path, limits=DecodeLimits())


@dataclass(frozen=True)
class Answer:
    """What was said of one photograph.

    Args:
        decision: None where it was rejected.
        scores: One a class; none where it was rejected.
        reject: The reason, where it was rejected.
        sha256: Of the bytes that were read.
        novelty: Distance from the training images; NaN where it was rejected.
        quality: What stands against reading it: "dark", "blurred", …
    """

    decision: str | None = None
    scores: tuple[float, ...] = ()
    reject: str | None = None
    sha256: str = ""
    novelty: float = math.nan
    quality: tuple[str, ...] = ()


NO_ANSWER = Answer(decision="no answer")
"""Where a browser came to nothing: neither a reading nor a reject."""


@dataclass(frozen=True)
class Parity:
    """How far a browser is from Python.

    Args:
        images: That Python read.
        rejected: That Python rejected.
        same_decision: Of `images`, those with Python's decision.
        same_rejection: Of `rejected`, those that the browser rejected too.
        same_reason: Of those, with the same reason.
        refused: Of `images`, how many the browser rejected for which reason.
        unanswered: Of all, those where the browser came to nothing.
        max_score_difference: Largest |Δscore| over what both read; None where that is nothing.
        other_quality: Of what both read, how many with other warnings of quality.
        differing: Ids of what differs: other decision, other bytes, other warnings, only one of both rejects,
            or a score that is off by more than a self-test allows.
    """

    images: int
    rejected: int
    same_decision: int
    same_rejection: int
    same_reason: int
    refused: dict[str, int]
    unanswered: int
    max_score_difference: float | None
    other_quality: int
    differing: tuple[str, ...]


def list_photographs(folder: Path) -> list[Photograph]:
    """The JPEG and PNG files of a folder, searched through to the bottom.

    Raises:
        CohortError: It is no folder.
        UsageError: It holds none.
    """
    if folder.is_file() and folder.suffix.lower() in MEDIA_TYPES:
        return [Photograph(folder.stem, folder)]
    below = [path for path in list_files(folder).images if Path(path).suffix.lower() in MEDIA_TYPES]
    if not below:
        raise UsageError("holds no JPEG or PNG file", where=f"folder '{folder}'", todo="check the path")
    return [Photograph(name, folder / path) for name, path in zip(image_ids(below), below, strict=True)]


def open_reader(folder: Path, site: Site) -> Reader:
    """Python's reader of the very files that a site's page reads with.

    Raises:
        BundleError: One of them is missing, or no model.
    """
    try:
        manifest: Manifest = unseal((folder / BUNDLE_FOLDER / MANIFEST_NAME).read_bytes())
        preprocess = (folder / BUNDLE_FOLDER / PREPROCESS_NAME).read_bytes()
        network = (folder / site.network).read_bytes()
    except OSError as error:
        raise BundleError(
            "lacks a file that reading needs", where=f"site '{folder}'", todo="write it anew"
        ) from error
    draft = for_small(manifest) if site.small else manifest
    return Reader(draft, preprocess=preprocess, network=network)


def read_in_python(reader: Reader, photograph: Photograph) -> Answer:
    """What Python says of a photograph."""
    try:
        reading = reader.read_one(photograph.content(), where=f"image '{photograph.image_id}'")
    except DecodeError as error:
        return Answer(reject=error.reason)
    return Answer(
        decision=reading.decision,
        scores=tuple(float(score) for score in reading.scores),
        sha256=reading.sha256,
        novelty=reading.novelty,
        quality=reading.quality or (),
    )


def compare(ids: Sequence[str], python: Sequence[Answer], browser: Sequence[Answer]) -> Parity:
    """Set a browser's answers beside Python's.

    Args:
        ids: Of the photographs.
        python: One an id.
        browser: One an id.
    """
    pairs = list(zip(ids, python, browser, strict=True))
    read = [(one, other) for _, one, other in pairs if one.decision is not None]
    rejected = [(one, other) for _, one, other in pairs if one.decision is None]
    both_read = [(one, other) for one, other in read if other.decision is not None and other != NO_ANSWER]
    gaps = [_gap(one, other) for one, other in both_read]
    both = [(one, other) for one, other in rejected if other.decision is None]
    return Parity(
        images=len(read),
        rejected=len(rejected),
        same_decision=sum(one.decision == other.decision for one, other in read),
        same_rejection=len(both),
        same_reason=sum(one.reject == other.reject for one, other in both),
        refused=dict(Counter(other.reject or "" for _, other in read if other.decision is None)),
        unanswered=sum(other == NO_ANSWER for other in browser),
        max_score_difference=max(gaps, default=None),
        other_quality=sum(one.quality != other.quality for one, other in both_read),
        differing=tuple(name for name, one, other in pairs if _differ(one, other)),
    )


def count_agreed(python: Sequence[Answer], browsers: Sequence[Sequence[Answer]]) -> int:
    """How many photographs have the same decision in Python and in every browser."""
    return sum(
        one.decision is not None and all(other.decision == one.decision for other in others)
        for one, *others in zip(python, *browsers, strict=True)
    )


def _differ(one: Answer, other: Answer) -> bool:
    if one.decision != other.decision:
        return True
    if one.decision is None:
        return False
    same = one.sha256 == other.sha256 and one.quality == other.quality
    return not (same and _gap(one, other) <= SCORE_TOLERANCE)


def _gap(one: Answer, other: Answer) -> float:
    """Largest |Δscore|; infinite where there is no telling."""
    if len(one.scores) != len(other.scores):
        return math.inf
    gaps = [abs(a - b) for a, b in zip(one.scores, other.scores, strict=True)]
    return math.inf if any(math.isnan(gap) for gap in gaps) else max(gaps, default=0.0)
