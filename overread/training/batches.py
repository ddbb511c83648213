"""Images on their way into training: augmented and normalised, in an order by seed and epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from overread.imaging.augment import Augmentation

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Pixels:
    """Resized images with their targets.

    Attributes:
        images: `uint8 [n, S, S, 3]`, as the resizing graph gives them.
        targets: `float32 [n, classes]`, NaN not stated.
        rows: `int [m]`, which of them belong to the split.
    """

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


class AugmentedImages(Dataset[Batch]):
    """Images of a split, each augmented by (seed, epoch, image) alone: order and restarts do not matter."""

    def __init__(
        self,
        pixels: Pixels,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        augmentation: Augmentation | None,
        seed: int,
    ) -> None:
        self.pixels, self.augmentation, self.seed = pixels, augmentation, seed
        self.mean = np.asarray(mean, np.float32) * 255
        self.scale = 1 / (np.asarray(std, np.float32) * 255)

    def __len__(self) -> int:
        return len(self.pixels.rows)

    def __getitem__(self, place: tuple[int, int]) -> Batch:
        """The image at (epoch, index), normalised `float32 [3, S, S]`, and its target."""
        images, targets = self.__getitems__([place])
        return images[0], targets[0]

    def __getitems__(self, places: Sequence[tuple[int, int]]) -> Batch:
        """A whole batch at once, normalised `float32 [n, 3, S, S]` with channels last, and its targets."""
        rows = self.pixels.rows[[index for _, index in places]]
        images = self.pixels.images[rows]
        if self.augmentation is not None and self.augmentation.policy != "none":
            images = np.stack(
                [
                    self.augmentation(image, np.random.default_rng((self.seed, epoch, int(row))))
                    for (epoch, _), row, image in zip(places, rows, images, strict=True)
                ]
            )
        normal = (images.astype(np.float32) - self.mean) * self.scale
        targets = np.asarray(self.pixels.targets[rows], np.float32)
        return torch.from_numpy(normal).permute(0, 3, 1, 2), torch.from_numpy(targets)


class SeededOrder(Sampler[tuple[int, int]]):
    """An order of images that depends on seed and epoch alone; Lightning tells it the epoch.

    Args:
        count: How many images there are, and how many are drawn an epoch.
        seed: Of the order.
        shuffled: Whether the order is drawn.
        chances: `[count]`, how often each is drawn in comparison; None: each once.
    """

    def __init__(
        self, count: int, *, seed: int, shuffled: bool, chances: npt.NDArray[np.float64] | None = None
    ) -> None:
        self.count, self.seed, self.shuffled, self.epoch = count, seed, shuffled, 0
        self.chances = chances

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.arange(self.count)
        if self.shuffled and self.chances is not None:
            rng = np.random.default_rng((self.seed, self.epoch))
            order = rng.choice(self.count, self.count, p=self.chances / self.chances.sum())
        elif self.shuffled:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        return iter([(self.epoch, int(index)) for index in order])


def batches(images: AugmentedImages, order: SeededOrder, *, size: int) -> DataLoader[Any]:
    """Whole batches in that order; a last one of a single image is left out of training.

    It would give batch normalisation nothing to average.
    """
    return DataLoader(
        images,
        batch_size=size,
        sampler=order,
        collate_fn=as_it_is,
        drop_last=order.shuffled and len(order) % size == 1 and len(order) > 1,
    )


def as_it_is(batch: Any) -> Any:
    """`AugmentedImages` gives batches, not lists of images."""
    return batch
