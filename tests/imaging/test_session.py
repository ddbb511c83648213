from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overread.bundle.network import runtime_errors
from overread.imaging.preprocess import Preprocess, preprocess_graph
from overread.imaging.session import open_session


def test_model_is_opened_from_bytes_and_from_its_file(tmp_path: Path) -> None:
    model = preprocess_graph(Preprocess(size=8))
    (tmp_path / "preprocess.onnx").write_bytes(model)
    pixels = np.full((4, 6, 3), 128, np.uint8)
    first, second = (
        open_session(given, threads=1).run(None, {"pixels": pixels})[0]
        for given in (model, tmp_path / "preprocess.onnx")
    )
    assert first.tobytes() == second.tobytes()


def test_what_is_no_model_raises_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(runtime_errors()):
        open_session(b"no model", threads=1)
    assert capfd.readouterr() == ("", "")
