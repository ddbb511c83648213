from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from overread.evaluation.compare import compare_readers
from overread.evaluation.compare_page import render_comparison
from overread.evaluation.compare_plots import line_style
from overread.evaluation.compare_wording import leading_target, sentences
from tests.evaluation.test_compare import GOOD, LABELS, POOR, TASKS, candidate, compare


def text_of(page: str) -> str:
    """What a person reads."""
    body = re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize("task", TASKS)
def test_the_page_shows_every_reader_and_target_and_loads_nothing(task: str) -> None:
    labels, good, poor, fields = TASKS[task]
    found = compare(poor, good, labels=labels, **fields)
    page = render_comparison(found)
    words = text_of(page)
    assert all(reader.name in words for reader in found.readers)
    assert all(name in words for name in found.classes)
    assert "<script" not in page
    assert re.findall(r"(?:src|href)=\"(?!#|data:)[^\"]*\"|url\((?!#)[^)]*\)", page) == []
    assert page == render_comparison(found)
    HTMLParser().feed(page)
    ids = Counter(re.findall(r' id="([^"]+)"', page))
    assert [name for name, times in ids.items() if times > 1] == []
    for drawing in re.findall(r'<svg class="plot".*?</svg>', page, flags=re.S):
        ET.fromstring(re.sub(r"xlink:href", "href", drawing))


def test_the_values_of_the_page_are_those_of_the_comparison() -> None:
    found = compare(POOR, GOOD)
    words = text_of(render_comparison(found))
    figure = found.pairs[0].on("malignant").figures["roc_auc"]
    assert f"{figure.reader:.3f} against {figure.baseline:.3f}" in words
    assert f"+{figure.low:.3f} to +{figure.high:.3f}" in words
    assert "the same 240 images of the test split" in words


def test_a_name_that_looks_like_markup_is_text() -> None:
    first, reference = candidate("<img src=x>", LABELS, GOOD)
    second, _ = candidate("b", LABELS, POOR)
    page = render_comparison(compare_readers([first, second], reference, resamples=100))
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_plain_words_say_which_reader_does_better_and_by_how_much() -> None:
    better, *_ = sentences(compare(POOR, GOOD))
    assert better.startswith("'reader 1' does better than 'reader 0': ROC-AUC 0.")
    worse, *_ = sentences(compare(GOOD, POOR))
    assert worse.startswith("'reader 1' does worse than 'reader 0'")


def test_plain_words_do_not_call_a_difference_that_is_not_shown_equality() -> None:
    near = np.clip(GOOD + 0.02 * np.random.default_rng(1).normal(size=GOOD.size), 0, 1)
    first, *_ = sentences(compare(GOOD, near))
    assert first.startswith("No difference between 'reader 1' and 'reader 0' is shown")
    assert first.endswith("What the interval holds may still be true.")


def test_plain_words_say_that_a_reader_and_itself_are_one() -> None:
    assert sentences(compare(GOOD, GOOD)) == [
        "'reader 1' and 'reader 0' give every compared image the same scores and decisions: "
        "there is no difference."
    ]


def test_what_sums_readers_up_is_the_finding_the_urgent_sum_or_the_means() -> None:
    leading = {}
    for task, (labels, good, poor, fields) in TASKS.items():
        leading[task] = leading_target(compare(good, poor, labels=labels, **fields))
    assert leading == {"binary": "malignant", "multiclass": "urgent", "multilabel": "all classes"}


def test_twelve_readers_have_twelve_different_lines() -> None:
    assert len({line_style(index) for index in range(12)}) == 12
