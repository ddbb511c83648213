from __future__ import annotations

import itertools
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from overread.cohort.leakage import Identities, find_leaks
from overread.errors import CohortError
from overread.exploration.page import render_page
from overread.exploration.shortcuts import Shortcut
from tests.exploration.subjects import CLASSES, make_rows, make_subject
from tests.html_page import Page

REJECTS = [
    ("bad/1.jpg", "damaged", "its data end in the middle"),
    ("bad/2.jpg", "damaged", "its data are <odd>"),
    ("row 7", "conflicting-label", "stands as mel and as nv"),
]
TWINS = [
    ("img-000", "img-001", "near-duplicate", 0.97, "turned by 90°"),
    ("img-000", "img-002", "file", 1.0, "same bytes"),
]


def make_shortcut(class_name="malignant", factor="source", **said) -> Shortcut:
    plain = {
        "factor": factor,
        "title": "the source",
        "family": "image",
        "class_name": class_name,
        "auc": 0.81,
        "low": 0.7,
        "high": 0.9,
        "images": 60,
        "warned": True,
        "sentence": f"From the source alone, {class_name} can be told.",
        "lowest": ("img-004",),
        "highest": ("img-007",),
    }
    return Shortcut.model_validate(plain | said)


@cache
def full(task: str) -> str:
    """The page of a cohort in which everything is known and much is wrong."""
    rows = make_rows(task)
    leaks = find_leaks(
        Identities([row["image_id"] for row in rows], patients=["one"] * len(rows)),
        [row["split"] for row in rows],
    )
    subject = make_subject(task, rows=rows, rejects=REJECTS, duplicates=TWINS, leakage=leaks)
    undefined = make_shortcut(
        "x", "age", auc=np.nan, low=np.nan, high=np.nan, warned=False, family="metadata"
    )
    return render_page(subject, shortcuts=[make_shortcut(CLASSES[task][0]), undefined])


@cache
def bare(task: str) -> str:
    """The page of a table that says nothing but labels."""
    rows = [
        {"image_id": row["image_id"], "target": row["target"], "split": row["split"]}
        for row in make_rows(task)
    ]
    return render_page(make_subject(task, rows=rows, images=False, patient_known=False))


ALL = [(page, task) for page in (full, bare) for task in CLASSES]


@pytest.mark.parametrize(("made", "task"), ALL)
def test_the_page_loads_nothing_and_runs_nothing(made, task) -> None:
    text = made(task)
    page = Page(text)
    assert "default-src 'none'" in text
    assert not [tag for tag, _ in page.tags if tag in {"script", "iframe", "object", "embed", "base"}]
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#"))
        assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize(("made", "task"), ALL)
def test_links_lead_somewhere_and_ids_are_unique(made, task) -> None:
    page = Page(made(task))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {href[1:] for _, a in page.tags if (href := a.get("href") or "").startswith("#")}
    assert targets <= set(ids)
    named = {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    assert named <= set(ids)


@pytest.mark.parametrize(("made", "task"), ALL)
def test_pictures_have_words_and_tables_have_heads(made, task) -> None:
    page = Page(made(task))
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert all(a.get("scope") for tag, a in page.tags if tag == "th")
    tables = sum(tag == "table" for tag, _ in page.tags)
    assert tables == sum(tag == "caption" for tag, _ in page.tags) > 0
    assert all(a.get("aria-hidden") or a.get("aria-label") for tag, a in page.tags if tag == "svg")


@pytest.mark.parametrize(("made", "task"), ALL)
def test_no_patient_is_named(made, task) -> None:
    assert "secret" not in made(task)


@pytest.mark.parametrize("task", CLASSES)
def test_same_subject_same_bytes(task) -> None:
    again = full.__wrapped__(task)
    assert again == full(task)


def test_what_matters_stands_first_with_a_way_to_it() -> None:
    text = Page(full("binary")).text
    cautions = text[text.index("Before you trust") : text.index("From found to used")]
    order = ["stand on two sides", "From the source alone", "labels of 1 input", "have different labels"]
    places = [cautions.find(words) for words in order if words in cautions]
    assert len(places) >= 3
    assert places == sorted(places)
    assert 'class="serious"' in full("binary")


def test_a_clean_cohort_is_said_to_be_clean() -> None:
    page = Page(render_page(make_subject(rows=make_rows(n=240))))
    assert "Nothing was found" in page.text
    assert "Before you trust" not in page.text


def test_what_is_not_known_is_not_said_to_be_clean() -> None:
    text = Page(bare("binary")).text
    assert "does not tell patients apart" in text
    assert "were not compared: there are no images" in text
    assert "Not known, so not compared: patients, groups (lesions or studies), files" in text
    assert "Nobody looked: the audit was left out" in Page(render_page(make_subject(), audited=False)).text


def test_counts_add_up_in_the_flow_and_in_the_table_of_classes() -> None:
    text = Page(full("binary")).text
    flow = text[text.index("From found to used") :]
    assert re.search(r"63 found 2 damaged 61 remain 1 contradicting rows or labels 60 used", flow), flow[:300]
    classes = flow[
        flow.index("Images and patients by split") : flow.index("Shares of the images of the split")
    ]
    for name in ("malignant", "benign"):
        *sides, everything = (int(n) for n in re.findall(r"(\d+) \d+ % \d+ patients", _row(classes, name)))
        assert sum(sides) == everything == 30


def test_duplicates_are_shown_with_what_makes_them_serious() -> None:
    text = full("binary")
    part = text[text.index('id="duplicates"') : text.index('id="leakage"')]
    assert part.count("<img") == 4
    assert "turned by 90°" in part
    assert "similarity 0.970" in part
    first, second = (part.index(words) for words in ("same bytes", "turned by 90°"))
    assert first < second, "the pair on two sides and of two classes comes first"
    assert "two patients" in part[first:second]


def test_leaking_images_stand_side_by_side_with_their_splits() -> None:
    text = full("binary")
    part = text[text.index('id="leakage"') : text.index('id="shortcuts"')]
    assert {"train", "tune", "test"} <= set(re.findall(r'class="tag (\w+)"', part))
    assert part.count("<img") == 4
    assert "and 56 more" in part


def test_shortcuts_have_their_interval_and_their_extremes() -> None:
    text = full("binary")
    part = Page(text).part("Shortcuts How well")
    assert "AUC 0.81 [0.70, 0.90]" in part
    assert "img-004" in part
    assert "img-007" in part
    assert "– – –" in part, "an undefined one is a dash, never 0"


def test_the_same_extremes_are_shown_once() -> None:
    found = [make_shortcut(auc=0.9), make_shortcut(factor="view", title="the view", auc=0.8)]
    assert render_page(make_subject(), shortcuts=found).count("least like malignant") == 1
    other = [found[0], make_shortcut(factor="view", title="the view", auc=0.8, lowest=("img-009",))]
    assert render_page(make_subject(), shortcuts=other).count("least like malignant") == 2


def test_rejects_stand_with_reason_and_sentence_and_are_escaped() -> None:
    part = full("binary")[full("binary").index('id="rejects"') :]
    assert "its data are &lt;odd&gt;" in part
    assert "conflicting-label" in part


def test_findings_that_come_together_are_a_matrix_of_shares_of_the_row() -> None:
    rows = [
        {"image_id": f"{at}", "target": target, "split": "train"}
        for at, target in enumerate([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    ]
    text = Page(render_page(make_subject("multilabel", rows=rows, classes=("A", "B"), images=False))).text
    assert "A 4 · 25 % 1 75 % 3 B 2 50 % 1 · 50 % 1" in text


@pytest.mark.parametrize("count", [2, 14, 30])
def test_many_classes_have_pictures_within_the_page(count) -> None:
    names = tuple(f"finding {at}" for at in range(count))
    rows = make_rows("multiclass", n=count * 6, classes=names)
    text = render_page(make_subject("multiclass", rows=rows, classes=names))
    assert len(text) < 3_000_000
    samples = text[text.index('id="samples"') : text.index('id="people"')]
    assert samples.count("<img") >= 2 * count


def test_lost_pictures_are_counted_and_do_not_stop_the_page() -> None:
    def gone(ids):
        raise CohortError("is gone")

    subject = make_subject()
    lost = subject.__class__(**{**vars(subject), "images_of": gone})
    text = render_page(lost)
    assert re.search(r"\d+ pictures could not be brought", text)
    assert "no picture" in text


def test_names_are_text_and_never_markup() -> None:
    rows = make_rows("multiclass", classes=("<b>bold</b>", "a&b"))
    for row in rows:
        row["site"] = row["source"] = "<script>alert(1)</script>"
    text = render_page(
        make_subject("multiclass", rows=rows, classes=("<b>bold</b>", "a&b"), name="<i>x", source="<u>")
    )
    assert "<script" not in text
    assert "<b>bold" not in text
    assert "<i>x" not in text


def test_a_missing_value_that_tells_the_class_is_a_caution() -> None:
    rows = make_rows(n=120)
    for row in rows:
        row["age"] = None if row["target"] == [1.0] else 40.0
    text = Page(render_page(make_subject(rows=rows))).text
    assert "A missing age tells the class: missing in 100 % of malignant, in 0 of benign." in text


def test_patients_are_missing_where_the_source_does_not_name_them() -> None:
    part = Page(bare("binary")).part("Missing values None of")
    assert "is stated: patient, group (lesion or study), age" in part
    assert "Stated for no image: group (lesion or study), view, device." in Page(full("binary")).text


def test_leakage_that_was_accepted_by_name_says_so() -> None:
    rows = make_rows()
    same = Identities([row["image_id"] for row in rows], patients=["one"] * len(rows))
    leaks = find_leaks(same, [row["split"] for row in rows])
    texts = [
        render_page(make_subject(rows=rows, leakage=leaks, accepted_leakage=kinds))
        for kinds in ((), ("patient",), ("file",))
    ]
    assert [("(accepted by name)" in text, ">accepted<" in text) for text in texts] == [
        (False, False),
        (True, True),
        (False, False),
    ]


def test_small_classes_and_odd_ages_are_cautions() -> None:
    rows = make_rows("multiclass", n=200, classes=("a", "b"))
    rows = [row for row in rows if row["target"][1] == 0 or row["image_id"] < "img-030"]
    rows[0]["age"] = 414.0
    text = Page(render_page(make_subject("multiclass", rows=rows, classes=("a", "b")))).text
    assert re.search(r"Few images \(under 30\), so wide intervals: \d+ b\.", text)
    assert "1 age is below 0 or above 110 years." in text


def test_years_are_shown_where_dates_are_known() -> None:
    assert "Year" in Page(full("binary")).text
    assert "Year" not in Page(bare("binary")).text


def test_importing_the_page_loads_no_template_engine() -> None:
    code = (
        "import sys, overread.exploration.page; print('jinja2' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_headings_step_down_one_at_a_time() -> None:
    levels = [int(tag[1]) for tag, _ in Page(full("multilabel")).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def _row(text: str, name: str) -> str:
    """What stands from a name to the next one."""
    start = text.index(name)
    stop = min(
        at for other in ("malignant", "benign", "all images") if (at := text.find(other, start + 1)) > 0
    )
    return text[start:stop]
