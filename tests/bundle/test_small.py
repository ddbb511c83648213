from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from overread.bundle import Bundle, OperatingPoint, model_card, pack, predict, verify, zip_bundle
from overread.bundle.manifest import Calibration, SmallNetwork
from overread.bundle.small import SMALL_NAME, for_small
from overread.engine import LocalEngine
from overread.errors import BundleError
from tests.bundle.conftest import encode, make_draft, make_pixels, network_bytes

POINT = OperatingPoint(name="high-sensitivity", class_name="malignant", threshold=0.9, rule="as the whole")
SMALL = SmallNetwork(
    storage="int8",
    bytes=1,
    calibration=Calibration(kind="platt", slope=(2.0,), intercept=(0.5,)),
    operating_points=(POINT,),
    novelty_threshold=7.0,
    images=40,
    auc_change=-0.002,
    decisions_changed=0.025,
    largest_score_change=0.04,
)


@pytest.fixture(scope="module")
def _with_small(tmp_path_factory: pytest.TempPathFactory, preprocess_bytes: bytes) -> Path:
    # Another seed: what the two networks say can be told apart.
    return pack(
        tmp_path_factory.mktemp("small") / "skin",
        draft=make_draft(small=SMALL),
        preprocess=preprocess_bytes,
        network=network_bytes(),
        small=network_bytes(seed=1),
    )


@pytest.fixture
def with_small(_with_small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_with_small, tmp_path / "with-small"))


def test_the_small_network_reads_by_its_own_thresholds_and_under_its_own_name(with_small: Path) -> None:
    image = encode(make_pixels(3))
    whole, small = Bundle.load(with_small), Bundle.load(with_small, small=True)
    first, second = whole.read([image])[0], small.read([image])[0]
    assert (first.bundle, second.bundle) == ("skin@1.0.0", "skin@1.0.0+small")
    assert small.label == "skin@1.0.0+small"
    assert ">= 0.9" in second.operating_point
    assert not np.allclose(first.scores, second.scores)
    assert small.manifest.triage.novelty_threshold == 7.0
    assert small.manifest.calibration.slope == (2.0,)
    assert whole.manifest.triage.novelty_threshold == 5.0
    assert small.digest == whole.digest


def test_its_size_is_that_of_its_file_and_its_hash_is_listed(with_small: Path) -> None:
    manifest = Bundle.load(with_small).manifest
    assert manifest.small is not None
    assert manifest.small.bytes == (with_small / SMALL_NAME).stat().st_size
    assert SMALL_NAME in manifest.files


def test_many_images_are_read_with_it(
    with_small: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    images, engine = [image_folder(4)], LocalEngine(workers=1)
    whole = predict(with_small, images, tmp_path / "whole.parquet", engine=engine)
    small = predict(with_small, images, tmp_path / "small.parquet", small=True, engine=engine)
    assert (whole.bundle, small.bundle) == ("skin@1.0.0", "skin@1.0.0+small")
    tables = [pq.read_table(one.readings) for one in (whole, small)]
    assert set(tables[1]["bundle"].to_pylist()) == {"skin@1.0.0+small"}
    assert tables[0]["score"].to_pylist() != tables[1]["score"].to_pylist()


def test_a_zip_gives_it_too(with_small: Path) -> None:
    zipped = zip_bundle(with_small)
    assert Bundle.load(zipped, small=True).label == "skin@1.0.0+small"


def test_a_bundle_without_one_says_so(bundle_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle 'skin@1.0.0': has no small network; leave out --small"):
        Bundle.load(bundle_path, small=True)


def test_verify_replays_both(with_small: Path, bundle_path: Path) -> None:
    assert verify(with_small).small is True
    assert verify(bundle_path).small is False


def test_verify_finds_a_small_network_that_says_something_else(
    with_small: Path, preprocess_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object, **__: object) -> bytes:
        text = json.loads((with_small / "selftest" / "expected.small.json").read_text())
        text["images"][0]["scores"][0] += 2e-5
        return json.dumps(text).encode()

    with monkeypatch.context() as patch:
        record = pack.__globals__["record"]
        patch.setitem(
            pack.__globals__,
            "record",
            lambda reader, images: other() if "+small" in reader._draft.version else record(reader, images),
        )
        wrong = pack(
            tmp_path / "wrong",
            draft=make_draft(small=SMALL),
            preprocess=preprocess_bytes,
            network=network_bytes(),
            small=network_bytes(seed=1),
        )
    with pytest.raises(BundleError, match=r"small network, picture 'selftest/01-blob\.jpg'"):
        verify(wrong)


def test_a_changed_small_network_is_refused(with_small: Path) -> None:
    path = with_small / SMALL_NAME
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=SMALL_NAME):
        Bundle.load(with_small)


@pytest.mark.parametrize("small", [None, SMALL])
def test_file_and_manifest_go_together(
    small: SmallNetwork | None, preprocess_bytes: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="or neither"):
        pack(
            tmp_path / "skin",
            draft=make_draft(small=small),
            preprocess=preprocess_bytes,
            network=network_bytes(),
            small=network_bytes() if small is None else None,
        )


def test_the_card_names_it_with_size_and_change() -> None:
    card = model_card(make_draft(small=SMALL.model_copy(update={"bytes": 2_600_000})))
    row = next(line for line in card.splitlines() if line.startswith("| Small network"))
    assert "weights as int8, 2.6 MB; on 40 images of tune it changes" in row
    assert "2.5% of decisions and the mean AUC by -0.002, no score by more than 0.040" in row
    assert "Small network" not in model_card(make_draft())


def test_a_change_that_could_not_be_measured_is_left_out_of_the_card() -> None:
    nothing = {"auc_change": np.nan, "decisions_changed": np.nan, "largest_score_change": np.nan}
    card = model_card(make_draft(small=SMALL.model_copy(update=nothing)))
    assert "nan" not in card.lower().split("| small network")[1].splitlines()[0]


def test_what_is_not_its_own_stays_the_bundles() -> None:
    draft = make_draft(small=SMALL)
    by = for_small(draft)
    assert by.classes == draft.classes
    assert by.triage.urgent == draft.triage.urgent
    assert by.limits == draft.limits
