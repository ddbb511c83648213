"""Generated images with a known truth, for tests, the demo and benchmarks."""

from __future__ import annotations

from overread.imaging.phantoms.dermoscopy import (
    Patient,
    Phantom,
    draw_lesion,
    draw_patient,
    draw_phantom,
    generate_skin,
)
from overread.imaging.phantoms.others import flat, generate_others, gradient, noise, text_page

__all__ = [
    "Patient",
    "Phantom",
    "draw_lesion",
    "draw_patient",
    "draw_phantom",
    "flat",
    "generate_others",
    "generate_skin",
    "gradient",
    "noise",
    "text_page",
]
