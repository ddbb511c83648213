"""What a lesion looks like, drawn from how malignant it looks.

The criteria are those of the ABCD rule of dermatoscopy (Nachbar et al. 1994, J Am Acad Dermatol 30:551):
asymmetry, border, colours, differential structures; with the diameter of the naked-eye ABCD. Each follows one
latent number plus noise of its own, so that no criterion decides alone and the classes overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXTRA_COLOURS = ("dark-brown", "black", "red", "blue-grey", "white")
"""Colours of the rule beside light brown, which every lesion here has; commonest in benign lesions first."""


@dataclass(frozen=True)
class LesionTraits:
    """One lesion's look.

    Attributes:
        asymmetry: Of outline and pigment, 0..1.
        irregularity: Of the outline, 0..1.
        abrupt_segments: Eighths of the border where the pigment ends abruptly, 0..8.
        colours: Which of EXTRA_COLOURS it has.
        diameter: Share of the image's shorter side, about 0.25..0.85.
        darkness: Mean optical depth of its melanin, about 0.4..2.
        network: Strength of the pigment network, 0..1.
        disorder: How far network, dots and globules are from regular, 0..1.
        globules: How many dots and globules.
        streaks: Strength of radial streaks at the border, 0..1.
    """

    asymmetry: float
    irregularity: float
    abrupt_segments: int
    colours: frozenset[str]
    diameter: float
    darkness: float
    network: float
    disorder: float
    globules: int
    streaks: float


def draw_traits(malignancy: float, rng: np.random.Generator) -> LesionTraits:
    """Draw a lesion's look.

    Args:
        malignancy: How malignant it looks: a benign lesion is about -1, a malignant one +1, both ± 1.
        rng: Where the chance comes from.
    """

    def follows(weight: float, offset: float = 0.0, noise: float = 1.0) -> float:
        """A trait in 0..1 that rises with malignancy."""
        return float(1 / (1 + np.exp(-(weight * malignancy + offset + noise * rng.standard_normal()))))

    # Chances at malignancy 0; the odds of a colour rise at its own pace.
    offsets = {"dark-brown": 1.2, "black": -1.1, "red": -1.2, "blue-grey": -1.7, "white": -1.8}
    paces = {"dark-brown": 0.4, "black": 0.9, "red": 0.7, "blue-grey": 1.2, "white": 0.9}
    colours = frozenset(
        colour
        for colour in EXTRA_COLOURS
        if rng.random() < 1 / (1 + np.exp(-(offsets[colour] + paces[colour] * malignancy)))
    )
    return LesionTraits(
        asymmetry=follows(1.0, -0.4),
        irregularity=follows(1.0, -0.8),
        abrupt_segments=int(rng.binomial(8, follows(0.9, -0.9))),
        colours=colours,
        diameter=0.27 + 0.55 * follows(0.75, -0.4, 1.1),
        darkness=0.45 + 1.3 * follows(0.6, -0.4, 1.1),
        network=follows(-0.3, -0.2, 1.6),
        disorder=follows(1.1, -0.2),
        globules=int(rng.poisson(3 + 30 * follows(0.3, -1.2, 1.6))),
        streaks=follows(0.9, -1.6, 1.2),
    )
