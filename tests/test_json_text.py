"""JSON text for programs: parsed again, it says the same, and null where Python says NaN."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from overread.json_text import json_text


@pytest.mark.parametrize("undefined", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_undefined_is_null_however_deep(undefined: float) -> None:
    told = json_text({"a": undefined, "b": [(1.5, undefined)], "c": {"d": undefined}}, indent=2)
    assert json.loads(told) == {"a": None, "b": [[1.5, None]], "c": {"d": None}}


def test_a_path_and_a_key_are_text() -> None:
    told = json_text({"report": Path("out") / "report.html", "by fold": {1: 0.5}}, indent=2)
    assert json.loads(told) == {"report": "out/report.html", "by fold": {"1": 0.5}}


def test_letters_stand_as_they_are_and_the_last_line_ends() -> None:
    assert json_text({"name": "Grüße"}, indent=1) == '{\n "name": "Grüße"\n}\n'
