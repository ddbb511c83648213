"""One graph resizes, crops and normalises like Pillow, for any shape."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from overread.imaging import GraphRunner, Preprocess, preprocess_graph, resize_graph

SHAPES = [
    (450, 600),
    (601, 450),
    (1500, 2000),
    (1, 1),
    (2, 2),
    (3, 500),
    (500, 3),
    (64, 64),
    (97, 64),
    (30, 31),
]
PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def photograph(height: int, width: int) -> NDArray[np.uint8]:
    """Smooth areas, hard edges and noise."""
    rng = np.random.default_rng(height * 10_007 + width)
    coarse = rng.integers(0, 256, (height // 20 + 2, width // 20 + 2, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).copy()
    pixels[height // 3 : height // 2] = 255
    return (pixels ^ (rng.integers(0, 8, pixels.shape, dtype=np.uint8))).astype(np.uint8)


def by_pillow(pixels: NDArray[np.uint8], spec: Preprocess) -> NDArray[np.uint8]:
    image, size = Image.fromarray(pixels), spec.size
    if spec.resize == "squash":
        return np.asarray(image.resize((size, size), PILLOW[spec.interpolation]))
    shorter = min(image.size)
    left, top = (max(0, side - 4 * shorter) // 2 for side in image.size)
    width, height = (min(side, 4 * shorter) for side in image.size)
    image = image.crop((left, top, left + width, top + height))
    image = image.resize((width * size // shorter, height * size // shorter), PILLOW[spec.interpolation])
    left, top = (image.size[0] - size) // 2, (image.size[1] - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_resize_is_within_one_grey_level_of_pillow(
    resize: str, interpolation: str, shape: tuple[int, int]
) -> None:
    spec = Preprocess(size=64, resize=resize, interpolation=interpolation)
    pixels = photograph(*shape)
    resized = GraphRunner(resize_graph(spec))(pixels)
    expected = by_pillow(pixels, spec)
    assert resized.dtype == np.uint8
    assert resized.shape == (64, 64, 3)
    difference = np.abs(resized.astype(int) - expected)
    if shape == (500, 3) and resize == "squash":
        # Pillow 13 shrinks the height before it stretches the width; the uint8 between the passes differs.
        assert difference.max() <= 6
        return
    assert difference.max() <= 1
    # Enlarging hits exact halves, which are rounded differently.
    assert (difference > 0).mean() <= (0.005 if min(shape) >= 64 else 0.03)


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_network_input_is_the_resized_image_normalised(resize: str) -> None:
    spec = Preprocess(size=48, resize=resize, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 1.0))
    pixels = photograph(70, 90)
    resized = GraphRunner(resize_graph(spec))(pixels)
    result = GraphRunner(preprocess_graph(spec))(pixels)
    assert result.dtype == np.float32
    assert result.shape == (1, 3, 48, 48)
    expected = ((resized / 255.0 - spec.mean) / spec.std).transpose(2, 0, 1)[None]
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_crop_takes_the_centre() -> None:
    pixels = np.zeros((50, 150, 3), np.uint8)
    pixels[:, 50:100] = 200
    cropped = GraphRunner(resize_graph(Preprocess(size=50, resize="crop")))(pixels)
    assert (cropped == 200).all()
    squashed = GraphRunner(resize_graph(Preprocess(size=50, resize="squash")))(pixels)
    assert (squashed == 0).mean() > 0.5


def test_crop_of_a_long_strip_needs_little_memory() -> None:
    pixels = np.full((1, 1_000_000, 3), 7, np.uint8)
    assert (GraphRunner(resize_graph(Preprocess(size=224, resize="crop")))(pixels) == 7).all()


def test_an_image_of_the_wanted_size_is_not_changed() -> None:
    pixels = photograph(40, 40)
    for resize in ("squash", "crop"):
        spec = Preprocess(size=40, resize=resize)
        np.testing.assert_array_equal(GraphRunner(resize_graph(spec))(pixels), pixels)


@pytest.mark.parametrize("resize", ["squash", "crop"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_graphs_are_valid_onnx(resize: str, interpolation: str) -> None:
    import onnx

    spec = Preprocess(size=224, resize=resize, interpolation=interpolation)
    for content in (preprocess_graph(spec), resize_graph(spec)):
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert [entry.version for entry in model.opset_import] == [20]


def test_the_same_spec_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib, overread.imaging as i;"
        "print(hashlib.sha256(i.preprocess_graph(i.Preprocess(size=96, resize='crop'))).hexdigest())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1
    other = Preprocess(size=97, resize="crop")
    assert preprocess_graph(other) != preprocess_graph(Preprocess(size=96, resize="crop"))


def test_a_graph_is_read_from_a_file_and_threads_change_nothing(tmp_path: Path) -> None:
    content = preprocess_graph(Preprocess(size=64))
    (tmp_path / "preprocess.onnx").write_bytes(content)
    pixels = photograph(200, 300)
    np.testing.assert_array_equal(
        GraphRunner(tmp_path / "preprocess.onnx", threads=2)(pixels), GraphRunner(content)(pixels)
    )


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory use from Linux's /proc")
def test_a_large_image_leaves_no_memory_behind() -> None:
    def resident_mebibytes() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    run = GraphRunner(preprocess_graph(Preprocess(size=64)))
    run(photograph(100, 100))
    large = np.ones((6000, 6000, 3), np.uint8)
    before = resident_mebibytes()
    run(large)
    assert resident_mebibytes() - before < 30


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": 5000},
        {"resize": "stretch"},
        {"interpolation": "nearest"},
        {"std": (0.2, 0.0, 0.2)},
        {"mean": (float("nan"), 0.0, 0.0)},
        {"side": 224},
    ],
)
def test_a_spec_that_cannot_be_right_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Preprocess(**{"size": 224, **change})


def test_a_spec_survives_json() -> None:
    spec = Preprocess(size=224, resize="crop", mean=(0.1, 0.2, 0.3))
    assert Preprocess.model_validate_json(spec.model_dump_json()) == spec


def test_onnx_and_torch_are_not_imported_with_imaging() -> None:
    code = (
        "import sys, overread.imaging, overread.imaging.phantoms;"
        "heavy = {'onnx', 'torch', 'sklearn', 'scipy', 'matplotlib'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
