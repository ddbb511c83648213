from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from overread.bundle import check_parity
from overread.bundle.network import Network
from overread.errors import TrainingError
from overread.training import grown_trees
from overread.training.grown_trees import check_installed
from overread.training.heads import FeatureCopies, FittedHead, fit_head, log_loss
from overread.training.imbalance import Imbalance, remedy_for
from overread.training.network import (
    BundledNetwork,
    LinearHead,
    ReaderNetwork,
    Task,
    export_reader,
    reference_answers,
    reference_scores,
)
from overread.training.novelty import fit_density
from overread.training.trees import ExplainedHead
from overread.training.tuned_heads import GRIDS, TunedKind, fit_tuned_head
from tests.training.made import SIZE, same_weights, tiny_backbone
from tests.training.test_heads import data

TREES: list[TunedKind] = ["random-forest", "gradient-boosting", "xgboost"]
# Writing ONNX takes a second or two; torch's own answers are compared for all.
PACKED = (("random-forest", "multilabel"), ("gradient-boosting", "multiclass"), ("xgboost", "binary"))
TASKS: list[tuple[Task, int]] = [("binary", 1), ("multiclass", 3), ("multilabel", 2)]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown_trees, "FOREST_TREES", 12)
    monkeypatch.setattr(grown_trees, "BOOSTED_TREES", 8)


def need(kind: str) -> None:
    if kind == "xgboost":
        pytest.importorskip("xgboost")


def fit(x: np.ndarray, targets: np.ndarray, groups: np.ndarray, **changes: Any) -> FittedHead:
    given: dict[str, Any] = {
        "kind": "random-forest",
        "reduce": "none",
        "task": "binary",
        "folds": 2,
        "seed": 0,
    }
    given |= {"imbalance": Imbalance(), "sizes": (3, 5), **changes}
    given.setdefault("grid", GRIDS[given["kind"]][:1])
    return fit_tuned_head(np.asarray(x, np.float32), targets, groups=groups, **given)


def images(count: int = 48) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


def backbone_data(task: Task, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Real features of a small network, and targets that depend on them."""
    module = tiny_backbone()
    with torch.no_grad():
        x = module.pooled(module(torch.from_numpy(images()))).numpy()
    rng = np.random.default_rng(5)
    hidden = (x - x.mean(0)) / (x.std(0) + 1e-6) @ rng.normal(size=(x.shape[1], classes))
    hidden += rng.normal(size=hidden.shape)
    targets = np.eye(classes)[hidden.argmax(1)] if task == "multiclass" else (hidden > 0.5).astype(float)
    return x, targets, np.arange(len(x)) // 2


def bundled(fitted: FittedHead, x: np.ndarray, *, task: Task, classes: int) -> BundledNetwork:
    return BundledNetwork(
        ReaderNetwork(tiny_backbone(), fitted.module),
        task=task,
        slope=(1.0,) * (1 if task == "multiclass" else classes),
        intercept=(0.0,) * (1 if task == "multiclass" else classes),
        density=fit_density(x),
    )


def head_logits(fitted: FittedHead, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(fitted.module(torch.from_numpy(x.astype(np.float32))).numpy())


def librarys_scores(
    models: list[Any], x: np.ndarray, *, task: Task, folds: int, offsets: list[Any], smooth: int
) -> np.ndarray:
    """What the libraries' own predict_proba gives for the mean of the folds' log-odds."""
    each = len(models) // folds
    logits = []
    for fold in range(folds):
        of_fold = models[fold * each : (fold + 1) * each]
        p = [np.asarray(model.predict_proba(x), np.float64) for model in of_fold]
        if smooth:
            p = [(part * smooth + 1 / part.shape[1]) / (smooth + 1) for part in p]
        logs = [np.log(part) for part in p]
        found = logs[0] if task == "multiclass" else np.column_stack([one[:, 1] - one[:, 0] for one in logs])
        logits.append(found - offsets[fold])
    mean = np.mean(logits, 0)
    if task == "multiclass":
        return np.exp(mean) / np.exp(mean).sum(1, keepdims=True)
    return 1 / (1 + np.exp(-mean))


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_the_packed_network_says_what_the_library_says_of_the_same_features(
    kind: TunedKind, task: Task, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(kind)
    x, targets, groups = backbone_data(task, classes)
    if task == "multilabel":
        targets[::5, 0] = np.nan
    grown: list[Any] = []
    read = grown_trees.read_trees

    def remembered(name: Any, model: Any, *given: Any, **named: Any) -> Any:
        grown.append(model)
        return read(name, model, *given, **named)

    monkeypatch.setattr(grown_trees, "read_trees", remembered)
    # The library reads with the thresholds that it set, see test_trees for those that are moved.
    monkeypatch.setattr(grown_trees, "between_images", lambda trees, _: trees)
    fitted = fit(x, targets, groups, kind=kind, task=task)
    offsets = [remedy_for(Imbalance(), targets[fitted.folds != fold], task=task).offset for fold in range(2)]
    network = bundled(fitted, x, task=task, classes=classes)
    smooth = 12 if kind == "random-forest" else 0
    oracle = partial(librarys_scores, grown, task=task, folds=2, offsets=offsets, smooth=smooth)
    scores = reference_scores(network)(x)
    np.testing.assert_allclose(scores, oracle(x), atol=1e-5)
    assert np.ptp(scores) > 0.05
    if (kind, task) not in PACKED:
        return
    exported = export_reader(network, image_size=SIZE)
    model = onnx.load_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert {one.domain for one in model.opset_import} == {""}
    found = Network(exported)(images(12))
    np.testing.assert_allclose(found.score, oracle(found.features), atol=1e-5)
    deviation = check_parity(
        reference_answers(network),
        exported,
        images(4),
        scores=reference_scores(network),
        jumps=network.jumps,
    )
    assert deviation <= 1e-4


def test_trees_on_components_are_packed_with_them() -> None:
    x, targets, groups = backbone_data("binary", 1)
    fitted = fit(x, targets, groups, reduce="pca")
    assert fitted.setting["features"] in (3, 5)
    network = bundled(fitted, x, task="binary", classes=1)
    exported = export_reader(network, image_size=SIZE)
    scores = reference_scores(network)
    check_parity(reference_answers(network), exported, images(4), scores=scores, jumps=network.jumps)


@pytest.mark.parametrize("kind", GRIDS)
def test_a_head_on_selected_features_looks_at_no_other(kind: TunedKind) -> None:
    need(kind)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 20))
    targets = (x[:, [15]] + x[:, [17]] + rng.normal(0, 0.3, (90, 1)) > 0).astype(float)
    fitted = fit(x, targets, np.arange(90), kind=kind, reduce="select", sizes=(2,))
    logits = head_logits(fitted, x)
    matters = []
    for column in range(x.shape[1]):
        changed = x.copy()
        changed[:, column] = -changed[:, column]
        if not np.allclose(head_logits(fitted, changed), logits):
            matters.append(column)
    assert matters == [15, 17]


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_held_out_logits_come_from_the_head_that_never_saw_the_patient(
    kind: TunedKind, task: Task, classes: int
) -> None:
    need(kind)
    x, targets, groups = data(task, classes=classes)
    first = fit(x, targets, groups, kind=kind, task=task)
    assert np.isfinite(first.held_out_logits).all()
    for fold in range(2):
        outside = first.folds == fold
        assert not set(groups[outside]) & set(groups[~outside])
    # Spoiling the images of one fold changes what its own head was fitted to nowhere.
    spoilt = x.copy()
    spoilt[first.folds == 0] *= -3
    again = fit(spoilt, targets, groups, kind=kind, task=task)
    np.testing.assert_array_equal(again.folds, first.folds)
    outside = first.folds == 1
    assert not np.allclose(again.held_out_logits[outside], first.held_out_logits[outside])
    only_seen = x.copy()
    only_seen[(first.folds == 0) & (np.arange(len(x)) % 2 == 0)] *= -3
    untouched = (first.folds == 0) & (np.arange(len(x)) % 2 == 1)
    third = fit(only_seen, targets, groups, kind=kind, task=task)
    np.testing.assert_allclose(third.held_out_logits[untouched], first.held_out_logits[untouched], atol=1e-6)


@pytest.mark.parametrize("reduce", ["pca", "select"])
def test_a_reduction_does_not_look_at_patients_left_out(reduce: str) -> None:
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(60, 300)), np.tile([[0.0], [1.0]], (30, 1))
    aucs = []
    for seed in range(2):
        fitted = fit(
            x, targets, np.arange(60), kind="logistic", reduce=reduce, folds=5, sizes=(5,), seed=seed
        )
        right = (fitted.held_out_logits > np.median(fitted.held_out_logits)) == (targets > 0.5)
        aucs.append(float(right.mean()))
    # Selecting on all images would find noise that fits: more than four of five right.
    assert 0.3 < np.mean(aucs) < 0.7


def test_logistic_without_reduction_is_the_linear_head() -> None:
    x, targets, groups = data("multiclass", classes=3)
    x = x.astype(np.float32)
    tuned = fit(x, targets, groups, kind="logistic", task="multiclass", grid=GRIDS["logistic"])
    given: dict[str, Any] = {
        "task": "multiclass",
        "groups": groups,
        "folds": 2,
        "imbalance": Imbalance(),
        "seed": 0,
    }
    linear = fit_head(x, targets, kind="linear", **given)
    assert tuned.setting["C"] == linear.setting["C"]
    np.testing.assert_allclose(tuned.held_out_logits, linear.held_out_logits, atol=1e-5)
    assert isinstance(tuned.module, LinearHead)
    assert tuned.notes == ()


def test_the_setting_of_lowest_loss_on_patients_left_out_is_kept() -> None:
    x, targets, groups = data("binary", count=120)
    grid = [{"leaf": 40.0}, {"leaf": 2.0}, {"leaf": 30.0}]
    losses = [
        log_loss(fit(x, targets, groups, grid=[one]).held_out_logits, targets, task="binary") for one in grid
    ]
    chosen = fit(x, targets, groups, grid=grid)
    assert chosen.setting["leaf"] == grid[int(np.argmin(losses))]["leaf"] == 2.0
    assert log_loss(chosen.held_out_logits, targets, task="binary") == min(losses)


@pytest.mark.parametrize("kind", GRIDS)
def test_the_same_seed_gives_the_same_bytes(kind: TunedKind) -> None:
    need(kind)
    x, targets, groups = backbone_data("binary", 1)
    first = fit(x, targets, groups, kind=kind, reduce="pca")
    np.random.seed(1)
    fitted = fit(x, targets, groups, kind=kind, reduce="pca")
    assert same_weights(first.module, fitted.module)
    np.testing.assert_array_equal(first.held_out_logits, fitted.held_out_logits)
    if kind == "gradient-boosting":
        packed = [
            export_reader(bundled(one, x, task="binary", classes=1), image_size=SIZE)
            for one in (first, fitted)
        ]
        assert packed[0] == packed[1]
    other = fit(x, targets, groups, kind=kind, reduce="pca", seed=1)
    assert not np.array_equal(other.held_out_logits, fitted.held_out_logits)


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("remedy", ["class-weights", "balanced-sampling"])
def test_scores_are_about_the_cohort_as_it_is_whatever_images_weigh(kind: TunedKind, remedy: Any) -> None:
    need(kind)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 4))
    targets = (rng.random((400, 1)) < 0.1 + 0.1 * (x[:, :1] > 0)).astype(float)
    kept = {"kind": kind, "grid": [{"leaf": 30.0, "depth": 1.0, "rate": 0.1}]}
    logits = fit(x, targets, np.arange(400), imbalance=Imbalance(remedy), **kept).held_out_logits
    assert (1 / (1 + np.exp(-logits))).mean() == pytest.approx(targets.mean(), abs=0.04)


@pytest.mark.parametrize("kind", TREES)
def test_an_image_that_was_grown_on_keeps_its_score_when_the_last_digit_changes(kind: TunedKind) -> None:
    need(kind)
    x, targets, groups = data("binary")
    fitted = fit(x, targets, groups, kind=kind)
    rng = np.random.default_rng(0)
    nearly = x.astype(np.float32) * (1 + 1e-6 * rng.choice([-1, 1], x.shape))
    np.testing.assert_allclose(head_logits(fitted, nearly), head_logits(fitted, x), atol=1e-5)


def test_copies_are_grown_on_in_the_folds_of_their_origins() -> None:
    x, targets, groups = data("binary", count=60)
    copies = FeatureCopies(np.tile(x[:1], (40, 1)).astype(np.float32), np.zeros(40, np.int64))
    plain = fit(x, targets, groups)
    more = fit(x, targets, groups, copies=copies)
    of_origin = plain.folds == plain.folds[0]
    np.testing.assert_array_equal(more.held_out_logits[of_origin], plain.held_out_logits[of_origin])
    assert not np.array_equal(more.held_out_logits[~of_origin], plain.held_out_logits[~of_origin])


def test_heat_maps_of_trees_are_those_of_a_stand_in_and_the_note_says_so() -> None:
    x, targets, groups = backbone_data("multiclass", 3)
    fitted = fit(x, targets, groups, task="multiclass")
    assert isinstance(fitted.module, ExplainedHead)
    network = bundled(fitted, x, task="multiclass", classes=3)
    answers = reference_answers(network)(images(3))
    with torch.no_grad():
        stand_in = fitted.module.stand_in(torch.from_numpy(answers["features"])).numpy()
    np.testing.assert_allclose(answers["saliency"].mean((2, 3)), stand_in, atol=1e-4)
    [note] = fitted.notes
    percent = round(max(float(fitted.setting["explained"]), 0) * 100)
    assert "linear stand-in for the random-forest head" in note
    assert f"explains {percent}% of the variation" in note


def test_the_focal_loss_is_for_heads_that_have_a_loss() -> None:
    x, targets, groups = data("binary")
    with pytest.raises(ValueError, match="focal"):
        fit(x, targets, groups, imbalance=Imbalance("focal"))


def test_xgboost_is_refused_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown_trees, "find_spec", lambda _: None)
    with pytest.raises(TrainingError) as refused:
        check_installed("xgboost")
    assert str(refused.value) == (
        "reader.head: head 'xgboost' needs the package xgboost, which is not installed; "
        "pip install 'overread[xgboost]', or take head = \"gradient-boosting\""
    )
    check_installed("random-forest")
