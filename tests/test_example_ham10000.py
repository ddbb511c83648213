"""The HAM10000 example runs as its README says, on its drawn stand-in; the figures mean nothing."""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from overread.cohort.candidates import Candidate
from overread.cohort.layouts import list_source
from overread.evaluation.leaderboard import load_table, place_run
from overread.evaluation.leaderboard_page import render_leaderboard
from overread.study import load_study, run_study

EXAMPLE = Path(__file__).parents[1] / "examples" / "ham10000"
STUDIES = ("images.toml", "pixels.toml", "spark.toml")
QUICK = (
    'reader.phases=["head"]', "reader.folds=2", "evaluation.resamples=100", "evaluation.learning_curve=false",
    "bundle.small=none", "engine.workers=1",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """The stand-in, and the table that lies in it."""

    folder: Path
    rows: list[dict[str, str]]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_small", EXAMPLE / "make_small.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclass looks its module up by name.
    import sys

    sys.modules["make_small"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    folder = tmp_path_factory.mktemp("ham") / "drawings"
    generator().make_small(folder)
    with (folder / "HAM10000_metadata.csv").open(encoding="utf-8") as table:
        return Drawn(folder, list(csv.DictReader(table)))


def listed(study: str, source: Path) -> dict[str, Candidate]:
    """Image id → what a study's listing says of it."""
    asked = load_study(EXAMPLE / study, overrule=[f"cohort.source={source}"])
    listing = list_source(asked.settings.cohort.source, settings=asked.ingest_settings())
    return {Path(one.file or "").stem: one for one in listing.candidates}


def test_the_stand_in_looks_like_the_real_table(drawn: Drawn) -> None:
    columns = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    assert list(drawn.rows[0]) == columns
    assert {row["dx"] for row in drawn.rows} == {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"}
    assert max(Counter(row["lesion_id"] for row in drawn.rows).values()) > 1
    assert sum(row["age"] == "" or row["sex"] == "unknown" for row in drawn.rows) == 3
    for lesion in {row["lesion_id"] for row in drawn.rows}:
        assert len({(row["dx"], row["age"]) for row in drawn.rows if row["lesion_id"] == lesion}) == 1


def test_the_same_seed_draws_the_same_bytes(drawn: Drawn, tmp_path: Path) -> None:
    module = generator()
    first = list(module.draw_lesion("mel", 3, pictures=2, seed=0))
    again = list(module.draw_lesion("mel", 3, pictures=2, seed=0))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], next(module.draw_lesion("mel", 3, pictures=1, seed=1)))


def test_photographs_and_pixels_tell_of_the_same_lesions(drawn: Drawn) -> None:
    photographs = listed("images.toml", drawn.folder)
    pixels = listed("pixels.toml", drawn.folder / "hmnist_28_28_RGB.csv")
    assert set(photographs) == set(pixels) == {row["image_id"] for row in drawn.rows}
    for name, one in photographs.items():
        other = pixels[name]
        said = (one.label, one.group, one.age, one.sex, one.site, one.rule)
        assert said == (other.label, other.group, other.age, other.sex, other.site, other.rule)
    assert sum(one.reason is None for one in pixels.values()) == len(drawn.rows) - 3
    row = next(iter(drawn.rows))
    lines = (drawn.folder / "hmnist_28_28_RGB.csv").read_text().split("\n")
    flat = np.array(lines[1].split(",")[:-1], np.uint8).reshape(28, 28, 3)
    whole = Image.open(drawn.folder / "HAM10000_images_part_1" / f"{row['image_id']}.jpg").resize((28, 28))
    assert (
        np.abs(flat.astype(int) - np.asarray(whole)).mean() < 12
    )  # the photograph is a JPEG, the pixels are not


def test_the_studies_differ_in_source_reader_and_engine_alone() -> None:
    tables = [load_study(EXAMPLE / name).settings for name in STUDIES]
    for one in tables:
        assert one.cohort.map == tables[0].cohort.map
        assert one.cohort.drop_missing == ("age", "sex")
        assert one.bundle.urgent == ("melanoma", "basal cell carcinoma", "actinic keratosis")
    assert [one.engine.engine for one in tables] == ["local", "local", "spark"]
    assert [one.reader.backbone for one in tables] == ["resnet50", "small", "resnet50"]


@pytest.mark.exhaustive
def test_the_pixels_run_to_the_page_beside_the_challenge(drawn: Drawn, tmp_path: Path) -> None:
    source = drawn.folder / "hmnist_28_28_RGB.csv"
    study = load_study(EXAMPLE / "pixels.toml", overrule=[f"cohort.source={source}", *QUICK])
    result = run_study(study, tmp_path / "pixels")
    assert (result.found, result.rejected) == (len(drawn.rows), 3)
    assert {"balanced_accuracy", "accuracy", "melanoma/recall"} <= set(result.figures)
    table = load_table("isic2018-task3")
    placed = place_run(tmp_path / "pixels", table)
    assert placed.figure.value == result.figures["balanced_accuracy"]["value"]
    assert placed.clustered_by == "lesion or study"
    assert placed.clusters < placed.images
    assert "of the challenge" in render_leaderboard(table, [placed])
    report = result.report.read_text("utf-8")
    assert "balanced multiclass accuracy" in report
    assert "it names actinic keratosis in" in report
    # No lesion stands on two sides.
    from overread.cohort import Cohort

    rows = Cohort.load(result.cohort).table(["group_id", "split"]).to_pylist()
    sides = {(row["group_id"], row["split"]) for row in rows}
    assert len(sides) == len({row["group_id"] for row in rows})
