from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overread.study.settings import Between, check_study
from overread.study.tune import Trial, TuneResult
from overread.study.tune_page import render_tune, sentences

NAN = float("nan")
SPACE: Any = {
    "reader.head": ("linear", "mlp"),
    "reader.fine_tune.learning_rate": Between(low=1e-5, high=1e-3, log=True),
}
STUDY = check_study(
    {
        "cohort": {"source": "x"},
        "reader": {"phases": ["head"]},
    },
    where="x",
)


def trial(number: int, value: float, *, head: str = "mlp", rate: float = 1e-4, failed: str = "") -> Trial:
    used = {"reader.head": head, "reader.fine_tune.learning_rate": rate}
    changed = {"reader.head": head} if head != "linear" else {}
    return Trial(number, dict(used) if number else {}, used, changed, value, 0.05, 1.5, failed)


def result(**changes: Any) -> TuneResult:
    paths = {name: Path(f"search/{name}") for name in ("best", "table", "page", "database")}
    said: dict[str, Any] = {
        "metric": "roc_auc",
        "judge": "tune",
        "trials": 3,
        "failed": 1,
        "number": 2,
        "settings": {"reader.head": "mlp"},
        "value": 0.84,
        "standard_error": 0.05,
        "corrected": 0.77,
        "unchanged": 0.81,
        "simplest": 0,
        **changes,
    }
    return TuneResult(**paths, **said)


TRIALS = [
    trial(0, 0.81, head="linear"),
    trial(1, 0.7, rate=2e-5),
    trial(2, 0.84),
    trial(3, NAN, failed="class 'a<b>': has too few patients"),
]


def page(**changes: Any) -> str:
    return render_tune(
        result(**changes),
        TRIALS,
        study=STUDY,
        space=SPACE,
        importances={"reader.head": 0.7, "reader.fine_tune.learning_rate": 0.3},
        images=40,
        patients=38,
    )


def test_the_page_says_that_the_best_of_many_is_too_good() -> None:
    text = page()
    assert "0.840 is too good: it is the best of 3 figures from the same images" in text
    assert "this search is worth about 0.770 (resampled patients choose, the others judge)" in text
    assert "40 images (38 patients) of tune. The test split was not read." in text
    assert "nested cross-validation: each part" in page(judge="nested")


def test_a_simpler_setting_within_one_standard_error_is_named() -> None:
    said = sentences(result(), TRIALS)
    assert said[0].startswith("The best of 3 trials is number 2: ROC AUC 0.840, give or take 0.050")
    assert said[0].endswith("It sets head = mlp.")
    assert "the study as it is changes nothing and comes to 0.810" in said[2]
    assert len(sentences(result(simplest=2), TRIALS)) == 2


def test_a_search_that_found_nothing_says_so() -> None:
    [said] = sentences(result(number=0, settings={}, value=0.81, simplest=0), TRIALS)
    assert said.startswith("None of 3 trials was better than the study as it is: ROC AUC 0.810")


def test_a_failed_trial_stands_with_its_reason_and_is_escaped() -> None:
    text = page()
    assert "class &#39;a&lt;b&gt;&#39;: has too few patients" in text
    assert "a<b>" not in text


def test_the_same_search_gives_the_same_bytes_and_loads_nothing() -> None:
    text = page()
    assert text == page()
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert "://" not in text.replace("http://www.w3.org/", "")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1180, 390])
def test_the_page_is_drawn_without_overflow_or_complaint(width: int, chromium: Any, tmp_path: Path) -> None:
    file = tmp_path / "tune.html"
    file.write_text(page())
    window = chromium.new_page(viewport={"width": width, "height": 900})
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.goto(file.as_uri())
    assert window.evaluate("document.documentElement.scrollWidth") == width
    assert window.locator("svg.plot").count() == 4
    assert window.locator("tr.best th").inner_text() == "2"
    # Two dots of trials that came to a value, and the best one over them.
    assert window.locator("svg.plot[aria-label*='each trial'] use").count() >= 3
    assert complaints == []
    window.close()
