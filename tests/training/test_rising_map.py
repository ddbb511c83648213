from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from overread.evaluation.isotonic import fit_isotonic
from overread.training.network import BundledNetwork, LinearHead, ReaderNetwork, export_reader
from overread.training.novelty import fit_density
from overread.training.rising_map import RisingMap
from tests.training.made import SIZE, tiny_backbone


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


def test_images_stay_ranked_in_float32() -> None:
    [given] = knots(3000)
    logits = np.sort(3 * np.random.default_rng(3).normal(size=2000).astype(np.float32))
    scores = RisingMap([given])(torch.from_numpy(logits[:, None])).numpy()[:, 0]
    inside = (logits > given[0][0]) & (logits < given[0][-1])
    assert (np.diff(scores[inside]) >= 0).all()
    assert np.unique(scores).size > 0.99 * np.unique(logits).size


def test_a_packed_network_answers_with_the_calibrated_scores() -> None:
    [given] = knots(2000)
    rng = np.random.default_rng(4)
    backbone = tiny_backbone()
    head = LinearHead(3 * rng.normal(size=(1, backbone.channels)), np.zeros(1))
    network = BundledNetwork(
        ReaderNetwork(backbone, head),
        task="binary",
        slope=(1.0,),
        intercept=(0.0,),
        density=fit_density(rng.normal(size=(40, backbone.channels))),
        knots=(given,),
    )
    run = onnxruntime.InferenceSession(export_reader(network, image_size=SIZE))
    images = rng.normal(size=(6, 3, SIZE, SIZE)).astype(np.float32)
    [score, features] = run.run(["score", "features"], {run.get_inputs()[0].name: images})
    logits = features.astype(np.float64) @ head.linear.weight.detach().numpy().astype(np.float64).T
    assert score == pytest.approx(np.interp(logits, *given), abs=1e-5)
    assert np.unique(score).size == 6
