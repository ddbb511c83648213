"""The page beside published figures in a real browser: loads nothing, complains of nothing, fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.evaluation.leaderboard import place
from overread.evaluation.leaderboard_page import render_leaderboard
from tests.evaluation.test_leaderboard import NAMES, TABLE, seven
from tests.phone import open_alone_on_a_phone

pytestmark = pytest.mark.browser


def test_the_page_loads_nothing_from_elsewhere_and_fits_a_phone(chromium, tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.html"
    readers = [
        place(seven(0.8, names=NAMES), TABLE, name="resnet50"),
        place(seven(0.65), TABLE, name="small"),
    ]
    path.write_text(render_leaderboard(TABLE, readers), encoding="utf-8")
    page = open_alone_on_a_phone(chromium, path)
    # The figures on the plot must be readable without a magnifying glass.
    heights = "[...document.querySelectorAll('.board text')].map(one => one.getBoundingClientRect().height)"
    assert page.evaluate(f"Math.min(...{heights}) > 7")
    page.close()
