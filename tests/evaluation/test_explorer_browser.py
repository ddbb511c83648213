"""The threshold explorer in a real browser: what it says is what somebody else counts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.made_report import Made, make_evaluation, rates

pytestmark = pytest.mark.browser
EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def made() -> Made:
    return make_evaluation(n=200)


@pytest.fixture(scope="module")
def opened_page(chromium, made, tmp_path_factory):
    yield from opened(chromium, made, tmp_path_factory.mktemp("explorer"))


@pytest.fixture
def page(opened_page):
    opened_page.emulate_media(media="screen")
    opened_page.click("#x-own")
    opened_page.click("#x-here")
    return opened_page


def opened(chromium, made, folder: Path, **settings):
    path = folder / "report.html"
    path.write_text(made.page(), encoding="utf-8")
    context = chromium.new_context(**settings)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []


def numbers(page) -> dict[str, str]:
    names = (
        "present",
        "called",
        "found",
        "alarms",
        "missed",
        "n-passed",
        "sensitivity",
        "ppv",
        "npv",
        "calls",
    )
    return {name: page.text_content(f"#x-{name}") for name in names}


def counted(made: Made, *, threshold: float, prevalence: float, column: int = 0) -> dict[str, str]:
    """The same from labels and scores, with the shares by odds instead of rates."""
    sensitivity, specificity = rates(
        made.labels[:, column], np.float32(made.scores[:, column]).astype(float), threshold
    )
    present = int(1000 * prevalence + 0.5)
    found, alarms = int(present * sensitivity + 0.5), int((1000 - present) * (1 - specificity) + 0.5)
    odds = prevalence / (1 - prevalence)
    with np.errstate(divide="ignore"):
        right = odds * np.float64(sensitivity) / (1 - specificity)
        wrong = np.float64(specificity) / (1 - sensitivity) / odds
    ppv = right / (1 + right) if np.isfinite(right) else 1.0
    npv = wrong / (1 + wrong) if np.isfinite(wrong) else 1.0
    calls = 1 / ppv
    return {
        "present": str(present),
        "called": str(found + alarms),
        "found": str(found),
        "alarms": str(alarms),
        "missed": str(present - found),
        "n-passed": str(1000 - present - alarms),
        "sensitivity": f"{sensitivity:.3f}",
        "ppv": f"{ppv:.3f}",
        "npv": f"{npv:.3f}",
        "calls": f"{calls:.1f}" if calls < 9.95 else str(int(calls + 0.5)),
    }


def slide(page, name: str, value: int) -> None:
    page.evaluate(
        "([name, value]) => { const one = document.getElementById(name); one.value = value;"
        " one.dispatchEvent(new Event('input', { bubbles: true })); }",
        [name, value],
    )


def shown_prevalence(page) -> float:
    return round(float(re.sub(r"[^0-9.]", "", page.text_content("#x-prevalence-said"))) / 100, 6)


def test_it_begins_at_the_bundles_point_and_the_images_prevalence(page, made) -> None:
    assert page.is_visible("#x-panel")
    assert "the bundle's" in page.text_content("#x-threshold-said")
    expected = counted(made, threshold=0.5, prevalence=float(made.labels.mean()))
    assert numbers(page) == expected


def test_moving_the_sliders_changes_the_numbers_to_what_is_counted_from_the_images(page, made) -> None:
    stops = page.evaluate("JSON.parse(document.getElementById('explorer-data').textContent)[0].stops")
    for step, prevalence in [(0.05, 0), (0.3, 40), (0.6, 100), (0.75, 160), (0.15, 200)]:
        place = int(step * (len(stops) - 1))
        slide(page, "x-threshold", place)
        slide(page, "x-prevalence", prevalence)
        share = shown_prevalence(page)
        assert share == pytest.approx(0.001 * 500 ** (prevalence / 200), rel=0.05)
        assert numbers(page) == counted(made, threshold=stops[place][0] - 1e-8, prevalence=share)


def test_a_thousand_dots_are_drawn_one_for_each_patient(page) -> None:
    slide(page, "x-prevalence", 120)
    counts = {
        kind: page.get_attribute(f"#x-dots-{kind}", "d").count("M")
        for kind in ("found", "missed", "alarm", "passed")
    }
    assert sum(counts.values()) == 1000
    assert counts["found"] == int(page.text_content("#x-n-found"))
    assert counts["alarm"] == int(page.text_content("#x-n-alarms"))


def test_keys_move_it_and_buttons_bring_it_back(page) -> None:
    start = numbers(page)
    page.focus("#x-threshold")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert numbers(page) != start
    assert page.get_attribute("#x-threshold", "aria-valuetext") == page.text_content("#x-threshold-said")
    page.click("#x-own")
    assert numbers(page) == start
    slide(page, "x-prevalence", 0)
    assert numbers(page)["present"] == "1"
    page.click("#x-here")
    assert numbers(page) == start


def test_its_inputs_have_names_and_its_sentence_is_read_aloud(page) -> None:
    for name in ("x-threshold", "x-prevalence"):
        assert page.locator(f"label[for={name}]").count() == 1
    assert page.get_attribute(".said", "aria-live") == "polite"
    assert page.locator("#x-panel [id^=x-dots]").count() == 4


def test_print_shows_the_table_in_its_place(page) -> None:
    assert not page.is_visible("#x-table table")
    page.emulate_media(media="print")
    assert not page.is_visible("#x-panel")
    assert page.is_visible("#x-table table")
    assert page.locator("#x-table tbody tr").count() == 5
    assert page.is_visible(".checklist table")


def test_without_scripts_the_table_stands_there(chromium, made, tmp_path: Path) -> None:
    for page in opened(chromium, made, tmp_path, java_script_enabled=False):
        assert not page.locator("#x-panel").is_visible()
        assert page.locator("#x-table table").is_visible()


def test_of_several_findings_one_is_chosen(chromium, tmp_path: Path) -> None:
    made = make_evaluation("multilabel", names=("Mass", EVIL), n=200)
    for page in opened(chromium, made, tmp_path):
        page.select_option("#x-score", "1")
        assert page.locator("#x-score option").all_text_contents() == ["Mass", EVIL]
        expected = counted(made, threshold=0.5, prevalence=float(made.labels[:, 1].mean()), column=1)
        assert numbers(page) == expected
        assert page.evaluate("document.scripts.length") == 2


def test_another_script_does_not_run(chromium, made, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(made.page(), encoding="utf-8")
    page = chromium.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.ran = true';"
        " document.body.append(one); }"
    )
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in said[0]
    page.close()
