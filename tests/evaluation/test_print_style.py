from __future__ import annotations

import doctest

import pytest

from overread.evaluation import print_style
from overread.evaluation.print_style import css_string, margin_boxes


@pytest.mark.parametrize("evil", ['a"; } body { display: none', "</style><script>", "a\nb", "ä@1.0"])
def test_a_name_cannot_leave_its_string(evil) -> None:
    text = css_string(evil)
    assert not set('"<>{};\n') & set(text[1:-1])


def test_the_foot_of_a_page_has_the_name_and_the_number() -> None:
    text = margin_boxes("skin")
    assert "skin" in text
    assert "counter(page)" in text


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(print_style).failed == 0
