from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.errors import TrainingError
from overread.imaging import GraphRunner, Preprocess, decode, preprocess_graph, resize_graph
from overread.training.features import FeaturizeStage, ResizeStage, compute_features, compute_pixels
from overread.training.network import export_features
from tests.training.made import SIZE, small_cohort, tiny_backbone

SPEC = Preprocess(size=SIZE, resize="squash", interpolation="bilinear", mean=(0.5,) * 3, std=(0.2,) * 3)
ENGINE = LocalEngine(workers=1)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return small_cohort(tmp_path_factory.mktemp("features"), {"no": 6, "yes": 6})


@pytest.fixture(scope="module")
def network() -> bytes:
    return export_features(tiny_backbone(), image_size=SIZE)


def features(cohort: Cohort, network: bytes, out: Path, *, content_hash: str = "h") -> dict[str, np.ndarray]:
    stage = FeaturizeStage(preprocess_graph(SPEC), network)
    return compute_features(stage, cohort.parts, out, content_hash=content_hash, engine=ENGINE)


def pixels(cohort: Cohort, out: Path) -> tuple[list[str], np.ndarray]:
    stage = ResizeStage(resize_graph(SPEC))
    return compute_pixels(stage, cohort.parts, out, size=SIZE, content_hash="h", engine=ENGINE)


def test_features_are_what_the_network_says_of_the_preprocessed_image(
    cohort: Cohort, network: bytes, tmp_path: Path
) -> None:
    found = features(cohort, network, tmp_path)
    preprocess, run = GraphRunner(preprocess_graph(SPEC)), GraphRunner(network)
    contents = cohort.images_of(list(found))
    assert len(found) == 12
    for image_id, value in found.items():
        expected = run(preprocess(decode(contents[image_id])))[0]
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_features_are_cached_by_content_and_network(cohort: Cohort, network: bytes, tmp_path: Path) -> None:
    features(cohort, network, tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("part-*")}
    features(cohort, network, tmp_path)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("part-*")}
    features(cohort, network, tmp_path, content_hash="other")
    assert len(list(tmp_path.iterdir())) == 2


def test_pixels_are_the_resized_images(cohort: Cohort, tmp_path: Path) -> None:
    ids, images = pixels(cohort, tmp_path)
    resize, contents = GraphRunner(resize_graph(SPEC)), cohort.images_of(ids)
    assert images.shape == (12, SIZE, SIZE, 3)
    for image_id, image in zip(ids, images, strict=True):
        np.testing.assert_array_equal(image, resize(decode(contents[image_id])))


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_a_pixel_file_that_is_not_whole_is_made_again(damage: str, cohort: Cohort, tmp_path: Path) -> None:
    _, first = pixels(cohort, tmp_path)
    expected = np.array(first)
    (file,) = tmp_path.rglob("pixels.uint8")
    if damage == "missing":
        file.unlink()
    else:
        with file.open("r+b") as stream:
            stream.truncate(1000)
    np.testing.assert_array_equal(pixels(cohort, tmp_path)[1], expected)
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_image_that_can_no_longer_be_read_is_one_sentence(network: bytes, tmp_path: Path) -> None:
    table = pa.table({"image_id": ["a.png"], "uri": ["a.png"], "content": pa.array([b"text"], pa.binary())})
    pq.write_table(table, tmp_path / "part-00000.parquet")
    stage = FeaturizeStage(preprocess_graph(SPEC), network)
    with pytest.raises(
        TrainingError, match="1 images of the cohort can no longer be read, the first: "
    ) as raised:
        compute_features(
            stage, [tmp_path / "part-00000.parquet"], tmp_path / "out", content_hash="h", engine=ENGINE
        )
    assert "image 'a.png'" in str(raised.value)


def test_a_stage_that_was_used_can_be_sent_to_another_process(cohort: Cohort, network: bytes) -> None:
    stage = FeaturizeStage(preprocess_graph(SPEC), network)
    batch = cohort.table(["image_id", "uri", "content"]).to_batches()[0]
    (first,) = stage(iter([batch]))
    copy = pickle.loads(pickle.dumps(stage))
    (second,) = copy(iter([batch]))
    assert first.equals(second)
    assert copy.key == stage.key
