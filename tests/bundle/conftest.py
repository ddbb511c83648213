"""A small bundle made by hand: convolution, mean, linear, sigmoid; no torch."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from overread.bundle import ManifestDraft, OperatingPoint, TriageRule, pack
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.reader_model import reader_model

SIZE = 24


def network_model(classes: int = 1, *, size: int = SIZE, seed: int = 0) -> onnx.ModelProto:
    rng = np.random.default_rng(seed)
    constants = {
        "kernel": rng.normal(0, 0.4, (4, 3, 3, 3)),
        "head": rng.normal(0, 1.5, (classes, 4)),
        "map_head": np.zeros((classes, 4, 1, 1)),
        "bias": rng.normal(0, 0.2, classes),
        "centre": np.full((1, 4), 0.3),
    }
    constants["map_head"][:, :, 0, 0] = constants["head"]
    nodes = [
        helper.make_node("Conv", ["input", "kernel"], ["conv"], strides=[2, 2]),
        helper.make_node("Relu", ["conv"], ["maps"]),
        helper.make_node("ReduceMean", ["maps", "space"], ["features"], keepdims=0),
        helper.make_node("Gemm", ["features", "head", "bias"], ["logit"], transB=1),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
        helper.make_node("Conv", ["maps", "map_head"], ["saliency"]),
        helper.make_node("Sub", ["features", "centre"], ["away"]),
        helper.make_node("ReduceL2", ["away", "last"], ["novelty"], keepdims=0),
    ]
    initializers = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in constants.items()]
    initializers += [
        numpy_helper.from_array(np.array([2, 3]), "space"),
        numpy_helper.from_array(np.array([1]), "last"),
    ]
    out = (size - 3) // 2 + 1
    shapes = {
        "score": ["n", classes],
        "features": ["n", 4],
        "saliency": ["n", classes, out, out],
        "novelty": ["n"],
    }
    return reader_model(nodes, initializers, outputs=shapes, size=size)


def network_bytes(classes: int = 1, **settings: int) -> bytes:
    return network_model(classes, **settings).SerializeToString()


def make_draft(**changes: object) -> ManifestDraft:
    fields: dict[str, object] = {
        "name": "skin",
        "version": "1.0.0",
        "task": "binary",
        "classes": ("malignant",),
        "modality": "dermoscopy",
        "preprocess": Preprocess(size=SIZE),
        "operating_points": (
            OperatingPoint(
                name="high-sensitivity",
                class_name="malignant",
                threshold=0.4,
                rule="sensitivity >= 0.95 on tune",
                sensitivity=0.96,
                specificity=0.5,
                positives=50,
                negatives=200,
            ),
        ),
        "triage": TriageRule(urgent=("malignant",), novelty_threshold=5.0),
        "intended_use": "A second look at dermoscopy photographs.",
        "limits": ("Not for children.",),
    }
    return ManifestDraft(**{**fields, **changes})


def make_pixels(seed: int = 0, height: int = 40, width: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.fixture(scope="session")
def preprocess_bytes() -> bytes:
    return preprocess_graph(Preprocess(size=SIZE))


@pytest.fixture(scope="session")
def _packed(tmp_path_factory: pytest.TempPathFactory, preprocess_bytes: bytes) -> Path:
    out = tmp_path_factory.mktemp("packed") / "skin"
    return pack(out, draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes())


@pytest.fixture
def bundle_path(_packed: Path, tmp_path: Path) -> Path:
    """A bundle of one's own, to damage at will."""
    return Path(shutil.copytree(_packed, tmp_path / "skin"))


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    def make(count: int = 5, name: str = "images") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            (folder / f"{index:02d}.png").write_bytes(encode(make_pixels(index)))
        return folder

    return make
