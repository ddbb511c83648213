"""The report in a real browser: it loads nothing, complains of nothing, and fits a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.made_report import NAMES
from tests.evaluation.test_report import plain
from tests.phone import check_both_schemes, check_pictures, open_alone_on_a_phone

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("task", NAMES)
def test_the_report_loads_nothing_from_elsewhere_and_fits_a_phone(chromium, tmp_path: Path, task) -> None:
    path = tmp_path / "report.html"
    path.write_text(plain(task), encoding="utf-8")
    page = open_alone_on_a_phone(chromium, path)
    check_pictures(page)
    check_both_schemes(page)
    page.close()
