"""The page in a real browser: it loads nothing, complains of nothing, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.exploration.page import render_page
from tests.exploration.subjects import make_rows, make_subject
from tests.exploration.test_page import bare, full
from tests.phone import check_both_schemes, check_pictures, open_alone_on_a_phone

pytestmark = pytest.mark.browser
LONG = tuple(f"Pleural_Thickening_of_the_{at}th_kind_and_more" for at in range(14))


def many() -> str:
    rows = make_rows("multilabel", classes=LONG)
    return render_page(make_subject("multilabel", rows=rows, classes=LONG, name="a_name_without_end" * 6))


PAGES = {"binary": lambda: full("binary"), "bare": lambda: bare("multilabel"), "many": many}


@pytest.mark.parametrize("kind", PAGES)
def test_the_page_loads_nothing_from_elsewhere_and_fits_a_phone(chromium, tmp_path: Path, kind) -> None:
    path = tmp_path / "cohort.html"
    path.write_text(PAGES[kind](), encoding="utf-8")
    page = open_alone_on_a_phone(chromium, path)
    check_pictures(page)
    # A row's name may not be squeezed to a letter a line.
    assert page.evaluate(
        "[...document.querySelectorAll('tbody th[scope=row]')]"
        ".every(th => th.offsetWidth > 24 || !th.offsetWidth)"
    )
    check_both_schemes(page)
    page.close()


def test_the_bars_of_a_class_fill_their_rail_and_the_flow_has_its_lines(chromium, tmp_path: Path) -> None:
    path = tmp_path / "cohort.html"
    path.write_text(full("binary"), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1100, "height": 900})
    page.goto(path.as_uri())
    widths = page.evaluate(
        "[...document.querySelectorAll('.stack')].map(s => [s.clientWidth,"
        " [...s.children].reduce((sum, i) => sum + i.getBoundingClientRect().width, 0)])"
    )
    assert widths
    assert all(abs(rail - filled) <= 1 for rail, filled in widths)
    tops = page.evaluate(
        "[...document.querySelectorAll('.consort > div')].map(d => d.getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert len(set(tops)) == len(tops), "every box has a row of its own"
    page.close()
