"""How a network takes in what is known beside the image: raw metadata become numbers for a head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

FARTHEST = 4.0
"""Numbers are taken as at most this many standard deviations from the mean of train: 999 is no age."""


class MetadataEncoder(nn.Module):
    """Raw metadata to numbers that a head can weigh: nothing known is 0, and a flag says so.

    A number becomes its distance from the mean of train in standard deviations. A category becomes, for each
    category of train, whether it is that one less that one's share of train. So what is not known counts as
    the average image of train, and each field ends with a flag that is 1 where it is not known.

    Args:
        categories: For each field how many categories it has; 0: it is a number.
        centres: For each field the mean `[1]` of a number or the shares `[categories]`.
        scales: For each field the standard deviation of a number; 1 for categories.
    """

    def __init__(
        self,
        categories: Sequence[int],
        centres: Sequence[npt.NDArray[np.floating]],
        scales: Sequence[float],
    ) -> None:
        super().__init__()
        self.categories, self.scales = tuple(categories), tuple(float(scale) for scale in scales)
        for at, centre in enumerate(centres):
            self.register_buffer(f"centre_{at}", torch.from_numpy(np.asarray(centre, np.float32)))

    @property
    def fields(self) -> int:
        """How many it takes."""
        return len(self.categories)

    @property
    def width(self) -> int:
        """Numbers that come out for one image, m."""
        return sum(max(count, 1) + 1 for count in self.categories)

    def forward(self, metadata: Tensor) -> Tensor:
        """Raw metadata `float32 [n, fields]`, NaN where not known, to `float32 [n, m]` without NaN."""
        parts = []
        for at, (count, scale) in enumerate(zip(self.categories, self.scales, strict=True)):
            said, centre = metadata[:, at : at + 1], getattr(self, f"centre_{at}")
            if count:
                places = torch.arange(count, dtype=metadata.dtype, device=metadata.device)
                chosen = (said == places).to(metadata.dtype)
                known = chosen.sum(1, keepdim=True)
                parts += [(chosen - centre) * known, 1 - known]
            else:
                missing = torch.isnan(said)
                far = FARTHEST * scale
                value = torch.where(missing, centre, said) - centre
                parts += [value.clamp(-far, far) / scale, missing.to(metadata.dtype)]
        return torch.cat(parts, 1)


def beside(features: Tensor, encoder: MetadataEncoder | None, metadata: Tensor | None) -> Tensor:
    """Features `[n, ..., d]` with the encoded metadata of their image behind them, `[n, ..., d + m]`.

    Args:
        features: Of images, or of places in them.
        encoder: None: there is nothing to put behind them.
        metadata: Raw, `[n, fields]`; None: nothing is known.
    """
    if encoder is None:
        return features
    if metadata is None:
        metadata = features.new_full((features.shape[0], encoder.fields), torch.nan)
    encoded = encoder(metadata)
    shape = (encoded.shape[0], *(1,) * (features.ndim - 2), encoded.shape[1])
    return torch.cat([features, encoded.reshape(shape).expand(*features.shape[:-1], -1)], -1)
