"""Images without a lesion: right in size, varied by seed, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overread.imaging import decode
from overread.imaging.phantoms import flat, generate_others, gradient, noise, text_page

KINDS = [noise, gradient, flat, text_page]


@pytest.mark.parametrize("draw", KINDS)
def test_images_follow_from_size_and_seed(draw: object) -> None:
    first = draw(100, 140, seed=4)  # type: ignore[operator]
    assert first.shape == (100, 140, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, draw(100, 140, seed=4))  # type: ignore[operator]
    assert not np.array_equal(first, draw(100, 140, seed=5))  # type: ignore[operator]


def test_a_flat_image_has_one_colour_and_a_gradient_many() -> None:
    assert len(np.unique(flat(50, 50).reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(gradient(50, 50).reshape(-1, 3), axis=0)) > 50


def test_a_text_page_is_mostly_paper_with_ink() -> None:
    page = text_page()
    assert 0.02 < (page < 128).mean() < 0.3
    assert np.median(page) > 240


def test_one_file_of_each_kind_is_written(tmp_path: Path) -> None:
    files = sorted(generate_others(tmp_path / "others").glob("*.png"))
    assert [file.stem for file in files] == ["flat", "gradient", "noise", "text_page"]
    for file in files:
        assert decode(file.read_bytes()).size
