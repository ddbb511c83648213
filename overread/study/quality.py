"""What a photograph must have: limits taken from the photographs that a reader learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor

import numpy as np

from overread.cohort import Cohort
from overread.cohort.schema import Split
from overread.imaging import GraphRunner, Preprocess, decode, preprocess_graph
from overread.imaging.quality import ImageQuality, QualityLimits, measure_quality
from overread.progress import SILENT, Progress

MOST_IMAGES = 300
"""Of each split that are measured."""
LEAST_IMAGES = 20
"""With fewer photographs of train and tune there are no limits."""
_BEYOND = 0.005
"""Share of each split that may lie beyond each of the four limits: together at most 2 %."""
_SHARPNESS_ROOM, _BRIGHTNESS_ROOM = 0.8, 0.9
"""The next photographs reach a little farther than the farthest of these; of few ones, much farther."""
_MANY = 100


def quality_limits(
    cohort: Cohort, spec: Preprocess, *, seed: int, progress: Progress = SILENT
) -> QualityLimits | None:
    """Measure photographs of train and tune (test is not read), and draw limits round them.

    Args:
        cohort: Whose images are good enough: they are what the reader knows.
        spec: What brings them to the network.
        seed: Of the draw of images, where a split has more than `MOST_IMAGES`.
        progress: Who listens.

    Returns:
        None where the cohort is too small to say.

    Raises:
        CohortError: An image can no longer be read.
    """
    splits: tuple[Split, ...] = ("train", "tune")
    chosen = [_drawn(cohort, split, seed=seed) for split in splits]
    count = sum(len(ids) for ids in chosen)
    if count < LEAST_IMAGES:
        return None
    with progress.task("measuring photographs", count) as task:
        measured: list[list[ImageQuality]] = []
        for ids in chosen:
            measured.append([])
            for one in _measured(cohort, ids, spec):
                measured[-1].append(one)
                task.advance()
    return fit_limits(measured, size=spec.size)


def fit_limits(splits: Sequence[Sequence[ImageQuality]], *, size: int) -> QualityLimits | None:
    """Limits that at most 2 % of each split are beyond.

    A photograph with as many pixels as the network takes is never small.

    Args:
        splits: What was measured; one that is empty says nothing.
        size: Side of the network's input, in pixels.

    Returns:
        None where no photograph was measured.
    """
    splits = [one for one in splits if one]
    if not splits:
        return None
    shorter = min(_low([float(one.shorter_side) for one in split]) for split in splits)
    dark = min(_low([one.brightness for one in split]) for split in splits)
    headroom = min(_low([255 - one.brightness for one in split]) for split in splits)
    sharpness = min(_low([one.sharpness for one in split]) for split in splits)
    images = sum(len(split) for split in splits)
    few = max(1.0, _MANY / images)
    return QualityLimits(
        images=images,
        shorter_side=min(int(shorter), size),
        dark=_BRIGHTNESS_ROOM**few * dark,
        bright=255 - _BRIGHTNESS_ROOM**few * headroom,
        sharpness=_SHARPNESS_ROOM**few * sharpness,
    )


def _low(values: Sequence[float]) -> float:
    """The value that at most a share of `_BEYOND` lies below."""
    return sorted(values)[floor(_BEYOND * len(values))]


def _drawn(cohort: Cohort, split: Split, *, seed: int) -> list[str]:
    ids: list[str] = cohort.table(["image_id"], split=split, copies=False)["image_id"].to_pylist()
    if len(ids) <= MOST_IMAGES:
        return ids
    return [ids[place] for place in np.random.default_rng(seed).permutation(len(ids))[:MOST_IMAGES]]


def _measured(cohort: Cohort, ids: Sequence[str], spec: Preprocess) -> Iterator[ImageQuality]:
    run = GraphRunner(preprocess_graph(spec))
    for _, content in cohort.each_image(ids):
        pixels = decode(content)
        height, width = pixels.shape[:2]
        yield measure_quality(run(pixels), height=height, width=width, spec=spec)
