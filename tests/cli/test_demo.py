from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said


@pytest.mark.slow
def test_the_demo_reads_lesions_and_refuses_what_is_none(
    command: Callable[..., Said], tmp_path: Path
) -> None:
    said = command("demo", "-o", tmp_path / "demo", "--json")
    assert said.code == 0, said.err
    for name in ("report", "bundle", "readings", "evaluation"):
        assert Path(said.json[name]).exists(), name
    assert said.json["assessed"] >= 0.95
    assert said.json["strangers"] == dict.fromkeys(
        ("flat", "gradient", "noise", "text_page"), "cannot-assess"
    )
    assert 0.75 < said.json["figures"]["roc_auc"]["value"] < 1
