from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from overread.bundle.manifest import MetadataField
from overread.bundle.parity import HEAD_TOLERANCE, check_parity
from overread.cohort import Cohort, IngestSettings, SplitShares, ingest
from overread.engine import LocalEngine
from overread.errors import BundleError, TrainingError
from overread.training.blocks import column_scales, shown_to_trees
from overread.training.head_phase import joined_features
from overread.training.heads import FeatureCopies, FittedHead, fit_head
from overread.training.imbalance import Imbalance
from overread.training.metadata import FEWEST_PATIENTS, MOST_CATEGORIES, Metadata, read_metadata
from overread.training.metadata_encoder import FARTHEST, MetadataEncoder, beside
from overread.training.network import (
    BundledNetwork,
    LinearHead,
    MLPHead,
    ReaderNetwork,
    export_reader,
    reference_answers,
    reference_scores,
)
from overread.training.novelty import fit_density
from overread.training.reader import labelled_rows
from overread.training.settings import ReaderSettings
from overread.training.trees import ExplainedHead
from overread.training.tuned_heads import fit_tuned_head
from tests.training.made import SIZE, tiny_backbone, write_images

NAN = np.nan


def encoder() -> MetadataEncoder:
    """Age of mean 50 and deviation 16; three sites."""
    return MetadataEncoder([0, 3], [np.array([50.0]), np.array([0.5, 0.3, 0.2])], [16.0, 1.0])


def encoded(*rows: tuple[float, float]) -> np.ndarray:
    with torch.no_grad():
        return encoder()(torch.tensor(rows, dtype=torch.float32)).numpy()


def test_nothing_known_is_zero_and_a_flag_a_field() -> None:
    np.testing.assert_array_equal(encoded((NAN, NAN)), [[0, 1, 0, 0, 0, 1]])


def test_number_is_in_deviations_and_a_category_is_told_from_its_share() -> None:
    np.testing.assert_allclose(encoded((66, 1)), [[1, 0, -0.5, 0.7, -0.2, 0]], atol=1e-7)


@pytest.mark.parametrize("place", [3.0, -1.0, 0.5, np.inf])
def test_place_of_no_category_is_as_good_as_unknown(place: float) -> None:
    np.testing.assert_array_equal(encoded((50, place)), encoded((50, NAN)))


def test_number_far_from_those_of_train_is_taken_as_the_farthest_believable() -> None:
    assert encoded((999, 0))[0, 0] == encoded((np.inf, 0))[0, 0] == FARTHEST
    assert encoded((-np.inf, 0))[0, 0] == -FARTHEST


@given(hnp.arrays(np.float32, (3, 2), elements=st.floats(width=32, allow_nan=True)))
@settings(max_examples=50)
def test_whatever_comes_in_no_nan_comes_out(raw: np.ndarray) -> None:
    with torch.no_grad():
        said = encoder()(torch.from_numpy(raw)).numpy()
    assert np.isfinite(said).all()
    assert said.shape == (3, encoder().width)
    assert np.abs(said).max() <= FARTHEST


def test_places_of_an_image_share_its_metadata() -> None:
    places = torch.zeros(2, 3, 4, 5)
    joined = beside(places, encoder(), torch.tensor([[66.0, 0], [NAN, NAN]]))
    assert joined.shape == (2, 3, 4, 11)
    assert torch.equal(joined[:, 0, 0, 5:], joined[:, 2, 3, 5:])
    assert joined[0, 0, 0, 5] == 1
    assert torch.equal(beside(places, None, None), places)
    assert torch.equal(beside(places, encoder(), None)[0], joined[1])


def test_image_and_metadata_have_the_same_variance_in_all_and_rare_categories_no_more_than_others() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(3, 7, (500, 40))
    rare = (np.arange(500) < 5).astype(float)[:, None]
    half = (np.arange(500) % 2).astype(float)[:, None]
    features = np.concatenate([image, half, rare], 1)
    scaled = features / column_scales(features, beside=2)
    np.testing.assert_allclose(scaled[:, :40].std(0), 1)
    assert scaled[:, 40:].var(0).sum() == pytest.approx(40)
    np.testing.assert_allclose(np.ptp(scaled[:, 40]), np.ptp(scaled[:, 41]))
    tenfold = features / column_scales(features, beside=2, weight=3.0)
    assert tenfold[:, 40:].var(0).sum() == pytest.approx(360)


def test_a_node_of_a_tree_is_shown_about_one_copy_of_each_column_of_metadata() -> None:
    shown = shown_to_trees(np.zeros((1, 2500 + 5), np.float32), 5)
    assert np.bincount(shown)[2500:].tolist() == [50] * 5
    assert np.bincount(shown)[:2500].tolist() == [1] * 2500
    drawn = np.sqrt(len(shown))
    assert 0.9 < drawn * 50 / len(shown) < 1.1
    assert len(shown_to_trees(np.zeros((1, 300), np.float32), 100)) == 300
    assert len(shown_to_trees(np.zeros((1, 100 + 10), np.float32), 10)) == 150
    assert shown_to_trees(np.zeros((1, 7), np.float32), 0).tolist() == list(range(7))


def made(count: int, width: int, *, told_by: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, encoded metadata (age, sex, twelve sites) and targets that one of them tells."""
    rng = np.random.default_rng(seed)
    ill = rng.integers(0, 2, count)
    age = np.where(ill, rng.uniform(56, 90, count), rng.uniform(20, 54, count))
    if told_by != "age":
        rng.shuffle(age)
    raw = np.stack([age, rng.integers(0, 2, count), rng.integers(0, 12, count)], 1).astype(np.float32)
    raw[rng.random(raw.shape) < 0.03] = NAN
    features = rng.normal(size=(count, width))
    if told_by == "image":
        features[:, : width // 10] += 0.35 * ill[:, None]
    coder = MetadataEncoder(
        [0, 2, 12], [np.array([55.0]), np.full(2, 1 / 2), np.full(12, 1 / 12)], [20.0, 1.0, 1.0]
    )
    with torch.no_grad():
        known = coder(torch.from_numpy(raw)).numpy()
    return (
        features.astype(np.float32).astype(np.float64),
        known.astype(np.float64),
        ill[:, None].astype(float),
    )


def fit(
    head: str, features: np.ndarray, known: np.ndarray | None, targets: np.ndarray, **more: Any
) -> FittedHead:
    joined = features if known is None else np.concatenate([features, known], 1)
    given: dict[str, Any] = {
        "task": "binary",
        "groups": np.arange(len(targets)),
        "folds": 3,
        "imbalance": Imbalance(),
        "seed": 0,
        "beside": 0 if known is None else known.shape[1],
        **more,
    }
    if head in ("linear", "mlp"):
        return fit_head(joined, targets, kind=head, **given)  # type: ignore[arg-type]
    reduce, _, kind = head.rpartition("+")
    return fit_tuned_head(joined, targets, kind=kind, reduce=reduce or "none", **given)  # type: ignore[arg-type]


def auc(fitted: FittedHead, targets: np.ndarray) -> float:
    return float(roc_auc_score(targets[:, 0], fitted.held_out_logits[:, 0]))


TREES = {"grid": ({"leaf": 3.0},)}
HEADS: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("mlp", {}),
    ("logistic", {}),
    ("pca+logistic", {"sizes": (32,)}),
    ("select+logistic", {"sizes": (32,)}),
    ("random-forest", TREES),
    ("pca+random-forest", {**TREES, "sizes": (32,)}),
    ("gradient-boosting", {"grid": ({"depth": 1.0, "rate": 0.1},)}),
    ("xgboost", {"grid": ({"depth": 1.0, "rate": 0.1},)}),
]


@pytest.mark.parametrize(("head", "more"), HEADS, ids=[head for head, _ in HEADS])
def test_head_learns_what_age_alone_tells_among_many_features(head: str, more: dict[str, Any]) -> None:
    if head == "xgboost":
        pytest.importorskip("xgboost")
    features, known, targets = made(150, 300, told_by="age")
    fitted = fit(head, features, known, targets, **more)
    assert auc(fitted, targets) > (0.97 if head != "mlp" else 0.93)
    with torch.no_grad():
        joined = torch.from_numpy(np.concatenate([features, known], 1).astype(np.float32))
        assert torch.isfinite(fitted.module(joined)).all()


@pytest.mark.parametrize("head", ["linear", "pca+logistic"])
def test_metadata_that_tell_nothing_do_little_harm(head: str) -> None:
    features, known, targets = made(160, 300, told_by="image")
    more = {"sizes": (32,)} if head != "linear" else {}
    alone, joined = (fit(head, features, one, targets, **more) for one in (None, known))
    assert 0.7 < auc(alone, targets) < 0.99
    assert auc(joined, targets) > auc(alone, targets) - 0.02
    assert float(joined.setting["metadata"]) < 1


@pytest.mark.parametrize("head", ["linear", "mlp", "random-forest"])
def test_network_with_metadata_says_in_onnx_what_it_says_in_torch(head: str) -> None:
    backbone = tiny_backbone()
    rng = np.random.default_rng(1)
    width = backbone.channels + encoder().width
    module: torch.nn.Module
    if head == "linear":
        module = LinearHead(rng.normal(0, 1, (1, width)), np.zeros(1))
    elif head == "mlp":
        module = MLPHead(np.zeros(width), np.ones(width), 1).eval()
    else:
        features = np.abs(rng.normal(0, 0.2, (60, backbone.channels)))
        ages = np.stack([rng.uniform(20, 80, 60), rng.integers(0, 3, 60)], 1)
        known = np.asarray(encoded(*map(tuple, ages)), np.float64)
        targets = (ages[:, :1] > 50).astype(float)
        module = fit("random-forest", features.astype(np.float32), known, targets, **TREES).module
        assert isinstance(module, ExplainedHead)
    network = BundledNetwork(
        ReaderNetwork(backbone, module, encoder()).eval(),
        task="binary",
        slope=(1.0,),
        intercept=(0.0,),
        density=fit_density(rng.normal(size=(30, backbone.channels))),
    )
    model = export_reader(network, image_size=SIZE)
    session = onnxruntime.InferenceSession(model)
    assert {one.name: one.shape[1:] for one in session.get_inputs()} == {
        "input": [3, SIZE, SIZE],
        "metadata": [2],
    }
    images = rng.normal(size=(5, 3, SIZE, SIZE)).astype(np.float32)
    metadata = np.array([[61, 1], [NAN, 2], [999, NAN], [NAN, NAN], [20, 7]], np.float32)
    worst = check_parity(
        reference_answers(network),
        model,
        images,
        metadata=metadata,
        scores=reference_scores(network),
        jumps=network.jumps,
    )
    assert worst <= HEAD_TOLERANCE * 10
    if head != "mlp":
        told, untold = (reference_answers(network)(images, one)["score"] for one in (metadata, None))
        assert np.abs(told - untold)[:3].max() > 0.01
        np.testing.assert_array_equal(told[3], untold[3])


def test_parity_is_of_the_same_metadata() -> None:
    backbone = tiny_backbone()
    rng = np.random.default_rng(1)
    head = LinearHead(rng.normal(0, 1, (1, backbone.channels + encoder().width)), np.zeros(1))
    network = BundledNetwork(
        ReaderNetwork(backbone, head, encoder()).eval(),
        task="binary",
        slope=(1.0,),
        intercept=(0.0,),
        density=fit_density(rng.normal(size=(30, backbone.channels))),
    )
    model, images = export_reader(network, image_size=SIZE), np.zeros((1, 3, SIZE, SIZE), np.float32)
    asked: list[np.ndarray] = []

    def deaf(inputs: np.ndarray, metadata: np.ndarray) -> dict[str, np.ndarray]:
        asked.append(metadata)
        return reference_answers(network)(inputs)

    known = np.array([[90, 1]], np.float32)
    with pytest.raises(BundleError, match="differs from the network"):
        check_parity(deaf, model, images, metadata=known)
    assert asked[0] is known


def cohort(folder: Path, sites: list[str], ages: list[str]) -> Cohort:
    """Images of one patient each, in the order of the lists; every fourth is of tune or test."""
    half = len(sites) // 2
    source = write_images(folder / "source", {"a": half, "b": len(sites) - half})
    rows = ["image,label,patient_id,split,age,site"]
    for at, (site, age) in enumerate(zip(sites, ages, strict=True)):
        name = f"a/{at:03d}.png" if at < half else f"b/{at - half:03d}.png"
        rows.append(
            f"{name},{name[0]},p{at},{'train' if at % 4 else ('tune', 'test')[at % 8 // 4]},{age},{site}"
        )
    (source / "labels.csv").write_text("\n".join(rows) + "\n")
    return ingest(
        source,
        folder / "cohort",
        settings=IngestSettings(positive="b", near_duplicates=False, split=SplitShares()),
        engine=LocalEngine(workers=1),
    )


def test_fields_are_what_train_says_of_enough_patients(tmp_path: Path) -> None:
    # Every fourth image is not of train: "ear" is often there, and nowhere in train.
    sites = ["ear" if at % 4 == 0 else ("back", "face", "toe")[at % 3] for at in range(48)]
    sites[5] = sites[17] = "rare"
    sites[7] = ""
    ages = ["200" if at % 4 == 0 else str(40 + at % 3) for at in range(48)]
    ages[9] = "unknown"
    opened = cohort(tmp_path, sites, ages)
    rows = labelled_rows(opened)
    found = read_metadata(opened, rows, ("age", "site"))
    age, site = found.fields
    assert site.categories == ("back", "face", "toe")
    assert site.missing == pytest.approx(3 / 36)
    assert age.missing == pytest.approx(1 / 36)
    train = rows.of("train")
    assert found.raw.shape == (48, 2)
    standard = found.encoded[train][:, 0]
    assert standard.mean() == pytest.approx(0, abs=0.05)
    by_id = dict(zip(rows.ids, found.raw.tolist(), strict=True))
    table = opened.table(["image_id", "age", "site", "split"]).to_pylist()
    for row in table:
        raw = by_id[row["image_id"]]
        assert np.isnan(raw[0]) if row["age"] is None else raw[0] == row["age"]
        known = row["site"] in site.categories
        assert np.isnan(raw[1]) if not known else site.categories[int(raw[1])] == row["site"]
    assert "age (not stated in 3%)" in found.notes()[0]


def test_as_many_categories_as_patients_allow_and_no_more(tmp_path: Path) -> None:
    from overread.training.metadata import _categories

    cells = [f"site {at // FEWEST_PATIENTS:02d}" for at in range((MOST_CATEGORIES + 5) * FEWEST_PATIENTS)]
    cells += ["site 34"] * 3
    kept = _categories(cells, np.arange(len(cells)))
    assert len(kept) == MOST_CATEGORIES
    assert "site 34" in kept  # the most frequent are kept
    assert list(kept) == sorted(kept)
    assert _categories(["a"] * 9, np.array([1, 1, 1, 1, 1, 1, 1, 1, 2])) == ()


def test_column_without_a_word_is_refused(tmp_path: Path) -> None:
    opened = cohort(tmp_path, [""] * 24, [str(40 + at % 9) for at in range(24)])
    with pytest.raises(TrainingError, match="column 'site': says nothing"):
        read_metadata(opened, labelled_rows(opened), ("age", "site"))


@pytest.mark.parametrize("said", [("age", "age"), ("weight",), ("patient_id",), ("target",)])
def test_settings_take_different_usable_columns(said: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="metadata"):
        ReaderSettings.model_validate({"metadata": said})


@pytest.mark.parametrize("head", ["linear", "mlp", "logistic", "random-forest"])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_several_classes_are_learned_from_age_alone(task: str, head: str) -> None:
    features, known, ill = made(150, 60, told_by="age")
    old = (known[:, :1] > 0.9).astype(float)
    if task == "multiclass":
        targets = np.concatenate([1 - ill, ill - ill * old, ill * old], 1)
    else:
        targets = np.concatenate([ill, old], 1)
        targets[::7, 1] = NAN
    more: dict[str, Any] = {**TREES} if head == "random-forest" else {}
    logits = fit(head, features, known, targets, task=task, **more).held_out_logits
    scores = softmax(logits, axis=1) if task == "multiclass" else logits
    for column, said in zip(targets.T, scores.T, strict=True):
        stated = ~np.isnan(column)
        assert roc_auc_score(column[stated], said[stated]) > 0.75


def test_copies_have_the_metadata_of_their_origins() -> None:
    raw = np.array([[40, 0], [60, 1], [NAN, 2]], np.float32)
    fields = (MetadataField(name="age", kind="number"),) * 2
    metadata = Metadata(fields, encoder(), raw)
    copies = FeatureCopies(np.full((2, 4), 7.0), np.array([2, 0]))
    seen, joined, width = joined_features(np.zeros((3, 4)), copies, metadata)
    assert width == encoder().width == seen.shape[1] - 4
    assert joined is not None
    np.testing.assert_array_equal(joined.features[:, 4:], seen[[2, 0], 4:])
    np.testing.assert_array_equal(joined.features[:, :4], 7)
    assert joined_features(seen, copies, None) == (seen, copies, 0)
