"""Any file becomes Pillow's pixels or a DecodeError with its reason."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from overread.errors import DecodeError, RejectReason
from overread.imaging import IMAGE_SUFFIXES, DecodeLimits, decode, sniff
from tests.imaging.samples import encoded, encodings, grey16, oriented, picture, pillow_rgb

ENCODINGS = encodings()
SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))


def reason_of(content: bytes, **options: object) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(content, **options)
    assert str(caught.value).count("\n") == 0
    return caught.value.reason


@pytest.mark.parametrize("name", [name for name in ENCODINGS if not name.endswith("16")])
def test_pixels_are_those_of_pillow(name: str) -> None:
    pixels = decode(ENCODINGS[name])
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(pixels, pillow_rgb(ENCODINGS[name]))


@pytest.mark.parametrize("quality", [20, 75, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (33, 40), (17, 301)])
def test_jpeg_is_byte_equal_to_pillow(
    size: tuple[int, int], progressive: bool, subsampling: str, quality: int
) -> None:
    content = encoded(
        picture(*size), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive
    )
    np.testing.assert_array_equal(decode(content), pillow_rgb(content))


@pytest.mark.parametrize("subsampling", ["440", "411"])
def test_rare_jpeg_subsampling_is_byte_equal_to_pillow(subsampling: str) -> None:
    import simplejpeg

    content = simplejpeg.encode_jpeg(np.asarray(picture(65, 70)), 80, "RGB", subsampling)
    np.testing.assert_array_equal(decode(content), pillow_rgb(content))


def test_jpeg_stored_as_rgb_is_byte_equal_to_pillow() -> None:
    content = encoded(picture(), "JPEG", keep_rgb=True)
    np.testing.assert_array_equal(decode(content), pillow_rgb(content))


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not on this machine")
def test_real_jpeg_files_are_byte_equal_to_pillow() -> None:
    files = sorted((SHARED / "data/skin").glob("*/*/*.jp*g"))
    assert len(files) > 200
    for file in files:
        content = file.read_bytes()
        assert np.array_equal(decode(content), pillow_rgb(content)), file.name


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    content = encoded(picture(), kind, exif=oriented(orientation))
    pixels = decode(content)
    assert pixels.shape[:2] == ((33, 40) if orientation < 5 else (40, 33))
    np.testing.assert_array_equal(pixels, pillow_rgb(content))


@pytest.mark.parametrize("exif", [b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff" * 4])
def test_damaged_exif_leaves_the_pixels_as_they_lie(exif: bytes) -> None:
    content = encoded(picture(), "JPEG", exif=b"Exif\0\0" + exif)
    assert decode(content).shape == (33, 40, 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_high_byte_of_sixteen_bits_is_kept(kind: str) -> None:
    levels = grey16() // 257
    for stored in (grey16(), levels << 8):
        pixels = decode(encoded(Image.fromarray(stored.astype(np.uint16)), kind))
        assert pixels.shape == (16, 16, 3)
        for channel in range(3):
            np.testing.assert_array_equal(pixels[..., channel], levels)


def test_sixteen_bit_tiff_with_white_zero_is_inverted() -> None:
    content = encoded(Image.fromarray(grey16()), "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(decode(content)[..., 0], 255 - grey16() // 257)


def test_one_bit_image_is_black_and_white() -> None:
    image = picture().convert("1")
    pixels = decode(encoded(image, "PNG"))
    np.testing.assert_array_equal(pixels[..., 1] == 255, np.asarray(image))


def test_alpha_is_dropped_not_blended() -> None:
    pixels = np.dstack([np.asarray(picture()), np.zeros((33, 40), np.uint8)])
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(pixels), "PNG")), pixels[..., :3])


def test_an_icc_profile_changes_nothing() -> None:
    plain, tagged = encoded(picture(), "JPEG"), encoded(picture(), "JPEG", icc_profile=b"\0" * 200)
    np.testing.assert_array_equal(decode(plain), decode(tagged))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, pa.py_buffer])
@pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
def test_any_buffer_of_bytes_is_read(name: str, wrap: type) -> None:
    np.testing.assert_array_equal(decode(wrap(ENCODINGS[name])), decode(ENCODINGS[name]))
    assert sniff(wrap(ENCODINGS[name])) == f"image/{name}"


def test_a_slice_of_arrow_data_is_read() -> None:
    column = pa.array([b"x", ENCODINGS["jpeg"], ENCODINGS["png"]], pa.binary())
    for row in (1, 2):
        assert decode(column[row].as_buffer()).ndim == 3


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (b"GIF89a", "image/gif"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"%PDF-1.4", "application/pdf"),
        (b"\0" * 128 + b"DICM", "application/dicom"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM6\0\0\0", "image/bmp"),
    ],
)
def test_known_types_that_are_not_read_are_unsupported(start: bytes, media_type: str) -> None:
    content = start + b"\0" * 300
    assert sniff(content) == media_type
    assert reason_of(content) == "unsupported"


@pytest.mark.parametrize("content", [b"\0" * 1000, b"a,b\n1,2\n", b"<html>", b"\xff", b"MZ\x90"])
def test_other_bytes_are_not_an_image(content: bytes) -> None:
    assert sniff(content) is None
    assert reason_of(content) == "not-an-image"


def test_no_bytes_are_empty() -> None:
    assert sniff(b"") is None
    assert reason_of(b"") == "empty"


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_every_truncation_is_refused(name: str) -> None:
    content = ENCODINGS[name]
    whole = decode(content)
    reasons = set()
    for length in range(0, len(content), max(1, len(content) // 150)):
        try:
            # Metadata may stand last in a TIFF; without them the pixels must be whole or refused.
            assert name.startswith("tiff")
            np.testing.assert_array_equal(decode(content[:length]), whole)
        except AssertionError:
            reasons.add(reason_of(content[:length]))
        except DecodeError as error:
            reasons.add(error.reason)
    assert reasons <= {"empty", "not-an-image", "truncated", "damaged"}


@pytest.mark.parametrize("name", ["jpeg", "jpeg-progressive", "png"])
def test_half_a_file_is_truncated(name: str) -> None:
    content = ENCODINGS[name]
    assert reason_of(content[: len(content) * 2 // 3]) == "truncated"


def test_bits_that_libjpeg_calls_corrupt_are_damaged() -> None:
    content = bytearray(encoded(picture(200, 200), "JPEG", quality=95, restart_marker_blocks=4))
    scan = content.index(b"\xff\xda") + 14
    first_restart = content.index(b"\xff\xd0", scan)
    content[first_restart + 1] = 0xD5
    assert reason_of(bytes(content)) == "damaged"


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name.startswith("png")])
def test_every_flipped_bit_of_a_png_is_refused(name: str) -> None:
    content = bytearray(ENCODINGS[name])
    for position in range(0, len(content), 7):
        content[position] ^= 0x10
        assert reason_of(bytes(content)) in {"damaged", "truncated", "not-an-image", "too-large"}
        content[position] ^= 0x10


@settings(max_examples=1500)
@given(data=st.data())
def test_random_damage_ends_in_pixels_or_a_reason(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(sorted(ENCODINGS.items())))[1])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        content[start : start + len(piece)] = piece
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            pixels = decode(bytes(content), limits=DecodeLimits(max_pixels=2_000_000))
        except DecodeError as error:
            outcome: object = error.reason
        else:
            outcome = (pixels.dtype, pixels.shape[2])
    assert outcome in {*get_args(RejectReason), (np.dtype(np.uint8), 3)}


@settings(max_examples=300)
@given(
    start=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*"]),
    rest=st.binary(max_size=300),
)
def test_a_magic_number_before_noise_is_refused(start: bytes, rest: bytes) -> None:
    assert reason_of(start + rest) in {"truncated", "damaged", "unsupported", "too-large"}


def huge_png() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))

    header = struct.pack(">LLBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def huge_jpeg() -> bytes:
    content = bytearray(ENCODINGS["jpeg-grey"])
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(content)


def huge_tiff() -> bytes:
    content = bytearray(ENCODINGS["tiff"])
    for tag in (256, 257):
        (directory,) = struct.unpack_from("<L", content, 4)
        entry = content.index(struct.pack("<H", tag), directory)
        struct.pack_into("<HHLL", content, entry, tag, 4, 1, 100_000)
    return bytes(content)


@pytest.mark.parametrize("make", [huge_png, huge_jpeg, huge_tiff])
def test_a_decompression_bomb_is_refused_from_its_header(make: object) -> None:
    import tracemalloc

    content = make()  # type: ignore[operator]
    tracemalloc.start()
    assert reason_of(content) == "too-large"
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_progressive_jpeg_of_countless_scans_is_refused() -> None:
    content = ENCODINGS["jpeg-progressive"]
    start = content.rindex(b"\xff\xda")
    assert reason_of(content[:start] + content[start:-2] * 600 + b"\xff\xd9") == "too-large"


def test_limits_are_inclusive() -> None:
    content = ENCODINGS["png"]
    assert decode(content, limits=DecodeLimits(max_bytes=len(content), max_pixels=33 * 40)).size
    assert reason_of(content, limits=DecodeLimits(max_pixels=33 * 40 - 1)) == "too-large"
    assert reason_of(content, limits=DecodeLimits(max_bytes=len(content) - 1)) == "too-large"


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_known_white_are_unsupported(mode: str) -> None:
    assert reason_of(encoded(picture().convert("L").convert(mode), "TIFF")) == "unsupported"


@pytest.mark.parametrize("compression", ["jpeg", "group4"])
def test_tiff_compressions_that_hide_damage_are_unsupported(compression: str) -> None:
    image = picture().convert("1" if compression == "group4" else "RGB")
    assert reason_of(encoded(image, "TIFF", compression=compression)) == "unsupported"


def test_tiff_of_several_pages_is_unsupported() -> None:
    content = encoded(picture(), "TIFF", save_all=True, append_images=[picture(seed=1)])
    assert reason_of(content) == "unsupported"


def test_twelve_bit_and_lossless_jpeg_are_unsupported() -> None:
    content = bytearray(ENCODINGS["jpeg-grey"])
    frame = content.index(b"\xff\xc0")
    content[frame + 4] = 12
    assert reason_of(bytes(content)) == "unsupported"
    content[frame + 4], content[frame + 1] = 8, 0xC3
    assert reason_of(bytes(content)) == "unsupported"


def test_pillow_globals_stay_as_they_were() -> None:
    code = (
        "from PIL import Image, ImageFile;"
        "before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES);"
        "import overread.imaging; overread.imaging.decode(open(0, 'rb').read());"
        "assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)"
    )
    subprocess.run([sys.executable, "-c", code], input=ENCODINGS["png"], check=True)


def test_libtiff_is_silent_about_damage() -> None:
    content = bytearray(ENCODINGS["tiff-deflate"])
    content[20:60] = bytes(40)
    # In a process of its own: beside other threads, which a test session may have, nothing is muted.
    code = (
        "from overread.errors import DecodeError\n"
        "from overread.imaging import decode\n"
        "try: decode(open(0, 'rb').read())\n"
        "except DecodeError as error: print(error.reason)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bytes(content), capture_output=True, check=True)
    assert done.stdout.strip() == b"damaged"
    assert done.stderr == b""


def test_a_file_that_pillow_warns_about_is_read_although_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(ENCODINGS["png-palette"]).shape == (33, 40, 3)


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode(ENCODINGS["png-palette"]) for _ in range(40)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_suffixes_are_lower_case_with_a_dot() -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)
