from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.mistakes import Case, Mistake
from overread.evaluation.report import render_report
from overread.evaluation.results import CohortFlow, Evaluation
from tests.evaluation.made import make_manifest, make_tables
from tests.evaluation.made_report import CHEST, HISTORY, NAMES, make_evaluation
from tests.html_page import Page


@cache
def plain(task: str) -> str:
    """The report of `task` with everything that a report can show, drawn once."""
    return make_evaluation(task).page()


@pytest.mark.parametrize("task", NAMES)
def test_the_page_loads_nothing_and_runs_nothing_but_its_explorer(task) -> None:
    text = plain(task)
    page = Page(text)
    assert "default-src 'none'" in text
    assert not [tag for tag, _ in page.tags if tag in {"iframe", "object", "embed", "base"}]
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [
        {"type": "application/json", "id": "explorer-data"},
        {},
    ]
    script = text.split("<script>")[1].split("</script>")[0]
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}';" in text
    assert not re.search(r"\beval\b|Function\(|innerHTML|fetch\(|import\(|XMLHttp", script)
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#"))
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"@import|url\((?!#|data:)", text)


@pytest.mark.parametrize("task", NAMES)
def test_same_evaluation_same_bytes(task) -> None:
    assert make_evaluation(task).page() == plain(task)


@pytest.mark.parametrize("task", NAMES)
def test_the_page_is_accessible_in_its_structure(task) -> None:
    page = Page(plain(task))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == 1
    assert tags.count("caption") == tags.count("table")
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    anchors = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert {anchor.removeprefix("#") for anchor in anchors if anchor} <= set(ids)
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("task", NAMES)
def test_what_a_physician_and_a_reviewer_look_for_is_there(task) -> None:
    made = make_evaluation(task, notes=["The head's reader was kept."], test_reads=2)
    text = Page(made.page()).text
    for words in (
        "Of 100",
        "ROC-AUC",
        "Calibration error",
        "Worst mistakes",
        "The head's reader was kept.",
        "read 2 times",
        "Rejected: truncated",
        "130 found",
        "made@1.0",
        "ab" * 32,
        "mobilenetv2_100",
        "To test.",
        "None known.",
        "phase head, epoch 1",
        "40 bootstrap resamples of patients",
    ):
        assert words in text, words


def test_names_from_outside_are_shown_and_never_run() -> None:
    evil = "<script>alert(1)</script>"
    text = make_evaluation(names=(evil,), notes=[f"A {evil} note."]).page()
    assert "alert(1)" in text
    assert "<script>alert" not in text
    assert text.count("<script") == 2
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    Page(text)


def test_file_names_from_outside_are_shown_and_never_run() -> None:
    manifest = make_manifest()
    found = evaluate_readings(
        *make_tables([1, 0], [0.2, 0.1], manifest=manifest), manifest=manifest, resamples=5
    )
    case = Case(
        '"><img src=x onerror=alert(1)>.jpg', "missed", "malignant", 0, "malignant", 0.2, 0.5, "routine"
    )
    text = render_report(
        found, manifest=manifest, mistakes=[Mistake(case=case, image=np.zeros((8, 8, 3), np.uint8))]
    )
    assert "<img src=x" not in text
    assert [
        attributes for tag, attributes in Page(text).tags if tag == "img" and "onerror" in attributes
    ] == []


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_a_small_test_set_of_one_class_still_has_a_report(truth) -> None:
    manifest = make_manifest()
    tables = make_tables(np.full(6, truth), np.linspace(0.1, 0.9, 6), manifest=manifest)
    found = evaluate_readings(*tables, manifest=manifest, resamples=20)
    text = Page(render_report(found, manifest=manifest)).text
    assert "undefined" in text
    assert not re.search(r"\bnan\b", text)


def test_a_multiclass_reader_without_urgent_classes_has_a_report() -> None:
    manifest = make_manifest("multiclass", ("a", "b"))
    scores = np.array([[0.7, 0.3], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]])
    tables = make_tables(np.eye(2)[[0, 1, 1, 0]], scores, manifest=manifest)
    found = evaluate_readings(*tables, manifest=manifest, resamples=20)
    assert "most likely class" in Page(render_report(found, manifest=manifest)).text


def test_an_evaluation_without_what_a_clinic_asks_is_reported_as_it_is(tmp_path) -> None:
    made = make_evaluation(clinic=False)
    bare = made.evaluation.save(tmp_path / "evaluation.json")
    text = json.loads(bare.read_text())
    for name in ("subgroups", "calibration", "abstention", "learning"):
        del text[name]
    for one in text["findings"]:
        del one["clinical"]
    bare.write_text(json.dumps(text | {"schema_version": 1}))
    page = Page(render_report(Evaluation.load(bare), manifest=made.manifest))
    ids = {attributes.get("id") for tag, attributes in page.tags if tag == "section"}
    assert {"summary", "figures", "curves", "calibration", "checklist", "method"} <= ids
    assert not ids & {"benefit", "explorer", "subgroups", "abstention"}
    assert "script" not in {tag for tag, _ in page.tags}


def test_every_part_is_there_in_its_order() -> None:
    page = Page(plain("multiclass"))
    assert [attributes["id"] for tag, attributes in page.tags if tag == "section"] == [
        "summary", "figures", "curves", "calibration", "benefit", "explorer", "classes", "subgroups",
        "abstention", "training", "mistakes", "origin", "reader", "checklist", "method",
    ]  # fmt: skip


def test_a_single_epoch_is_told_in_words_without_a_plot() -> None:
    made = make_evaluation(clinic=False, history=HISTORY[:1])
    text = made.page()
    assert "The reader that was kept (phase head, epoch 1, ROC-AUC 0.800 on tune)" in Page(text).text
    assert "by epoch of training" not in text
    unkept = [HISTORY[0] | {"kept": False}]
    assert 'id="training"' not in make_evaluation(clinic=False, history=unkept).page()


def test_the_urgent_score_and_a_class_of_that_name_are_told_apart() -> None:
    options = re.findall(r"<option[^>]*>([^<]*)<", plain("multiclass"))
    assert options == ["urgent: mel", "mel", "nv", "bcc"]


def test_fourteen_findings_make_a_page_that_is_still_small() -> None:
    made = make_evaluation("multilabel", names=CHEST, n=500)
    text = made.page()
    assert len(text) < 1_500_000
    assert not re.search(r"\bnan\b|\bNone\b(?! known)", Page(text).text)
    assert text.count("<option") == len(CHEST)


def test_accepted_leakage_is_said_once() -> None:
    leak = "1 patient stands in train and test"
    flow = CohortFlow(name="skin", found=60, read=60, rejected=0, patients=60, leakage=(leak,))
    made = make_evaluation(cohort=flow, notes=[f"Leakage that the study accepts: {leak}.", "Else nothing."])
    text = Page(made.page()).text
    assert text.count(leak) == 1
    assert "but for the leakage named at the top" in text
    assert "but for the leakage" not in Page(plain("binary")).text
    assert "Else nothing." in text


def test_every_link_of_a_checklist_leads_to_a_part_of_the_page() -> None:
    for text in (plain("binary"), make_evaluation("multilabel", clinic=False).page()):
        page = Page(text)
        ids = {attributes.get("id") for _, attributes in page.tags}
        links = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
        assert links <= ids


def test_words_stand_out_from_their_ground_in_light_and_dark() -> None:
    style = plain("binary").split("<style>")[1]
    for part in style.split(":root {")[1:4]:
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", part.split("}")[0]))
        for words, ground, least in (
            ("ink", "surface", 7),
            ("muted", "surface", 4.5),
            ("accent", "surface", 4.5),
            ("present", "surface", 4.5),
            ("muted", "paper", 4.5),
            ("right", "surface", 3),
            ("wrong", "surface", 3),
        ):
            assert contrast(colours[words], colours[ground]) >= least, (words, ground, colours)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_history_and_notes_can_be_given_beside_the_evaluation() -> None:
    manifest = make_manifest()
    found = evaluate_readings(
        *make_tables([1, 0], [0.8, 0.1], manifest=manifest), manifest=manifest, resamples=5
    )
    assert "Training" not in Page(render_report(found, manifest=manifest)).text
    text = Page(render_report(found, manifest=manifest, history=HISTORY, notes=["Said aloud."])).text
    assert "Said aloud." in text
    assert "Loss" in text


def test_importing_the_package_loads_neither_torch_nor_a_drawing_library() -> None:
    heavy = {"torch", "matplotlib", "jinja2", "sklearn"}
    code = f"import overread.evaluation, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
