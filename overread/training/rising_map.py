"""An isotonic calibration as a layer: lines between knots, which any runtime adds up alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

Knots = Sequence[tuple[Sequence[float], Sequence[float]]]


class RisingMap(nn.Module):
    """Logits `float32 [n, classes]` to scores `[n, classes]`, linear between knots and flat outside.

    A score is the lowest one and what each line adds up to the logit: sums of clipped differences, without a
    search for the right knot.

    Args:
        knots: For each class (logits rising, scores never falling).
    """

    low: Tensor
    high: Tensor
    slope: Tensor
    first: Tensor

    def __init__(self, knots: Knots) -> None:
        super().__init__()
        lines = max(len(logits) for logits, _ in knots) - 1
        low, high, slope = (np.zeros((len(knots), lines)) for _ in range(3))
        for row, (logits, scores) in enumerate(knots):
            x, y = np.asarray(logits, np.float64), np.asarray(scores, np.float64)
            own = len(x) - 1
            low[row, :own], high[row, :own] = x[:-1], x[1:]
            slope[row, :own] = np.diff(y) / np.diff(x)
        first = np.array([scores[0] for _, scores in knots])
        for name, value in (("low", low), ("high", high), ("slope", slope), ("first", first)):
            self.register_buffer(name, torch.from_numpy(value.astype(np.float32)))

    def forward(self, logits: Tensor) -> Tensor:
        """Logits `float32 [n, classes]` to scores `[n, classes]` in 0..1."""
        inside = torch.minimum(torch.maximum(logits[..., None], self.low), self.high)
        scores: Tensor = self.first + ((inside - self.low) * self.slope).sum(-1)
        return scores
