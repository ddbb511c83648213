"""The page of a comparison in a real browser: it loads nothing, complains of nothing, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from overread.evaluation.compare_page import render_comparison
from tests.evaluation.test_compare import TASKS, compare
from tests.phone import open_alone_on_a_phone

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("task", TASKS)
def test_the_page_loads_nothing_from_elsewhere_and_fits_a_phone(chromium, tmp_path: Path, task: str) -> None:
    labels, good, poor, fields = TASKS[task]
    found = compare(poor, good, (good + poor) / 2, labels=labels, all_pairs=True, **fields)
    path = tmp_path / "comparison.html"
    path.write_text(render_comparison(found), encoding="utf-8")
    page = open_alone_on_a_phone(chromium, path)
    # A row's name may not be squeezed to a letter a line.
    assert page.evaluate(
        "[...document.querySelectorAll('tbody th[scope=row]')].every(th => th.offsetWidth > 60)"
    )
    # On a phone whole columns are hidden, their heads with them.
    assert page.evaluate(
        "[...document.querySelectorAll('.differences')].every(table => [...table.querySelectorAll('tr')]"
        ".filter(row => row.cells.length > 1).every(row =>"
        " [...row.cells].filter(cell => cell.offsetWidth).length"
        " == [...table.rows[0].cells].filter(cell => cell.offsetWidth).length))"
    )
    page.close()
