"""A lesion's look follows its malignancy, with overlap."""

from __future__ import annotations

import numpy as np
import pytest

from overread.imaging.phantoms.traits import EXTRA_COLOURS, LesionTraits, draw_traits


def many(malignancy: float) -> list[LesionTraits]:
    rng = np.random.default_rng(0)
    return [draw_traits(malignancy, rng) for _ in range(800)]


BENIGN, MALIGNANT = many(-1.0), many(1.0)


@pytest.mark.parametrize(
    "trait", ["asymmetry", "irregularity", "abrupt_segments", "diameter", "darkness", "disorder", "streaks"]
)
def test_traits_rise_with_malignancy_and_overlap(trait: str) -> None:
    benign = np.array([getattr(traits, trait) for traits in BENIGN])
    malignant = np.array([getattr(traits, trait) for traits in MALIGNANT])
    auc = (malignant[:, None] > benign).mean() + (malignant[:, None] == benign).mean() / 2
    assert 0.6 < auc < 0.95


@pytest.mark.parametrize("colour", EXTRA_COLOURS)
def test_every_colour_is_commoner_in_malignant_lesions(colour: str) -> None:
    benign = np.mean([colour in traits.colours for traits in BENIGN])
    malignant = np.mean([colour in traits.colours for traits in MALIGNANT])
    assert 0.02 < benign < malignant < 0.98


def test_traits_stay_in_their_ranges() -> None:
    for traits in (*BENIGN, *MALIGNANT):
        for share in (traits.asymmetry, traits.irregularity, traits.network, traits.disorder, traits.streaks):
            assert 0 <= share <= 1
        assert 0 <= traits.abrupt_segments <= 8
        assert 0.25 < traits.diameter < 0.85
        assert traits.globules >= 0
