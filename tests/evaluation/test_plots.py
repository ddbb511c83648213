from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from overread.evaluation import plots, training_plots
from overread.evaluation.clinical import LearningPoint, NetBenefit
from overread.evaluation.curves import Reliability, histogram, precision_recall_curve, reliability, roc_curve
from overread.evaluation.decision_plot import net_benefit_plot, shown_until
from overread.evaluation.results import HistoryRow
from tests.evaluation.made import make_scores
from tests.evaluation.made_report import make_clinical

RNG = np.random.default_rng(2)
LABELS = RNG.integers(0, 2, 60).astype(float)
SCORES = make_scores(RNG, LABELS)
HISTORY = [
    HistoryRow(phase=phase, epoch=e, train_loss=1 / e, tune_loss=0.5, tune_auc=0.7 + e / 100, kept=e == 2)
    for phase in ("head", "fine-tune")
    for e in (1, 2, 3)
]
LEARNING = [
    LearningPoint(share=1 / k, patients=60 // k, images=90 // k, auc=0.9 - k / 20, low=0.6, high=0.95)
    for k in (4, 2, 1)
]
BENEFIT = make_clinical(LABELS, SCORES).net_benefit


def draw(kind: str, label: str = "words", **settings) -> str:
    common = {"name": kind, "label": label} | settings
    return {
        "roc": lambda: plots.roc_plot(roc_curve(LABELS, SCORES), point=(0.2, 0.8), **common),
        "pr": lambda: plots.precision_recall_plot(
            precision_recall_curve(LABELS, SCORES), prevalence=0.5, point=(0.8, 0.7), **common
        ),
        "reliability": lambda: plots.reliability_plot(reliability(LABELS, SCORES), **common),
        "histogram": lambda: plots.histogram_plot(
            histogram(LABELS, SCORES), threshold=0.4, names=("a <b> images", "$x_1$ images"), **common
        ),
        "loss": lambda: training_plots.loss_plot(HISTORY, **common),
        "auc": lambda: training_plots.tune_auc_plot(HISTORY, **common),
        "learning": lambda: training_plots.learning_plot(LEARNING, **common),
        "benefit": lambda: net_benefit_plot(BENEFIT, threshold=0.3, **common),
        "small": lambda: net_benefit_plot(BENEFIT, compact=True, **common),
    }[kind]()


KINDS = ["roc", "pr", "reliability", "histogram", "loss", "auc", "learning", "benefit", "small"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_sound_xml_with_a_label_and_the_same_every_time(kind) -> None:
    text = draw(kind)
    root = ET.fromstring(text)
    assert root.get("aria-label") == "words"
    assert root.get("viewBox")
    assert text == draw(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_the_pages_own(kind) -> None:
    text = draw(kind)
    assert "var(--ink)" in text or "var(--muted)" in text
    assert re.findall(r"(?:fill|stroke): #(?!fff)[0-9a-f]{6}", text) == []
    assert "<style" not in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_two_figures_share_no_id() -> None:
    ids = [set(re.findall(r'id="([^"]*)"', draw("roc", name=name))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_references_inside_a_figure_point_at_its_ids() -> None:
    text = draw("roc")
    ids = set(re.findall(r'id="([^"]*)"', text))
    used = set(re.findall(r"url\(#([^)]*)\)", text)) | set(re.findall(r'href="#([^"]*)"', text))
    assert used
    assert used <= ids


def test_names_are_text_not_markup_or_mathematics() -> None:
    text = draw("histogram", label='a "quoted" <label>')
    assert "a &lt;b&gt; images" in text
    assert "$x_1$ images" in text
    assert ET.fromstring(text).get("aria-label") == 'a "quoted" <label>'


def test_empty_bins_and_unknown_thresholds_can_be_drawn() -> None:
    empty = reliability([0.0], [0.2])
    assert isinstance(empty, Reliability)
    ET.fromstring(plots.reliability_plot(empty, name="r", label="l"))
    ET.fromstring(
        plots.histogram_plot(histogram([], []), name="h", label="l", threshold=np.nan, names=("a", "b"))
    )


def test_a_single_epoch_and_unknown_losses_can_be_drawn() -> None:
    ET.fromstring(
        training_plots.loss_plot([HistoryRow(phase="head", epoch=1, kept=True)], name="t", label="l")
    )


def test_a_decision_curve_is_drawn_as_far_as_there_is_anything_to_gain() -> None:
    at = np.arange(1, 100) / 100
    spent = NetBenefit(
        threshold=tuple(at), reader=tuple(np.maximum(0.05 - at / 4, -0.02)), everyone=tuple(0.05 - at)
    )
    assert shown_until(spent) == pytest.approx(0.3)
    lasting = spent.model_copy(update={"reader": tuple(0.3 - at / 4)})
    assert shown_until(lasting) == 1.0


def test_a_decision_curve_names_its_lines_and_counts_per_thousand() -> None:
    text = draw("benefit")
    for words in ("this reader", "everyone", "nobody", "operating point", "per 1,000 images"):
        assert words in text
    assert "everyone" not in draw("small")
    ticks = [int(tick) for tick in re.findall(r">(\d+)</text>", text)]
    assert 100 <= max(ticks) <= 1000 * max(BENEFIT.reader) * 1.2


def test_unknown_learning_points_are_left_out() -> None:
    unknown = LearningPoint(share=0.1, patients=6, images=9)
    text = training_plots.learning_plot([unknown, *LEARNING], name="learning", label="words")
    assert text == draw("learning")
