from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from overread.errors import CohortError
from overread.exploration.gallery import choose_samples, make_gallery
from tests.exploration.subjects import picture

PICTURES = {str(seed): picture(seed, side=150) for seed in range(6)}


def contents(ids) -> dict[str, bytes]:
    missing = [one for one in ids if one not in PICTURES]
    if missing:
        raise CohortError("is gone", where=missing[0])
    return {one: PICTURES[one] for one in ids}


def opened(uri: str) -> Image.Image:
    head, _, body = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(body)))


def test_a_picture_is_that_of_its_image_with_its_shape() -> None:
    gallery = make_gallery(["0", "1"], contents)
    assert set(gallery.pictures) == {"0", "1"}
    small = opened(gallery.pictures["1"])
    whole = Image.open(io.BytesIO(PICTURES["1"])).resize(small.size, Image.Resampling.LANCZOS)
    assert small.size == (156, 150)
    assert np.abs(np.asarray(small, float) - np.asarray(whole, float)).mean() < 30


@pytest.mark.parametrize("budget", [400_000, 60_000, 20_000])
def test_all_pictures_together_stay_within_the_budget(budget) -> None:
    uses = list(PICTURES) * 3
    gallery = make_gallery(uses, contents, budget=budget)
    assert sum(len(gallery.pictures[one]) for one in uses) <= budget


def test_a_picture_that_cannot_be_brought_is_counted_and_takes_no_other_with_it() -> None:
    gallery = make_gallery(["0", "gone", "2"], contents)
    assert set(gallery.pictures) == {"0", "2"}
    assert gallery.lost == ("gone",)
    assert gallery.of("gone") is None


def test_a_damaged_picture_is_counted() -> None:
    gallery = make_gallery(["bad", "0"], lambda ids: {one: PICTURES.get(one, b"no picture") for one in ids})
    assert gallery.lost == ("bad",)


def test_without_images_there_is_nothing() -> None:
    assert make_gallery(["0"], None).pictures == {}


IDS = [f"img-{at}" for at in range(200)]
EVERYONE = np.ones((1, 200), bool)


def test_samples_depend_on_ids_and_seed_and_not_on_the_order_of_rows() -> None:
    there = choose_samples(IDS, IDS, EVERYONE, each=8, seed=1)
    assert there == choose_samples(IDS[::-1], IDS[::-1], EVERYONE, each=8, seed=1)
    assert there != choose_samples(IDS, IDS, EVERYONE, each=8, seed=2)
    assert len(set(there[0])) == 8


def test_a_patient_is_shown_once_while_there_are_others() -> None:
    owners = [f"p{at % 5}" for at in range(200)]
    [chosen] = choose_samples(IDS, owners, EVERYONE, each=5, seed=0)
    assert sorted(owners[IDS.index(one)] for one in chosen) == ["p0", "p1", "p2", "p3", "p4"]
    [more] = choose_samples(IDS, owners, EVERYONE, each=8, seed=0)
    assert len(set(more)) == 8


def test_only_images_of_the_class_are_chosen() -> None:
    members = np.zeros((2, 200), bool)
    members[0, :3] = True
    assert [sorted(one) for one in choose_samples(IDS, IDS, members, each=8, seed=0)] == [IDS[:3], []]
