"""`overread explore` as a shell calls it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from overread.imaging.phantoms import generate_skin
from tests.cli.conftest import call

SHARED = Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))
HAM = SHARED / "data" / "ham10000" / "HAM10000_metadata.csv"
TABLE = "image,dx,lesion_id,age,sex\n" + "".join(
    f"i{at},{('mel', 'nv')[at // 2 % 2]},l{at // 2},{40 + at if at % 10 else ''},{'FM'[at % 2]}\n"
    for at in range(60)
)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore") / "phantoms"
    generate_skin(folder, patients=24, seed=1)
    return folder


def test_a_folder_becomes_a_page_and_nothing_else(phantoms: Path, tmp_path: Path) -> None:
    before = sorted(phantoms.rglob("*"))
    out = tmp_path / "new" / "page.html"
    said = call("explore", phantoms, "-o", out, "--workers", 1, "--positive", "malignant", "--json")
    assert said.code == 0, said.err
    facts = said.json
    assert Path(facts["page"]) == out
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert list(out.parent.iterdir()) == [out]
    assert sorted(phantoms.rglob("*")) == before
    assert facts["found"] == facts["used"] + facts["rejected"]
    assert sum(facts["class_counts"].values()) == facts["used"]
    assert {name for counts in facts["counts"].values() for name in counts} == set(facts["class_counts"])
    for key in ("task", "classes", "patients", "groups", "flow", "leakage", "shortcuts", "reject_reasons"):
        assert key in facts


def test_a_table_without_images_is_explored_and_its_rows_can_be_dropped(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    out = tmp_path / "page.html"
    said = call(
        *("explore", table, "-o", out, "--positive", "mel", "--drop-missing", "age"),
        *("--split-by", "image", "--no-audit", "--json"),
    )
    assert said.code == 0, said.err
    assert (said.json["found"], said.json["used"]) == (60, 54)
    assert said.json["reject_reasons"] == {"incomplete-row": 6}
    assert said.json["leakage"][0]["kind"] == "group"
    assert said.json["shortcuts"] == []
    assert not said.json["images_read"]
    assert "the audit was left out" in out.read_text("utf-8")


def test_a_person_is_told_the_counts(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    said = call("explore", table, "-o", tmp_path / "page.html", "--positive", "mel", "--no-audit")
    assert said.code == 0, said.err
    assert "60 = 60 used + 0 rejected" in said.out
    assert "30 mel, 30 nv" in said.out


@pytest.mark.parametrize(
    ("source", "out", "code", "words"),
    [
        ("nothing-here", "page.html", 1, "there is nothing of this name"),
        (".", "page.pdf", 2, "ends in .html"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, source: str, out: str, code: int, words: str) -> None:
    said = call("explore", tmp_path / source, "-o", tmp_path / out)
    assert said.code == code
    assert words in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / out).exists()


@pytest.mark.shared
@pytest.mark.skipif(not HAM.is_file(), reason="the shared data are not here (OVERREAD_SHARED)")
def test_ham10000_keeps_9948_images_and_shows_its_patients(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = call(
        "explore", HAM, "--layout", "ham10000", "--drop-missing", "age", "--drop-missing", "sex",
        "--no-audit", "-o", page, "--json",
    ).json  # fmt: skip
    assert (said["found"], said["used"], said["groups"]) == (10_015, 9_948, 7_414)
    assert [(step["what"], step["removed"]) for step in said["flow"]] == [
        ("age not stated", 57),
        ("sex not stated", 10),
    ]
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text("utf-8")))
    assert "akiec 70 60 – 75" in words  # median age, and the middle half
    assert "mel 1,111 62" in words  # of whom so many are men
    assert "face 7" in words
