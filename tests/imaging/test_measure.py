"""Measures of images, against files saved at known qualities and pictures with known statistics."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from overread.imaging.decode import decode
from overread.imaging.measure import MEASURE_FIELDS, luminance_steps, measure, scaled_luminance


def saved(pixels: NDArray[np.uint8], *, form: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, form, **options)
    return file.getvalue()


def noise(height: int = 40, width: int = 60, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def framed(inner: Sequence[int], border: Sequence[int], *, side: int, band: int) -> NDArray[np.uint8]:
    picture = np.full((side, side, 3), border, np.uint8)
    picture[band:-band, band:-band] = inner
    return picture


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_quality_of_libjpeg_is_recognised(mode: str, progressive: bool) -> None:
    for quality in range(1, 101):
        content = saved(noise(16, 16), mode=mode, quality=quality, progressive=progressive)
        assert measure(content, decode(content))["jpeg_quality"] == quality


def test_steps_are_those_that_pillow_reads() -> None:
    content = saved(noise(), quality=83)
    expected = Image.open(io.BytesIO(content)).quantization[0]  # type: ignore[attr-defined]
    steps = luminance_steps(content)
    assert steps is not None
    assert sorted(steps) == sorted(expected)
    assert steps == scaled_luminance(83)
    assert measure(content, noise())["jpeg_step"] == pytest.approx(np.mean(expected))


def test_tables_of_no_quality_have_steps_but_no_quality() -> None:
    content = saved(noise(), qtables=[[7] * 64, [9] * 64])
    found = measure(content, noise())
    assert (found["jpeg_quality"], found["jpeg_step"]) == (None, 7.0)


def test_tables_of_16_bits_are_read() -> None:
    content = saved(noise(), quality=2)
    start = content.index(b"\xff\xdb")
    length = int.from_bytes(content[start + 2 : start + 4], "big")
    steps = scaled_luminance(2, most=32767)
    wide = b"\x10" + b"".join(step.to_bytes(2, "big") for step in steps)
    again = b"\xff\xdb" + (len(wide) + 2).to_bytes(2, "big") + wide
    assert max(steps) > 255
    assert measure(content[:start] + again + content[start + 2 + length :], noise())["jpeg_quality"] == 2


def test_other_formats_have_no_quality() -> None:
    for form in ("PNG", "TIFF"):
        found = measure(saved(noise(), form=form), noise())
        assert (found["jpeg_quality"], found["jpeg_step"]) == (None, None)


@given(st.binary(max_size=200), st.integers(0, 600))
@settings(max_examples=200)
def test_damaged_headers_are_no_error(tail: bytes, cut: int) -> None:
    whole = saved(noise(8, 8), quality=50)
    for content in (b"\xff\xd8" + tail, whole[:cut] + tail, b"\xff\xd8\xff\xdb" + tail):
        luminance_steps(content)


def test_the_fields_are_the_keys_and_fit_their_types() -> None:
    for pixels in (noise(), noise(1, 1), noise(1, 300), noise(3, 2), np.zeros((28, 28, 3), np.uint8)):
        found = measure(saved(pixels, form="PNG"), pixels)
        assert list(found) == [field.name for field in MEASURE_FIELDS]
        pa.RecordBatch.from_pylist([found], schema=pa.schema(MEASURE_FIELDS))
        assert not any(isinstance(value, float) and np.isnan(value) for value in found.values())


@pytest.mark.parametrize(("side", "band"), [(28, 1), (100, 5), (1000, 60)])
def test_the_border_is_seen_without_the_middle(side: int, band: int) -> None:
    found = measure(b"", framed((10, 20, 30), (200, 100, 50), side=side, band=band))
    assert [found[f"border_{name}"] for name in ("red", "green", "blue")] == [200, 100, 50]
    assert found["border_spread"] == 0
    assert found["brightness_spread"] != 0


@pytest.mark.parametrize("edge", range(4))
def test_every_edge_counts_alike(edge: int) -> None:
    picture = np.zeros((640, 640, 3), np.uint8)
    picture[:20] = 255
    reference = measure(b"", picture)["border_red"]
    assert measure(b"", np.rot90(picture, edge))["border_red"] == pytest.approx(reference, rel=0.02)


def test_exposure_against_plain_numpy() -> None:
    pixels = noise(90, 120)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    found = measure(b"", pixels)
    assert found["brightness_mean"] == pytest.approx(luma.mean(), abs=0.2)
    assert found["brightness_spread"] == pytest.approx(luma.std(), abs=0.2)
    assert found["dark_share"] == pytest.approx((luma < 10.5).mean(), abs=1e-9)
    assert found["bright_share"] == pytest.approx((luma >= 244.5).mean(), abs=1e-9)


def test_a_sample_of_a_large_photograph_has_the_means_of_all_of_it() -> None:
    rows, columns = np.mgrid[0:900, 0:1300]
    smooth = np.stack([rows / 4, columns / 6, (rows + columns) / 10], axis=-1).astype(np.uint8)
    found = measure(b"", smooth)
    assert found["brightness_mean"] == pytest.approx((smooth @ [0.299, 0.587, 0.114]).mean(), abs=1)


def test_grey_has_no_colour_and_little_colour_is_not_grey() -> None:
    grey = np.repeat(noise()[..., :1], 3, axis=2)
    found = measure(b"", grey)
    assert (found["grey"], found["colourfulness"]) == (True, 0.0)
    assert found["border_red"] == found["border_green"] == found["border_blue"]
    tinted = grey.copy()
    tinted[0, 0, 0] ^= 1
    assert measure(b"", tinted)["grey"] is False


def test_colourfulness_of_two_flat_halves_is_the_formula() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:5, :, 0], picture[5:, :, 2] = 255, 255
    # rg: 255, 0; yb: 127.5, -255 (Hasler & Süsstrunk 2003, M3).
    expected = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, -63.75)
    assert measure(b"", picture)["colourfulness"] == pytest.approx(expected, rel=1e-6)
