from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from overread.bundle import Bundle, ManifestDraft, pack
from overread.bundle.manifest import SmallNetwork
from overread.cohort import Cohort
from overread.engine import LocalEngine
from overread.imaging.preprocess import Preprocess, preprocess_graph
from overread.study import shrink
from overread.study.shrink import Shrunk, choose_images, harmless, small_network
from tests.bundle.conftest import SIZE, make_draft
from tests.bundle.test_shrink import wide_network
from tests.training.made import small_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return small_cohort(tmp_path_factory.mktemp("cohort"), positive="malignant")


def one_class(*, coarse: bool = False) -> bytes:
    """The wide network with a score of one class; coarse weights lose much as int8."""
    model = onnx.load_model_from_string(wide_network())
    for one in model.graph.initializer:
        values = numpy_helper.to_array(one)
        if one.name in ("head", "bias", "map_head"):
            values = values[:1]
        if one.name == "head":
            values = values * 4
        if coarse and one.name == "widen":  # one weight a channel sets a scale too wide for the others
            values = values.copy()
            values[:, 0] *= 40
        one.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), one.name))
    for output in model.graph.output:
        if output.name in ("score", "saliency"):
            output.type.tensor_type.shape.dim[1].dim_value = 1
    return bytes(model.SerializeToString())


def draft() -> ManifestDraft:
    return make_draft(preprocess=Preprocess(size=SIZE))


def made(cohort: Cohort, work: Path, wanted: str = "auto", network: bytes | None = None) -> Shrunk | None:
    return small_network(
        network or one_class(),
        draft=draft(),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        cohort=cohort,
        wanted=wanted,  # type: ignore[arg-type]
        seed=0,
        work=work / "small",
        engine=LocalEngine(workers=1),
    )


def test_what_the_manifest_says_is_what_both_networks_say_of_tune(cohort: Cohort, tmp_path: Path) -> None:
    small = made(cohort, tmp_path, "int8", one_class(coarse=True))
    assert small is not None
    assert not (tmp_path / "small").exists()
    said = small.described
    bundle = pack(
        tmp_path / "bundle",
        draft=draft().model_copy(update={"small": said}),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=one_class(coarse=True),
        small=small.network,
    )
    ids = cohort.table(["image_id"], split="tune")["image_id"].to_pylist()
    images = list(cohort.images_of(ids).values())
    whole, little = Bundle.load(bundle).read(images), Bundle.load(bundle, small=True).read(images)
    pairs = list(zip(whole, little, strict=True))
    assert said.images == len(images)
    assert said.decisions_changed == pytest.approx(np.mean([a.decision != b.decision for a, b in pairs]))
    gaps = [float(np.abs(a.scores - b.scores).max()) for a, b in pairs]
    assert said.largest_score_change == pytest.approx(max(gaps), abs=1e-5)
    assert max(gaps) > 1e-4
    assert said.calibration.slope[0] != 1.0
    assert said.operating_points[0].rule.startswith("as network.onnx: ")


def test_the_same_seed_gives_the_same_bytes(cohort: Cohort, tmp_path: Path) -> None:
    assert made(cohort, tmp_path / "a") == made(cohort, tmp_path / "b")


def test_none_leaves_it_out(cohort: Cohort, tmp_path: Path) -> None:
    assert made(cohort, tmp_path, "none") is None


@pytest.mark.parametrize(
    ("auc", "changed", "harming", "taken"),
    [
        (0.0, 0.0, (), "int8"),
        (-0.006, 0.0, ("int8",), "int10"),
        (0.0, 0.02, ("int8", "int10"), "fp16"),
    ],
)
def test_the_smallest_is_taken_that_changes_next_to_nothing(
    auc: float,
    changed: float,
    harming: tuple[str, ...],
    taken: str,
    cohort: Cohort,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    describe = shrink.describe

    def measured(*given: object, **said: object) -> SmallNetwork:
        found = describe(*given, **said)  # type: ignore[arg-type]
        if found.storage not in harming:
            return found.model_copy(update={"auc_change": 0.0, "decisions_changed": 0.0})
        return found.model_copy(update={"auc_change": auc, "decisions_changed": changed})

    monkeypatch.setattr(shrink, "describe", measured)
    small = made(cohort, tmp_path)
    assert small is not None
    assert small.described.storage == taken
    assert harmless(small.described)


def test_a_network_that_would_hardly_shrink_gets_none(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink, "WORTH_IT", 0.1)
    assert made(cohort, tmp_path) is None
    assert made(cohort, tmp_path, "fp16") is not None


def test_images_of_tune_come_first_patients_stay_whole_and_test_is_left_out(cohort: Cohort) -> None:
    table = cohort.table(["image_id", "split"])
    split = dict(zip(table["image_id"].to_pylist(), table["split"].to_pylist(), strict=True))
    tune = [one for one in split if split[one] == "tune"]
    few = choose_images(cohort, most=5, seed=0)
    assert len(few) == 5
    assert {split[one] for one in few} == {"tune"}
    assert choose_images(cohort, most=5, seed=0) == few
    assert choose_images(cohort, most=5, seed=1) != few
    more = choose_images(cohort, most=len(tune) + 4, seed=0)
    assert set(tune) < set(more)
    assert len(more) == len(tune) + 4
    everything = choose_images(cohort, most=10_000, seed=0)
    assert set(everything) == {one for one in split if split[one] != "test"}
