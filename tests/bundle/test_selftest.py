from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from overread.bundle import Bundle
from overread.bundle.selftest import EXPECTED_NAME, _drawn, record, replay, selftest_images
from overread.errors import BundleError
from overread.imaging import decode


def test_pictures_are_always_the_same_and_small() -> None:
    images = selftest_images()
    assert images == dict(_drawn.__wrapped__())
    assert len(images) >= 6
    assert sum(map(len, images.values())) < 300_000


def test_pictures_cover_what_breaks_readers() -> None:
    images = {name: Image.open(io.BytesIO(content)) for name, content in selftest_images().items()}
    shapes = {name: image.size for name, image in images.items()}
    assert any(width > height for width, height in shapes.values())
    assert any(height > width for width, height in shapes.values())
    assert any(image.mode == "L" for image in images.values())
    assert max(width * height for width, height in shapes.values()) > 1_000_000
    assert decode(selftest_images()["07-turned.jpg"]).shape == (261, 181, 3)


def test_jpegs_have_the_samplings_of_cameras_and_odd_sides() -> None:
    # A browser's faster way to decode is only taken for samplings that these pictures prove.
    images = [Image.open(io.BytesIO(content)) for name, content in selftest_images().items() if "jpg" in name]
    samplings = {JpegImagePlugin.get_sampling(image) for image in images if image.width % 2}
    assert samplings == {0, 1, 2}


def changed(bundle: Bundle, **changes: object) -> bytes:
    expected = json.loads(bundle.file(EXPECTED_NAME))
    expected["images"][2] |= changes
    return json.dumps(expected).encode()


def test_replay_of_what_was_recorded_is_exact(bundle_path: Path) -> None:
    bundle = Bundle.load(bundle_path)
    expected = record(bundle, selftest_images())
    assert expected == bundle.file(EXPECTED_NAME)
    result = replay(bundle, expected=expected, file=bundle.file, where="here")
    assert (result.images, result.max_score_difference, result.max_novelty_difference) == (8, 0.0, 0.0)


def test_deviation_is_refused_and_the_picture_named(bundle_path: Path) -> None:
    bundle = Bundle.load(bundle_path)
    reading = bundle.read([bundle.file("selftest/03-tall.jpg")])[0]
    score, novelty = float(reading.scores[0]), reading.novelty
    other = "routine" if reading.decision == "urgent" else "urgent"
    for changes in (
        {"scores": [score + 2e-5]},
        {"novelty": novelty + 1e-2},
        {"decision": other},
        {"scores": [score, score]},
    ):
        with pytest.raises(BundleError, match=r"here, picture 'selftest/03-tall\.jpg'"):
            replay(bundle, expected=changed(bundle, **changes), file=bundle.file, where="here")
    within = changed(bundle, scores=[score + 5e-6])
    result = replay(bundle, expected=within, file=bundle.file, where="here")
    assert result.max_score_difference == pytest.approx(5e-6, rel=1e-3)


@pytest.mark.parametrize("expected", [b"", b"{}", b'{"images": []}', b'{"images": [{"file": "x"}]}'])
def test_broken_list_of_expected_readings_is_refused(bundle_path: Path, expected: bytes) -> None:
    bundle = Bundle.load(bundle_path)
    with pytest.raises(BundleError, match="not a list of expected readings"):
        replay(bundle, expected=expected, file=bundle.file, where="here")


class Undefined:
    fields = ()

    def read_one(self, image: object, **_: object) -> object:
        class Nothing:
            scores, novelty, bundle = np.array([np.nan]), 1.0, "skin@1"

        return Nothing()


def test_reader_that_gives_nan_is_not_recorded() -> None:
    with pytest.raises(BundleError, match="not finite"):
        record(Undefined(), selftest_images())  # type: ignore[arg-type]
