"""What a check calls a problem, and what it tells programs: pure, on reports made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from overread.edge import load_site
from overread.edge.check import SiteCheck
from overread.edge.check.answer import NO_ANSWER, Answer
from overread.edge.check.browser_report import BrowserReport
from overread.edge.check.parity import compare

READ = Answer(decision="urgent", scores=(0.7,), sha256="a")
REJECTED = Answer(reject="truncated")


def checked(
    made_site: Path, *answers: Answer, python: tuple[Answer, ...] = (READ,), **showed: object
) -> SiteCheck:
    """A check in which Chromium showed this and that."""
    report = BrowserReport(opened=True, offline=True, selftest={"passed": True}, answers=list(answers))
    for name, value in showed.items():
        setattr(report, name, value)
    ids = [str(index) for index in range(len(python))]
    return SiteCheck(
        site=load_site(made_site),
        sizes={"raw": 3, "gz": 2, "br": 1},
        python=python,
        reports={"chromium": report},
        parity={"chromium": compare(ids, python, report.answers)},
        agreed=0,
        file_problems=(),
    )


def test_where_nothing_differs_nothing_is_said(made_site: Path) -> None:
    found = checked(made_site, READ, REJECTED, python=(READ, REJECTED))
    assert found.ok
    assert found.describe()["problems"] == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("routine", (0.7,), None, "a"), "decides 1 of 1 images otherwise"),
        (REJECTED, "rejects 1 of 1 images that Python reads (1 truncated)"),
        (NO_ANSWER, "comes to no answer for 1 of 1 images"),
        (Answer("urgent", (0.8,), None, "a"), "scores are off by up to 0.1; expected at most 1e-05"),
        (
            Answer("urgent", (0.7,), None, "a", quality=("dark",)),
            "warns otherwise of the quality of 1 of 1 images",
        ),
        (Answer("urgent", (0.7,), None, "b"), "read 1 of 1 images from other bytes"),
    ],
    ids=["decision", "reject", "nothing", "score", "quality", "bytes"],
)
def test_what_differs_is_one_sentence(made_site: Path, answer: Answer, said: str) -> None:
    assert checked(made_site, answer).problems == (f"chromium: {said}",)


def test_what_only_the_browser_reads_is_a_problem(made_site: Path) -> None:
    found = checked(made_site, READ, python=(REJECTED,))
    assert found.problems == ("chromium: reads 1 of 1 images that Python rejects",)


@pytest.mark.parametrize(
    ("showed", "said"),
    [
        (
            {"selftest": {"passed": False, "failure": "novelty is off"}},
            "the self-test failed: novelty is off",
        ),
        (
            {"foreign": {"https://b.invalid/"}},
            "the page asked for what is not of the site: https://b.invalid/",
        ),
        ({"problems": ["opening failed"]}, "opening failed"),
    ],
)
def test_what_a_browser_showed_is_a_problem_too(
    made_site: Path, showed: dict[str, object], said: str
) -> None:
    found = checked(made_site, READ, **showed)
    assert not found.ok
    assert found.problems == (f"chromium: {said}",)


def test_a_files_problem_comes_first(made_site: Path) -> None:
    found = replace(checked(made_site, NO_ANSWER), file_problems=("file 'sw.js' is missing",))
    assert found.problems[0] == "file 'sw.js' is missing"


def test_a_difference_that_there_is_no_telling_is_null_in_json(made_site: Path) -> None:
    found = checked(made_site, Answer("urgent", (float("nan"),), None, "a"))
    told = json.loads(json.dumps(found.describe(), allow_nan=False))
    assert (told["max_abs_score_difference"], told["ok"]) == (None, False)


def test_the_largest_difference_is_unknown_where_one_browser_has_nothing_to_compare(made_site: Path) -> None:
    found = checked(made_site, Answer("urgent", (0.7 + 4e-6,), None, "a"))
    assert found.describe()["max_abs_score_difference"] == pytest.approx(4e-6)
    silent = BrowserReport(answers=[NO_ANSWER])
    both = replace(
        found,
        reports={**found.reports, "firefox": silent},
        parity={**found.parity, "firefox": compare(["0"], [READ], silent.answers)},
    )
    assert both.describe()["max_abs_score_difference"] is None
    assert not both.describe()["offline"]
