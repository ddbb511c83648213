from __future__ import annotations

import jinja2
import pytest

from overread.evaluation.pages import page_environment, safe, stylesheet, tidy


def test_what_a_template_shows_is_escaped_unless_overread_made_it() -> None:
    template = page_environment().from_string("{{ said }} {{ made }}")
    assert template.render(said="<b>", made=safe("<i>")) == "&lt;b&gt; <i>"


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        page_environment().from_string("{{ nothing }}").render()


def test_style_sheets_stand_one_after_the_other_unescaped() -> None:
    environment = page_environment()
    once = stylesheet(environment, "report.css")
    assert '"Inter"' in once
    assert stylesheet(environment, "report.css", "report.css") == f"{once}\n{once}"


def test_no_empty_line_and_no_trailing_space_is_left() -> None:
    assert tidy("a  \n\n \n b\n") == "a\n b\n"
