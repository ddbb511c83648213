from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overread.cohort import Cohort, IngestSettings, SplitShares, ingest
from overread.cohort.augment_policy import choose_policy, upright_share
from overread.engine import LocalEngine


def gradient(rng: np.random.Generator, *, turned: int = 0) -> NDArray[np.float64]:
    """Bright above, dark below, as a chest is not a floor; turned by quarters."""
    picture = np.linspace(200, 40, 24)[:, None] + rng.normal(0, 25, (24, 24))
    return np.rot90(picture, turned)


def cohort_of(folder: Path, *, colour: bool, upright: bool) -> Cohort:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / "source" / name).mkdir(parents=True)
        for at in range(30):
            level = gradient(rng, turned=0 if upright else at % 4)
            pixels = np.repeat(np.clip(level, 0, 255)[..., None], 3, 2)
            if colour:
                pixels = pixels * [1.0, 0.6, 0.5]
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "source" / name / f"{at:02d}.png")
    settings = IngestSettings(positive="b", split=SplitShares(train=0.6, tune=0.2, test=0.2))
    return ingest(folder / "source", folder / "cohort", settings=settings, engine=LocalEngine(workers=1))


@pytest.mark.parametrize(
    ("made", "policy"),
    [
        ({"colour": True, "upright": True}, "dermoscopy"),
        ({"colour": False, "upright": True}, "chest"),
        ({"colour": False, "upright": False}, "ct"),
    ],
)
def test_the_images_say_how_they_may_be_varied(made: dict[str, Any], policy: str, tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path, **made)
    assert choose_policy(cohort) == policy


def test_images_that_lie_any_way_round_are_not_upright() -> None:
    rng = np.random.default_rng(1)
    assert upright_share(np.stack([gradient(rng) for _ in range(100)])) > 0.95
    assert upright_share(np.stack([gradient(rng, turned=at % 4) for at in range(400)])) < 0.65
    assert upright_share(np.zeros((1, 16, 16))) == 0.5
