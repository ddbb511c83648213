"""Random fields have the size, spread and coarseness that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from overread.imaging.phantoms.fields import fractal_noise, plane, smooth_noise, smooth_step


@pytest.mark.parametrize("shape", [(300, 400), (400, 300), (320, 320)])
@pytest.mark.parametrize("octaves", [1, 3])
def test_noise_has_mean_zero_and_spread_one(shape: tuple[int, int], octaves: int) -> None:
    field = fractal_noise(np.random.default_rng(0), *shape, cells=20, octaves=octaves)
    assert field.dtype == np.float32
    assert field.shape == shape
    assert abs(field.mean()) < 0.15
    assert 0.8 < field.std() < 1.2


def test_more_cells_are_finer() -> None:
    def roughness(cells: float) -> float:
        field = smooth_noise(np.random.default_rng(0), 256, 256, cells=cells)
        return float(np.abs(np.diff(field, axis=1)).mean() / field.std())

    assert roughness(32) > 3 * roughness(8)


def test_smooth_step_rises_from_zero_to_one() -> None:
    field = np.linspace(-2, 3, 101, dtype=np.float32)
    risen = smooth_step(field, 0.0, 1.0)
    assert (risen[field <= 0] == 0).all()
    assert (risen[field >= 1] == 1).all()
    assert (np.diff(risen) >= 0).all()
    assert smooth_step(np.float32([0.5]), 0.0, 1.0)[0] == pytest.approx(0.5)


def test_plane_is_centred_and_measured_in_halves_of_the_shorter_side() -> None:
    x, y = plane(100, 200)
    assert x.shape == y.shape == (100, 200)
    assert x[0, -1] == pytest.approx(1.99)
    assert y[-1, 0] == pytest.approx(0.99)
    assert x.mean() == pytest.approx(0, abs=1e-6)
