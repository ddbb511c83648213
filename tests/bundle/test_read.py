from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from overread.bundle import Bundle, TriageRule, decide, pack, zip_bundle
from overread.bundle.reading import Reading
from overread.errors import BundleError, DecodeError, UsageError
from overread.imaging import DecodeLimits
from overread.imaging.quality import QualityLimits
from tests.bundle.conftest import encode, make_draft, make_pixels, network_bytes


@pytest.fixture
def bundle(bundle_path: Path) -> Bundle:
    return Bundle.load(bundle_path)


def same(first: Reading, second: Reading) -> bool:
    arrays = ("scores", "saliency", "features")
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays) and (
        first.novelty == second.novelty and first.decision == second.decision
    )


def test_reading_carries_what_is_needed_to_trace_it(bundle: Bundle) -> None:
    content = encode(make_pixels())
    reading = bundle.read([content])[0]
    assert reading.scores.shape == (1,)
    assert reading.scores.dtype == np.float32
    assert reading.by_class == {"malignant": float(reading.scores[0])}
    assert reading.saliency.shape == (1, 11, 11)
    assert reading.features.shape == (4,)
    assert reading.bundle == "skin@1.0.0"
    assert reading.operating_point == "high-sensitivity: malignant >= 0.4"
    assert reading.sha256 == hashlib.sha256(content).hexdigest()
    assert reading.decision == decide(reading.scores, reading.novelty, manifest=bundle.manifest)


def test_path_bytes_and_pixels_of_one_image_read_alike(bundle: Bundle, tmp_path: Path) -> None:
    pixels = make_pixels(3)
    path = tmp_path / "a.png"
    path.write_bytes(encode(pixels))
    by_path, by_text, by_bytes, by_view, by_pixels = bundle.read(
        [path, str(path), path.read_bytes(), memoryview(path.read_bytes()), pixels]
    )
    assert same(by_path, by_text)
    assert same(by_path, by_bytes)
    assert same(by_path, by_view)
    assert same(by_path, by_pixels)
    assert same(by_path, bundle.read_pixels(pixels))
    assert by_path.sha256 == by_bytes.sha256 == by_view.sha256
    assert by_pixels.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_many_equal_one_by_one_bit_for_bit_and_keep_their_order(bundle: Bundle) -> None:
    images = [make_pixels(seed, 20 + seed, 50 - seed) for seed in range(19)]
    together = bundle.read(images)
    assert all(
        same(reading, bundle.read_pixels(image)) for reading, image in zip(together, images, strict=True)
    )
    assert len({float(reading.scores[0]) for reading in together}) > 10


def test_pixels_that_are_not_contiguous_are_read_as_they_look(bundle: Bundle) -> None:
    pixels = make_pixels(1)
    assert same(bundle.read_pixels(pixels[:, ::-1]), bundle.read_pixels(pixels[:, ::-1].copy()))


def test_zip_reads_bit_for_bit_like_its_folder(bundle: Bundle) -> None:
    assert same(
        Bundle.load(zip_bundle(bundle.path)).read_pixels(make_pixels()), bundle.read_pixels(make_pixels())
    )


def test_far_image_cannot_be_assessed(tmp_path: Path, preprocess_bytes: bytes) -> None:
    draft = make_draft(triage=TriageRule(urgent=("malignant",), novelty_threshold=1e-3))
    path = pack(tmp_path / "b", draft=draft, preprocess=preprocess_bytes, network=network_bytes())
    assert Bundle.load(path).read_pixels(make_pixels()).decision == "cannot-assess"


def test_bad_image_is_named(bundle: Bundle, tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("this is text")
    with pytest.raises(DecodeError, match=r"text\.jpg") as caught:
        bundle.read([text])
    assert caught.value.reason == "not-an-image"
    with pytest.raises(DecodeError, match="image 2"):
        bundle.read([make_pixels(), b"\xff\xd8\xff\xe0 broken"])


def test_reading_goes_on_after_a_bad_image(bundle: Bundle, tmp_path: Path) -> None:
    gone, folder, empty = tmp_path / "gone.png", tmp_path / "folder.png", tmp_path / "empty.png"
    folder.mkdir()
    empty.touch()
    results = list(bundle.read_or_reject([make_pixels(), gone, folder, empty, b"text", make_pixels(1)]))
    kinds = [result.reason if isinstance(result, DecodeError) else "read" for result in results]
    assert kinds == ["read", "missing-file", "unreadable-file", "empty", "not-an-image", "read"]


def test_images_are_taken_one_after_the_other(bundle: Bundle) -> None:
    taken = []

    def images() -> Iterator[np.ndarray]:
        for seed in range(3):
            taken.append(seed)
            yield make_pixels(seed)

    results = bundle.read_or_reject(images())
    next(results)
    assert taken == [0]


@pytest.mark.parametrize("image", [Path("a.png"), b"x", "a.png", np.zeros((4, 4, 3), np.uint8)])
def test_one_image_instead_of_a_list_is_a_usage_error(bundle: Bundle, image: object) -> None:
    with pytest.raises(UsageError, match="expected a list of images"):
        bundle.read(image)  # type: ignore[arg-type]


def test_image_of_another_kind_is_a_usage_error(bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="expected a path, bytes or a uint8 array, got NoneType"):
        bundle.read([None])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_array_that_is_no_picture_is_refused(bundle: Bundle, pixels: np.ndarray) -> None:
    with pytest.raises(DecodeError, match="uint8"):
        bundle.read_pixels(pixels)


def test_limits_hold_for_files_and_arrays(bundle_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(make_pixels()))
    small_file = Bundle.load(bundle_path, limits=DecodeLimits(max_bytes=100))
    few_pixels = Bundle.load(bundle_path, limits=DecodeLimits(max_pixels=100))
    results = [*small_file.read_or_reject([path]), *few_pixels.read_or_reject([make_pixels(), path])]
    assert [getattr(result, "reason", None) for result in results] == ["too-large"] * 3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 200), (200, 1), (3, 2)])
def test_odd_sizes_are_read(bundle: Bundle, height: int, width: int) -> None:
    assert np.isfinite(bundle.read_pixels(np.full((height, width, 3), 90, np.uint8)).scores).all()


def test_threads_do_not_change_the_numbers(bundle: Bundle) -> None:
    assert same(
        Bundle.load(bundle.path, threads=2).read_pixels(make_pixels()), bundle.read_pixels(make_pixels())
    )


LIMITS = QualityLimits(images=9, shorter_side=30, dark=90.0, bright=200.0, sharpness=1.0)


def test_quality_is_said_and_changes_nothing_else(
    bundle: Bundle, preprocess_bytes: bytes, tmp_path: Path
) -> None:
    draft = make_draft(quality=LIMITS)
    packed = pack(tmp_path / "limits", draft=draft, preprocess=preprocess_bytes, network=network_bytes())
    fine, dark = make_pixels(), (make_pixels(1)[:20] * 0.2).astype(np.uint8)
    flat = np.full((40, 40, 3), 230, np.uint8)
    found = Bundle.load(packed).read([fine, dark, flat])
    plain = bundle.read([fine, dark, flat])
    assert [one.quality for one in found] == [(), ("small", "dark"), ("bright", "blurred")]
    assert [one.quality for one in plain] == [None, None, None]
    assert all(same(one, other) for one, other in zip(found, plain, strict=True))


def test_description_is_plain(bundle: Bundle) -> None:
    described = json.loads(json.dumps(bundle.describe()))
    assert described["bundle"] == "skin@1.0.0"
    assert described["decides"] == "high-sensitivity: malignant >= 0.4"
    assert described["digest"] == hashlib.sha256((bundle.path / "bundle.json").read_bytes()).hexdigest()
    assert "network.onnx" in described["files"]


def test_file_is_checked_again_when_it_is_asked_for(bundle: Bundle) -> None:
    name = "selftest/06-tiny.png"
    assert bundle.file(name) == (bundle.path / name).read_bytes()
    (bundle.path / name).write_bytes(b"other")
    with pytest.raises(BundleError, match="was changed"):
        bundle.file(name)
    with pytest.raises(BundleError, match=r"has no file 'report\.html'"):
        bundle.file("report.html")


def test_reading_imports_nothing_heavy(bundle_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import numpy as np; from overread import Bundle;"
        "Bundle.load(Path(sys.argv[1])).read([np.zeros((9, 9, 3), np.uint8)]);"
        "heavy = {'torch', 'onnx', 'sklearn', 'matplotlib', 'jinja2', 'scipy', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bundle_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
