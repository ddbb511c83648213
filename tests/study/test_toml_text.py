from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.study.settings import check_study
from overread.study.templates import TEMPLATES, template
from overread.study.toml_text import toml_text

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = texts | st.integers(-(2**60), 2**60) | st.booleans() | st.floats(allow_nan=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(texts, st.dictionaries(texts, values, max_size=4), max_size=4))
def test_what_is_written_is_read_back(tables: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(tables)) == tables


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_study_is_the_same_after_a_round_trip(kind: str) -> None:
    said = tomllib.loads(template(kind))
    again = tomllib.loads(toml_text(said, head="two\nlines"))
    assert check_study(again, where="x") == check_study(said, where="x")


def test_what_is_none_is_left_out_and_heads_are_comments() -> None:
    assert toml_text({"a": {"b": None, "c": 1e-05}, "d": None}, head="why") == "# why\n\n[a]\nc = 1e-05\n"
