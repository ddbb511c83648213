"""Which augmentation suits a cohort: what "auto" comes to is read from its images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from overread.cohort.cohort import Cohort
from overread.imaging import decode
from overread.imaging.augment import Policy

COLOURLESS = 3.0
"""Colourfulness up to which a picture counts as grey: JPEG tints what is grey a little."""
MOST_LOOKED_AT, THUMBNAIL = 200, 16
UPRIGHT_SHARE = 0.75
"""Share of images that must be more like the mean image than like the mean image turned."""


def choose_policy(cohort: Cohort) -> Policy:
    """Choose the policy that suits a cohort's images.

    That is "dermoscopy" for pictures in colour, else "chest" where the images of train have an up and a down,
    and "ct" where any way round is as likely.

    Raises:
        CohortError: What was measured of the images is missing, or one can no longer be read.
    """
    measured = cohort.measurements()
    grey = measured["grey"].to_numpy(zero_copy_only=False).astype(bool)
    colour = measured["colourfulness"].to_numpy(zero_copy_only=False)
    if np.mean(grey | (colour < COLOURLESS)) < 0.9:
        return "dermoscopy"
    ids = cohort.table(["image_id"], split="train", copies=False)["image_id"].to_pylist()
    chosen = ids[:: -(-len(ids) // MOST_LOOKED_AT)]
    thumbnails = np.stack([_thumbnail(content) for content in cohort.images_of(chosen).values()])
    return "chest" if upright_share(thumbnails) > UPRIGHT_SHARE else "ct"


def upright_share(thumbnails: npt.NDArray[np.floating]) -> float:
    """How many images lie as the others do: the largest share that fits the mean better than a turned mean.

    The mean is of every second image, and the others are compared with it and with its quarter turns and its
    picture upside down. About 0.5 where any way round is as likely.

    Args:
        thumbnails: `[n, s, s]`, grey.
    """
    flat = thumbnails - thumbnails.mean((1, 2), keepdims=True)
    flat = flat / np.maximum(np.sqrt((flat**2).sum((1, 2), keepdims=True)), 1e-9)
    mean, others = flat[::2].mean(0), flat[1::2]
    if not len(others):
        return 0.5
    turned = [np.rot90(mean, 1), np.rot90(mean, 2), np.rot90(mean, 3), mean[::-1]]
    likeness = (others * mean).sum((1, 2))
    return float(max(np.mean(likeness > (others * other).sum((1, 2))) for other in turned))


def _thumbnail(content: bytes) -> npt.NDArray[np.float64]:
    """An image as `[16, 16]` grey levels."""
    image = Image.fromarray(decode(content)).convert("L")
    return np.asarray(image.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX), np.float64)
