from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from overread.bundle import check_parity
from overread.bundle.network import Network
from overread.bundle.parity import _deviation
from overread.errors import BundleError
from tests.bundle.conftest import SIZE, network_bytes

INPUTS = np.random.default_rng(0).normal(0, 1, (3, 3, SIZE, SIZE)).astype(np.float32)


def reference(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    network = Network(network_bytes())

    def run(inputs: np.ndarray) -> dict[str, np.ndarray]:
        outputs = network(inputs)._asdict()
        return {name: changes[name](value) if name in changes else value for name, value in outputs.items()}

    return run


def test_the_same_network_has_no_deviation() -> None:
    assert check_parity(reference(), network_bytes(), INPUTS) == 0.0


def test_small_deviation_is_told() -> None:
    deviation = check_parity(reference(score=lambda score: score + 5e-5), network_bytes(), INPUTS)
    assert 2e-5 < deviation < 6e-5


def test_large_numbers_are_compared_by_their_size() -> None:
    def scaled(values: np.ndarray) -> np.ndarray:
        return values.astype(np.float64) * (1 + 5e-5)

    # Numbers of some thousands: 5e-5 of them is far more than 1e-4.
    assert check_parity(reference(features=scaled), network_bytes(), INPUTS * 1e4) < 6e-5


def test_a_map_is_compared_by_its_range() -> None:
    # Steep heads draw maps of hundreds; where such numbers cancel, a millionth of them is more than 1e-4.
    wanted = np.zeros((1, 2, 3, 3))
    wanted[:, :, 1, 1] = 900.0
    off = wanted + 1e-3
    assert _deviation(off, wanted, "a map") == pytest.approx(1e-3 / 901)
    assert _deviation(off[:, :, 0, 0], wanted[:, :, 0, 0], "no map") == pytest.approx(1e-3)


@pytest.mark.parametrize("name", ["score", "features", "saliency", "novelty"])
def test_deviation_of_any_output_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match=f"output '{name}': differs .* by .*, allowed is 0.0001"):
        check_parity(reference(**{name: lambda values: values + 1e-2}), network_bytes(), INPUTS)


def test_one_nan_is_refused() -> None:
    def spoilt(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[0] = np.nan
        return values

    with pytest.raises(BundleError, match="by nan"):
        check_parity(reference(novelty=spoilt), network_bytes(), INPUTS)


def test_another_shape_is_refused() -> None:
    with pytest.raises(BundleError, match=r"expected shape \[3, 1, 1\], got \[3, 1\]"):
        check_parity(reference(score=lambda score: score[..., None]), network_bytes(), INPUTS)


def test_missing_output_of_the_reference_is_refused() -> None:
    with pytest.raises(BundleError, match="gives no 'features'"):
        check_parity(lambda _: {"score": np.zeros((3, 1))}, network_bytes(), INPUTS)


def test_a_head_is_compared_on_the_features_that_the_network_found() -> None:
    given: list[np.ndarray] = []

    def scores(features: np.ndarray) -> np.ndarray:
        given.append(features)
        return Network(network_bytes())(INPUTS).score

    assert check_parity(reference(), network_bytes(), INPUTS, scores=scores) == 0.0
    np.testing.assert_array_equal(given[0], Network(network_bytes())(INPUTS).features)


def test_a_head_must_agree_more_closely_than_a_whole_network() -> None:
    def scores(_: np.ndarray) -> np.ndarray:
        return Network(network_bytes())(INPUTS).score + 5e-5

    with pytest.raises(BundleError, match=r"output 'score': differs .* allowed is 1e-05"):
        check_parity(reference(), network_bytes(), INPUTS, scores=scores)


def test_a_head_of_trees_is_compared_on_the_same_features_alone() -> None:
    def scores(_: np.ndarray) -> np.ndarray:
        return Network(network_bytes())(INPUTS).score

    flipped = reference(score=lambda score: score + 0.009)
    assert check_parity(flipped, network_bytes(), INPUTS, scores=scores, jumps=True) == 0.0
    with pytest.raises(BundleError, match="output 'score'"):
        check_parity(flipped, network_bytes(), INPUTS, scores=scores)
    with pytest.raises(ValueError, match="scores of a head that jumps"):
        check_parity(flipped, network_bytes(), INPUTS, jumps=True)
