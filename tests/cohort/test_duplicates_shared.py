"""Copies among the real images of the shared folder, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.cohort.duplicates import find_duplicates
from overread.imaging.fingerprint import fingerprints

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not (SHARED / "data").is_dir(), reason="the shared data are not here (OVERREAD_SHARED)"
    ),
]


def test_of_the_chest_xrays_only_the_known_pair_is_one_picture() -> None:
    files = sorted((SHARED / "data" / "chest").glob("*/*.*"))
    prints = fingerprints(np.asarray(Image.open(file).convert("RGB")) for file in files)
    pairs = find_duplicates(prints)
    named = [{files[pair.first].stem, files[pair.second].stem} for pair in pairs]
    assert {"00002658_001", "00002658_002"} in named
    assert len(named) == 1


def test_pneumonia_mnist_has_its_eight_pairs_across_splits() -> None:
    with np.load(SHARED / "data" / "medmnist" / "pneumoniamnist.npz") as file:
        train, val = file["train_images"], file["val_images"]
    prints = fingerprints(np.repeat(image[:, :, None], 3, 2) for image in (*train, *val))
    pairs = find_duplicates(prints)
    images = np.concatenate([train, val])
    identical = [np.array_equal(images[pair.first], images[pair.second]) for pair in pairs]
    twins = {
        pair.second
        for pair, same in zip(pairs, identical, strict=True)
        if same and pair.first < len(train) <= pair.second
    }
    assert len(twins) == 8
    assert identical.count(False) <= len(images) / 1000


def test_of_the_skin_photographs_one_lesion_was_taken_twice() -> None:
    files = sorted((SHARED / "data" / "skin" / "train").glob("*/*.jp*g"))
    prints = fingerprints(np.asarray(Image.open(file).convert("RGB")) for file in files)
    assert len(find_duplicates(prints)) <= 1
