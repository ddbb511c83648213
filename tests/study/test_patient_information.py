"""From a table with ages to readings that depend on them: training, packing, evaluation, prediction."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from overread.bundle import Bundle, verify
from overread.bundle.network import Network
from overread.errors import TrainingError
from overread.study import RunResult, load_study, run_study
from tests.cli.conftest import call

pytestmark = pytest.mark.usefixtures("exported_networks")

STUDY = """
[study]
name = "told"
[cohort]
source = "source"
positive = "ill"
near_duplicates = false
split = { train = 0.5, tune = 0.25, test = 0.25 }
[reader]
backbone = "test_efficientnet"
weights = "none"
image_size = 32
metadata = ["age", "sex", "site"]
phases = ["head"]
folds = 3
[evaluation]
resamples = 100
learning_curve = false
[engine]
workers = 1
"""


def write_source(folder: Path, count: int = 120) -> Path:
    """Pictures of nothing; who is ill is older than 55. Some ages and sites are not stated."""
    source = folder / "source"
    source.mkdir()
    rng = np.random.default_rng(5)
    rows = ["image,label,patient_id,age,sex,localization"]
    for at in range(count):
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source / f"{at:03d}.png")
        ill = at % 2
        age = "" if at % 15 == 7 else str(int(rng.integers(57, 90) if ill else rng.integers(20, 54)))
        site = ("back", "face", "", "one toe" if at == 0 else "arm")[at % 4]
        rows.append(f"{at:03d}.png,{'ill' if ill else 'well'},p{at},{age},{'FM'[at // 2 % 2]},{site}")
    (source / "labels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return source


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult]:
    folder = tmp_path_factory.mktemp("told")
    write_source(folder)
    (folder / "study.toml").write_text(STUDY)
    return folder, run_study(load_study(folder / "study.toml"), folder / "out")


def test_reader_learns_what_age_alone_tells(told: tuple[Path, RunResult]) -> None:
    _, result = told
    assert result.figures["roc_auc"]["value"] > 0.9
    missing = pq.read_table(result.readings)["metadata_missing"].to_pylist()
    assert "" in missing
    assert any("site" in said for said in missing)


def test_bundle_says_what_it_asks_for(told: tuple[Path, RunResult]) -> None:
    folder, result = told
    age, sex, site = Bundle.load(result.bundle).manifest.metadata
    assert (age.name, age.kind, age.unit) == ("age", "number", "years")
    assert 0 < age.missing < 0.2
    assert sex.categories == ("F", "M")
    assert site.categories == ("arm", "back", "face")  # the one toe is one patient's
    assert 0.15 < site.missing < 0.4
    assert any("patient information" in note for note in result.notes)
    assert "asks for" in (folder / "out" / "bundle" / "MODEL_CARD.md").read_text().lower()
    assert verify(result.bundle).images == 8


def test_saliency_still_averages_to_the_logit(told: tuple[Path, RunResult]) -> None:
    _, result = told
    bundle = Bundle.load(result.bundle)
    network = Network(bundle.file("network.onnx"), manifest=bundle.manifest)
    images = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    metadata = np.array([[61, 0, 2], [np.nan, np.nan, np.nan], [30, 1, np.nan]], np.float32)
    found = network(images, metadata)
    calibration = bundle.manifest.calibration
    if calibration.kind == "isotonic":
        pytest.skip("scores are no logits then")
    logits = found.saliency.mean((2, 3))[:, 0] * calibration.slope[0] + calibration.intercept[0]
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(found.score[:, 0], scores, atol=1e-5)
    assert found.novelty.tolist() == network(images).novelty.tolist()


def test_predict_by_the_table_gives_what_evaluation_gave(
    told: tuple[Path, RunResult], tmp_path: Path
) -> None:
    folder, result = told
    source, out = folder / "source", tmp_path / "r.csv"
    said = call(
        "predict",
        result.bundle,
        source,
        "-o",
        out,
        "--metadata",
        source / "labels.csv",
        "--json",
        "--workers",
        1,
    )
    assert said.code == 0, said.err
    assert (said.json["read"], said.json["without_metadata"]) == (120, 0)
    rows = {row["image_id"]: row for row in csv.DictReader(out.open(encoding="utf-8"))}
    for reading in pq.read_table(result.readings).to_pylist():
        assert np.float32(rows[reading["image_id"]]["score.ill"]) == np.float32(reading["score"][0])
        assert rows[reading["image_id"]]["metadata_missing"] == reading["metadata_missing"]
    untold = call("predict", result.bundle, source, "-o", tmp_path / "u.csv", "--json", "--workers", 1)
    assert untold.json["without_metadata"] == 120
    cohort = call("predict", result.bundle, result.cohort, "-o", tmp_path / "c.csv", "--json", "--workers", 1)
    assert cohort.json["without_metadata"] == 0


def test_evaluation_without_metadata_is_by_the_image_alone(
    told: tuple[Path, RunResult], tmp_path: Path
) -> None:
    _, result = told
    said = call(
        "evaluate", result.bundle, result.cohort, "-o", tmp_path / "untold", "--without-metadata",
        "--resamples", 100, "--workers", 1, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert abs(said.json["figures"]["roc_auc"]["value"] - 0.5) < 0.3
    missing = pq.read_table(tmp_path / "untold" / "readings.parquet")["metadata_missing"].to_pylist()
    assert set(missing) == {"age, sex, site"}
    notes = json.loads((tmp_path / "untold" / "evaluation.json").read_text())["notes"]
    assert any("told nothing beside the images" in note for note in notes)
    assert said.json["test_reads"] == 1  # the same network learns nothing new of test


def test_no_age_stands_in_what_a_run_prints(told: tuple[Path, RunResult], tmp_path: Path) -> None:
    folder, result = told
    table = tmp_path / "ages.csv"
    table.write_text("image,age,sex\n000.png,117.25,F\n", "utf-8")
    said = call("predict", result.bundle, folder / "source", "-o", tmp_path / "r.csv", "--metadata", table)
    assert said.code == 0
    assert "117" not in said.out + said.err
    assert "without metadata" in said.out
    assert "has no column for site" in said.err


def test_bundle_shows_its_fields(told: tuple[Path, RunResult]) -> None:
    _, result = told
    assert [field["name"] for field in call("bundle", "show", result.bundle, "--json").json["metadata"]] == [
        "age",
        "sex",
        "site",
    ]
    assert "localization" not in json.dumps(call("bundle", "show", result.bundle, "--json").json)


@pytest.mark.exhaustive
def test_fine_tuning_leaves_what_age_tells(told: tuple[Path, RunResult], tmp_path: Path) -> None:
    folder, _ = told
    changes = ['reader.phases=["head", "fine-tune"]', "reader.fine_tune.epochs=1", 'bundle.small="none"']
    result = run_study(load_study(folder / "study.toml", overrule=changes), tmp_path / "out")
    assert len(Bundle.load(result.bundle).manifest.metadata) == 3
    assert result.figures["roc_auc"]["value"] > 0.9
    assert any(note.startswith("Fine-tuning") for note in result.notes)


def test_column_that_says_nothing_is_refused(told: tuple[Path, RunResult], tmp_path: Path) -> None:
    folder, _ = told
    study = load_study(folder / "study.toml", overrule=['reader.metadata=["view"]'])
    with pytest.raises(TrainingError, match="column 'view': says nothing"):
        run_study(study, tmp_path / "out")
