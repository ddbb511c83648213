from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from overread.bundle.seal import seal
from overread.errors import EvaluationError
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.leaderboard import TABLES, load_table, place, place_run
from overread.evaluation.leaderboard_page import reader_sentences, render_leaderboard
from overread.evaluation.results import CohortFlow, Evaluation
from tests.evaluation.made import make_manifest, make_tables
from tests.evaluation.test_compare_page import text_of

TABLE = load_table("isic2018-task3")
CODES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
NAMES = (
    *("actinic keratosis", "basal cell carcinoma", "benign keratosis", "dermatofibroma"),
    *("melanoma", "nevus", "vascular lesion"),
)


def seven(
    recall: float, *, names: tuple[str, ...] = CODES, each: int = 20, task: str = "multiclass"
) -> Evaluation:
    """`each` images a class, of which the share `recall` is named rightly."""
    truth = np.repeat(np.arange(len(names)), each)
    best = np.where(
        np.tile(np.arange(each), len(names)) < round(recall * each), truth, (truth + 1) % len(names)
    )
    manifest = make_manifest(task, names, urgent=names[4:5])
    scores = 0.8 * np.eye(len(names))[best] + 0.2 / len(names)
    tables = make_tables(np.eye(len(names))[truth], scores, manifest=manifest)
    return evaluate_readings(*tables, manifest=manifest, resamples=200)


@pytest.mark.parametrize("name", TABLES)
def test_every_published_figure_has_a_source_and_says_what_it_is(name: str) -> None:
    table = load_table(name)
    assert (table.name, len(table.classes)) == (name, 7)
    values = [one.value for one in table.entries]
    assert values == sorted(values, reverse=True)
    assert all(0 < one.value < 1 and one.source and one.stated for one in (*table.entries, *table.beside))
    assert all(one.source.startswith("https://") for one in table.entries)
    places = [one.place for one in table.entries if one.place is not None]
    assert places == sorted(set(places))
    assert table.licence
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", table.collected)


def test_the_best_of_isic_2018_is_metaoptima_and_the_spark_study_stands_beside() -> None:
    assert (TABLE.entries[0].team, TABLE.entries[0].value) == ("MetaOptima", 0.885)
    assert [one.value for one in TABLE.beside] == [0.69]


@pytest.mark.parametrize(("recall", "above"), [(0.95, 0), (0.85, 4), (0.5, 6)])
def test_a_reader_is_set_between_those_above_and_below_it(recall: float, above: int) -> None:
    placed = place(seven(recall), TABLE, name="mine")
    assert placed.figure.value == pytest.approx(recall)
    assert placed.above == above == sum(one.value > recall for one in TABLE.entries)
    assert placed.surely_above == sum(one.value > placed.figure.high for one in TABLE.entries)
    assert placed.recalls["mel"].value == pytest.approx(recall)


@pytest.mark.parametrize(
    ("recall", "words"),
    [(0.95, "lies above the 0.69"), (0.7, "holds the 0.69"), (0.3, "lies below the 0.69")],
)
def test_the_figure_of_the_earlier_study_is_compared_by_the_interval(recall: float, words: str) -> None:
    sentences = reader_sentences(TABLE, place(seven(recall), TABLE, name="mine"))
    assert words in sentences[1]
    assert "measured on other images" in sentences[1]


def test_classes_may_have_their_codes_or_their_names_in_any_order() -> None:
    named = place(seven(0.8, names=tuple(reversed(NAMES))), TABLE, name="mine")
    assert named.above == place(seven(0.8), TABLE, name="mine").above


@pytest.mark.parametrize(
    "other",
    [
        seven(0.8, names=("akiec", "bcc", "bkl", "df", "mel", "nv", "scc")),
        seven(0.8, names=CODES[:6]),
        seven(0.8, task="multilabel"),
    ],
)
def test_another_question_is_no_place_in_the_table(other: Evaluation) -> None:
    with pytest.raises(EvaluationError, match="expected the 7 classes akiec, bcc, bkl, df, mel, nv, vasc"):
        place(other, TABLE, name="mine")


def test_an_unknown_table_and_a_missing_evaluation_are_one_sentence(tmp_path) -> None:
    with pytest.raises(EvaluationError, match="there is no published table 'isic2019'"):
        load_table("isic2019")
    with pytest.raises(EvaluationError, match="cannot be read"):
        place_run(tmp_path, TABLE)


def test_what_a_bundle_says_of_its_limits_stands_beside_its_figure(tmp_path) -> None:
    seven(0.8).save(tmp_path / "evaluation.json")
    assert place_run(tmp_path, TABLE).cautions == ()
    (tmp_path / "bundle").mkdir()
    manifest = make_manifest("multiclass", CODES, urgent=("mel",), limits=("Trained on drawings.",))
    (tmp_path / "bundle/bundle.json").write_bytes(seal(manifest))
    first, *others = place_run(tmp_path, TABLE).cautions
    assert first == "Trained on drawings."
    assert any(one.startswith("Few images (under 30)") for one in others)


def test_the_page_says_who_is_in_the_table_and_what_differs() -> None:
    manifest = make_manifest("multiclass", CODES, urgent=("mel",), limits=("Made of <drawings>.",))
    found = seven(0.8).model_copy(
        update={"cohort": CohortFlow(found=140, read=140, rejected=0, patients=140, patient_known=False)}
    )
    readers = [place(found, TABLE, name="one", manifest=manifest), place(seven(0.5), TABLE, name="two")]
    page = render_leaderboard(TABLE, readers)
    words = text_of(page)
    for entry in (*TABLE.entries, *TABLE.beside):
        assert entry.name in words
        assert entry.stated.split(";")[0] in words
    assert words.index("Best single model") < words.index("this reader, made@1.0")
    assert "0.800" in words
    assert "1,512 images of its own" in words
    assert all(one in words.replace("&#39;", "'") for one in TABLE.differs)
    assert "Made of &lt;drawings&gt;." in page
    assert "does not tell patients apart" in words
    assert "<script" not in page
    assert re.findall(r"(?:src)=\"(?!data:)[^\"]*\"|url\((?!#)[^)]*\)|<link(?! rel=\"icon\")", page) == []
    assert page == render_leaderboard(TABLE, readers)
    ids = Counter(re.findall(r' id="([^"]+)"', page))
    assert [name for name, times in ids.items() if times > 1] == []
