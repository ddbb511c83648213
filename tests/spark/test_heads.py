"""Heads of Spark ML against Spark's own answers: what `transform` says is the oracle of what we ship."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from overread.bundle import Bundle
from overread.bundle.network import Network
from overread.cohort import Cohort
from overread.engine.spark import SparkEngine
from overread.errors import TrainingError
from overread.study import load_study, run_study
from overread.training import spark_classifiers, spark_heads, spark_reduction, spark_rows
from overread.training.heads import FeatureCopies, FittedHead
from overread.training.imbalance import Imbalance
from overread.training.network import Task, export_reader
from overread.training.spark_classifiers import GRIDS
from overread.training.spark_heads import fit_spark_head
from overread.training.tuned_heads import TunedKind, fit_tuned_head
from tests.spark.conftest import SMALL
from tests.study.test_run import write_study
from tests.training.made import SIZE, same_weights, write_images
from tests.training.test_heads import data
from tests.training.test_tuned_heads import backbone_data, bundled, images

pytestmark = pytest.mark.spark

FOREST, BOOSTED = 6, 3


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_classifiers, "FOREST_TREES", FOREST)
    monkeypatch.setattr(spark_classifiers, "BOOSTED_TREES", BOOSTED)
    monkeypatch.setattr(spark_classifiers, "XGBOOST_TREES", BOOSTED)
    monkeypatch.setattr(spark_reduction, "IMPORTANCE_TREES", 8)
    monkeypatch.setattr(spark_reduction, "IMPORTANCE_DEPTH", 3)
    monkeypatch.setattr(spark_heads, "WEIGHTS", (1.0, 3.0))
    monkeypatch.setitem(GRIDS, "logistic", ({"C": 30.0},))


@dataclass
class Seen:
    """What Spark's own models say of all images, asked while their rows are still there.

    Attributes:
        probability: Question by question and fold by fold, `[images, k]`.
        models: The fitted pipelines, question by question and fold by fold.
    """

    probability: list[list[np.ndarray]] = field(default_factory=list)
    models: list[list[Any]] = field(default_factory=list)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    check = spark_heads._check

    def asked(fit: Any, frame: Any, models: list[list[Any]], held_out: np.ndarray) -> tuple[float, int]:
        from pyspark.ml.functions import vector_to_array

        found.models = models
        found.probability = [
            [
                np.array(
                    model.transform(frame.where("counted = 1"))
                    .orderBy("row")
                    .select(vector_to_array("probability"))
                    .toArrow()[0]
                    .to_pylist()
                )
                for model in of_folds
            ]
            for of_folds in models
        ]
        with pytest.raises(TrainingError, match=r"another probability, by up to .* fit_on = \"local\""):
            check(fit, frame, models, held_out + 0.01 * np.arange(held_out.shape[1] + 1)[1:])
        return check(fit, frame, models, held_out)

    monkeypatch.setattr(spark_heads, "_check", asked)
    return found


def fit(
    engine: SparkEngine, x: np.ndarray, targets: np.ndarray, groups: np.ndarray, **said: Any
) -> FittedHead:
    given: dict[str, Any] = {"kind": "logistic", "reduce": "none", "task": "binary", "folds": 2, "seed": 0}
    given |= {"imbalance": Imbalance("none"), "sizes": (2, 4), "session": engine.session, **said}
    given.setdefault("grid", GRIDS[given["kind"]][-1:])
    return fit_spark_head(x, targets, groups=groups, **given)


def held_out_by_spark(seen: Seen, folds: np.ndarray, *, kind: str, task: Task) -> np.ndarray:
    """Probabilities `[images, classes]` of each image by the model that left it out, from Spark's own."""
    rows = np.arange(len(folds))
    said = []
    for of_folds in seen.probability:
        p = np.stack(of_folds)[folds, rows]
        if kind == "random-forest":  # as if one more tree knew nothing
            p = (FOREST * p + 1 / p.shape[1]) / (FOREST + 1)
        said.append(p if task == "multiclass" and len(seen.probability) == 1 else p[:, 1:2])
    p = np.concatenate(said, 1)
    return p / p.sum(1, keepdims=True) if task == "multiclass" else p


def probabilities(logits: np.ndarray, task: Task) -> np.ndarray:
    if task == "multiclass":
        return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return 1 / (1 + np.exp(-logits))


CASES: list[tuple[TunedKind, Task, int, str, int]] = [
    ("logistic", "binary", 1, "pca", 2),
    ("random-forest", "multilabel", 2, "select", 2),
    ("xgboost", "binary", 1, "none", 0),
]


@pytest.mark.parametrize(
    ("kind", "task", "classes", "reduce", "beside"),
    [CASES[0], *(pytest.param(*case, marks=pytest.mark.exhaustive) for case in CASES[1:])],
)
def test_a_head_says_what_sparks_own_pipeline_says(
    kind: TunedKind, task: Task, classes: int, reduce: str, beside: int, spark_engine: SparkEngine, seen: Seen
) -> None:
    if kind == "xgboost":
        pytest.importorskip("xgboost")
    x, targets, groups = data(task, classes=classes)
    if task == "multilabel":
        targets = targets.copy()
        targets[::5, 0] = np.nan
    fitted = fit(
        spark_engine, x, targets, groups, kind=kind, task=task, reduce=reduce, beside=beside, sizes=(3,)
    )
    theirs = held_out_by_spark(seen, fitted.folds, kind=kind, task=task)
    ours = probabilities(fitted.held_out_logits, task)
    if kind == "xgboost":  # its thresholds are moved between images: nearly all go the same way
        assert np.median(np.abs(ours - theirs)) <= 1e-5
    else:
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert np.ptp(ours) > 0.05
    assert float(fitted.setting["parity"]) <= 1e-5
    assert ("features" in fitted.setting) == (reduce != "none")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_another_converter_of_sparks_forest_says_the_same(spark_engine: SparkEngine, seen: Seen) -> None:
    onnxmltools = pytest.importorskip("onnxmltools")
    from onnxmltools.convert.common.data_types import FloatTensorType
    from onnxruntime import InferenceSession

    x, targets, groups = data("multiclass", classes=3)
    x = x.astype(np.float32)
    fitted = fit(spark_engine, x, targets, groups, kind="random-forest", task="multiclass")
    converted = onnxmltools.convert_sparkml(
        seen.models[0][0],
        "forest",
        [("image", FloatTensorType([None, x.shape[1]]))],
        spark_session=spark_engine.session,
    )
    theirs = InferenceSession(converted.SerializeToString()).run(["probability"], {"image": x})[0]
    theirs = (FOREST * theirs + 1 / 3) / (FOREST + 1)
    outside = fitted.folds == 0
    ours = probabilities(fitted.held_out_logits, "multiclass")
    np.testing.assert_allclose(ours[outside], theirs[outside], atol=1e-5)


@pytest.mark.exhaustive
def test_boosting_of_classes_is_sparks_one_vs_rest_and_goes_into_onnx(
    spark_engine: SparkEngine, seen: Seen
) -> None:
    from pyspark.ml.classification import OneVsRest

    x, targets, groups = backbone_data("multiclass", 3)
    fitted = fit(spark_engine, x, targets, groups, kind="gradient-boosting", task="multiclass")
    theirs = held_out_by_spark(seen, fitted.folds, kind="gradient-boosting", task="multiclass")
    np.testing.assert_allclose(probabilities(fitted.held_out_logits, "multiclass"), theirs, atol=1e-5)
    inside = fitted.folds != 0
    labels = np.argmax(targets, 1).astype(np.float64)
    with spark_rows.spark_rows(
        spark_engine.session, {"label": labels[inside]}, {"image": x[inside].astype(np.float32)}
    ) as frame:
        alone = spark_classifiers.classifier(
            "gradient-boosting", GRIDS["gradient-boosting"][-1], features="image", label="label", weight="",
            total=1.0, width=x.shape[1], competing=False, seed=0,
        )  # fmt: skip
        alone.clear(alone.weightCol)  # type: ignore[attr-defined]
        model = OneVsRest(classifier=alone, featuresCol="image").fit(frame)
        classes = [row["prediction"] for row in model.transform(frame).orderBy("row").collect()]
    ours = np.stack([of_class[0] for of_class in seen.probability])[:, inside, 1].argmax(0)
    np.testing.assert_array_equal(ours, classes)
    network = bundled(fitted, x, task="multiclass", classes=3)
    exported = export_reader(network, image_size=SIZE)
    assert {one.domain for one in onnx.load_from_string(exported).opset_import} == {""}
    said = Network(exported)(images(12))
    with torch.no_grad():
        logits = fitted.module(torch.from_numpy(said.features)).numpy()
    np.testing.assert_allclose(said.score, probabilities(logits, "multiclass"), atol=1e-5)


def test_sparks_logistic_regression_with_the_same_penalty_is_scikit_learns(
    spark_engine: SparkEngine, seen: Seen
) -> None:
    # More features than images: correlations are singular, of which Spark's own PCA makes wrong components.
    x, targets, groups = data("multiclass", classes=3, count=90, width=60)
    x = x.astype(np.float32)
    given: dict[str, Any] = {"task": "multiclass", "imbalance": Imbalance(), "grid": [{"C": 30.0}]}
    given |= {"reduce": "pca", "sizes": (5,)}
    ours = fit_tuned_head(x, targets, kind="logistic", groups=groups, folds=2, seed=0, **given)
    theirs = fit(spark_engine, x, targets, groups, **given)
    np.testing.assert_array_equal(theirs.folds, ours.folds)
    np.testing.assert_allclose(theirs.held_out_logits, ours.held_out_logits, atol=1e-3)
    for one, other in zip(theirs.module.parameters(), ours.module.parameters(), strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), rtol=1e-3, atol=1e-4)


def test_no_patient_is_on_both_sides_of_a_fold_and_no_copy_is_judged(
    spark_engine: SparkEngine, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyspark.ml.tuning

    x, targets, groups = data("multiclass", classes=3, count=60)
    copies = FeatureCopies(x[[0, 0, 40]], np.array([0, 0, 40]))
    of_row = np.concatenate([groups, groups[copies.origin]])
    asked: list[tuple[set[int], set[int]]] = []
    tasks, evaluate = pyspark.ml.tuning._parallelFitTasks, spark_heads.raw_predictions

    def remembered(est: Any, train: Any, eva: Any, validation: Any, *rest: Any) -> Any:
        rows = [{int(row["row"]) for row in one.select("row").collect()} for one in (train, validation)]
        asked.append((rows[0], rows[1]))
        return tasks(est, train, eva, validation, *rest)

    judged: list[int] = []

    def counted(transformed: Any, label: str) -> Any:
        found = evaluate(transformed, label)
        judged.append(len(found[1]))
        return found

    monkeypatch.setattr(pyspark.ml.tuning, "_parallelFitTasks", remembered)
    monkeypatch.setattr("overread.training.spark_folds.raw_predictions", counted)
    given: dict[str, Any] = {"kind": "random-forest", "task": "multiclass", "reduce": "pca", "sizes": (3,)}
    first = fit(spark_engine, x, targets, groups, copies=copies, **given)
    theirs = held_out_by_spark(seen, first.folds, kind="random-forest", task="multiclass")
    assert len(asked) == 2
    for train, validation in asked:
        assert not set(of_row[list(train)]) & set(of_row[list(validation)])
        assert train | validation == set(range(63))
    assert [len(validation - {60, 61, 62}) for _, validation in asked] == judged
    # What the copies are more of is taken off the logits.
    shift = first.held_out_logits - np.log(theirs)
    assert (np.ptp(shift - shift.mean(1, keepdims=True), axis=0) < 0.5).all()
    # Spoiling images of one fold changes nothing for the others of it, whose head has seen neither.
    spoilt, even = x.copy(), np.arange(len(x)) % 2 == 0
    spoilt[(first.folds == 0) & even] *= -3
    again = fit(spark_engine, spoilt, targets, groups, copies=copies, **given)
    kept = (first.folds == 0) & ~even
    np.testing.assert_array_equal(again.held_out_logits[kept], first.held_out_logits[kept])
    other = first.folds == 1
    assert not np.allclose(again.held_out_logits[other], first.held_out_logits[other])


def test_a_study_fitted_by_spark_ends_in_a_bundle_that_says_what_sparks_models_say(
    spark_engine: SparkEngine, seen: Seen, tmp_path: Path
) -> None:
    assert spark_engine.session  # it runs: a study on the local engine takes it and leaves it running
    write_images(tmp_path / "source", {"benign": 30, "malignant": 30})
    said = 'head = "logistic"\nfit_on = "spark"\nimbalance = "none"'
    study = write_study(tmp_path, reader=said, evaluation='calibration = "platt"')
    result = run_study(load_study(study), tmp_path / "out")
    opened = Bundle.load(result.bundle)
    assert [len(of_folds) for of_folds in seen.models] == [2]
    cohort = Cohort.load(result.cohort)
    table = cohort.table(["image_id", "split"]).to_pydict()
    ids = [one for one, split in zip(*table.values(), strict=True) if split in ("train", "tune")]
    contents = cohort.images_of(ids)
    scores = np.array([one.scores for one in opened.read([contents[one] for one in ids])])
    p = np.stack(seen.probability[0])[:, :, 1]
    logits = (np.log(p) - np.log1p(-p)).mean(0)
    calibration = opened.manifest.calibration
    expected = 1 / (1 + np.exp(-(calibration.slope[0] * logits + calibration.intercept[0])))
    np.testing.assert_allclose(scores[:, 0], expected, atol=1e-4)
    assert not spark_engine.session.sparkContext._jsc.sc().isStopped()


def test_numbers_do_not_depend_on_the_session(own_session: None) -> None:
    x, targets, groups = data("binary", count=60)
    found = []
    for master, shuffled in (("local[1]", 2), ("local[2]", 5)):
        conf = SMALL | {"spark.sql.shuffle.partitions": shuffled}
        with SparkEngine.open(master=master, conf=conf) as engine:
            found.append(fit(engine, x, targets, groups, kind="random-forest", reduce="select", sizes=(3,)))
    assert same_weights(found[0].module, found[1].module)
    np.testing.assert_array_equal(found[0].held_out_logits, found[1].held_out_logits)
