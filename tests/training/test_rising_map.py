from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from overread.evaluation.isotonic import fit_isotonic
from overread.training.rising_map import RisingMap


def knots(*sizes: int):
    rng = np.random.default_rng(0)
    for size in sizes:
        logits = 3 * rng.normal(size=size)
        labels = (rng.random(size) < 1 / (1 + np.exp(-logits))).astype(float)
        found = fit_isotonic(logits, labels)
        yield tuple(found.logits.tolist()), tuple(found.scores.tolist())


def test_it_says_what_interpolation_says_of_classes_with_different_knots() -> None:
    given = list(knots(2000, 30, 400))
    assert len({len(x) for x, _ in given}) > 1
    logits = 20 * np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32)
    expected = np.stack([np.interp(logits[:, k], *one) for k, one in enumerate(given)], axis=1)
    found = RisingMap(given)(torch.from_numpy(logits)).numpy()
    assert found == pytest.approx(expected, abs=1e-6)
    assert ((found > 0) & (found < 1)).all()


def test_onnx_adds_up_the_same(tmp_path) -> None:
    given = list(knots(5000, 300))
    layer = RisingMap(given).eval()
    program = torch.onnx.export(
        layer,
        (torch.zeros(2, 2),),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},),
        verbose=False,
    )
    program.save(tmp_path / "map.onnx")
    run = onnxruntime.InferenceSession(tmp_path / "map.onnx")
    logits = 4 * np.random.default_rng(2).normal(size=(1000, 2)).astype(np.float32)
    [found] = run.run(None, {run.get_inputs()[0].name: logits})
    with torch.no_grad():
        assert found == pytest.approx(layer(torch.from_numpy(logits)).numpy(), abs=1e-6)


def test_images_stay_ranked_in_float32() -> None:
    [given] = knots(3000)
    logits = np.sort(3 * np.random.default_rng(3).normal(size=2000).astype(np.float32))
    scores = RisingMap([given])(torch.from_numpy(logits[:, None])).numpy()[:, 0]
    inside = (logits > given[0][0]) & (logits < given[0][-1])
    assert (np.diff(scores[inside]) >= 0).all()
    assert np.unique(scores).size > 0.99 * np.unique(logits).size
