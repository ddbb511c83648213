"""`overread augment` as a shell calls it, and what the commands behind it make of copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overread.cohort import Cohort
from tests.cli.conftest import call
from tests.cohort.test_augment import make_cohort, shares


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("cohort"), positive="malignant")


@pytest.fixture(scope="module")
def made(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("made") / "augmented"
    said = call("augment", cohort.path, "-o", out, "--share", "0.4", "--workers", 1, "--json")
    assert said.code == 0, said.err
    return said.json


def test_shares_before_and_after_are_said(cohort: Cohort, made: dict[str, Any]) -> None:
    loaded = Cohort.load(Path(made["cohort"]))
    assert made["after"]["malignant"] == pytest.approx(shares(loaded)[0])
    assert 0.4 <= made["after"]["malignant"] <= 0.41
    assert made["before"]["malignant"] == pytest.approx(shares(cohort)[0])
    assert made["images"] == made["originals"] + made["copies"] == loaded.card.images
    assert made["counts_before"] == cohort.card.counts
    assert made["counts"] == loaded.card.counts
    assert made["augmented_from"] == cohort.card.content_hash
    assert (made["policy"], made["transforms"], made["seed"]) == ("dermoscopy", None, 0)


def test_a_person_is_told_the_same_in_words(cohort: Cohort, tmp_path: Path) -> None:
    said = call(
        *("augment", cohort.path, "-o", tmp_path / "out", "--workers", 1, "--policy", "dermoscopy"),
        *("--transforms", "flip, colour"),
    )
    assert said.code == 0, said.err
    counts = cohort.card.counts["train"]
    assert f"{counts['malignant']} → {counts['benign']} images" in said.out
    assert "→ 50.0 %" in said.out
    assert "flip, colour" in said.out
    words = Cohort.load(tmp_path / "out").table(["transform"])["transform"].to_pylist()
    assert any(words)
    assert not any("rotate" in one or "scale" in one for one in words if one)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--share", "1.5"), "--share: expected equal or a share from 0 to 1, got '1.5'"),
        (("--share", "half"), "got 'half'"),
        (("--transforms", "flip,shear"), "--transforms: expected flip, rotate, scale, colour, got 'shear'"),
        (("--policy", "eye"), "--policy: expected auto, none, dermoscopy, chest, ct, got 'eye'"),
        (("--policy", "chest", "--transforms", "flip"), "never flips"),
        (("--strength", "9"), "expected a strength of 0 to 2"),
    ],
)
def test_wrong_options_are_wrong_usage(
    options: tuple[str, ...], message: str, cohort: Cohort, tmp_path: Path
) -> None:
    said = call("augment", cohort.path, "-o", tmp_path / "out", *options)
    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "out").exists()


def test_exploring_shows_the_images_and_names_the_copies(
    cohort: Cohort, made: dict[str, Any], tmp_path: Path
) -> None:
    facts = []
    for folder in (cohort.path, made["cohort"]):
        page = tmp_path / f"{len(facts)}.html"
        said = call("explore", folder, "-o", page, "--no-audit", "--json")
        assert said.code == 0, said.err
        facts.append(said.json)
    assert [one.pop("copies") for one in facts] == [0, made["copies"]]
    assert [Path(one.pop("page")).name for one in facts] == ["0.html", "1.html"]
    assert facts[0] == facts[1]
    before, after = (tmp_path / name for name in ("0.html", "1.html"))
    assert f"and {made['copies']} copies" in after.read_text("utf-8")
    assert "Train was augmented by" in after.read_text("utf-8")
    assert "Train was augmented" not in before.read_text("utf-8")
