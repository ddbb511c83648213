"""The part of every batch that one of several processes learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Sampler

from overread.training.batches import AugmentedImages, SeededOrder, as_it_is
from overread.training.mix import Mix, mix_plan


@dataclass(frozen=True)
class Share:
    """Every so manieth image of a batch: what is learned from a batch does not depend on who shares it.

    Attributes:
        rank: Number of the process, 0 to `processes` - 1.
        processes: How many share every batch.
    """

    rank: int
    processes: int

    def places(self, count: int) -> npt.NDArray[np.int64]:
        """Places in a batch of `count` images, at least one: a process without an image looks on."""
        own = np.arange(self.rank, count, self.processes)
        return own if len(own) else np.zeros(1, np.int64)

    def counts(self, count: int) -> bool:
        """Whether the process has an image of its own in a batch of `count`, or only looks on."""
        return self.rank < count


class SharedBatches(Sampler[list[tuple[int, int]]]):
    """A process's part of the very batches that one process alone would make.

    Where images are mixed the part has, behind the process's own images, the partner of each: which that is
    depends on the whole batch.

    Args:
        order: Of all images; Lightning tells it the epoch.
        size: Images of a whole batch.
        share: Which part.
        mixing: How images of a batch are mixed.
    """

    def __init__(self, order: SeededOrder, *, size: int, share: Share, mixing: Mix = "none") -> None:
        self.sampler = order
        self.size, self.share, self.mixing = size, share, mixing
        self.counts = batch_counts(len(order), size, learning=order.shuffled)

    def __len__(self) -> int:
        return len(self.counts)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        places = list(self.sampler)
        for number, count in enumerate(self.counts):
            batch = places[number * self.size :][:count]
            own = self.share.places(count)
            plan = mix_plan(
                count, self.mixing, seed=self.sampler.seed, epoch=self.sampler.epoch, batch=number
            )
            partners = [] if plan is None else plan.partner[own].tolist()
            yield [batch[at] for at in (*own.tolist(), *partners)]


def batch_counts(images: int, size: int, *, learning: bool) -> list[int]:
    """How many images each batch has; a last one of a single image is left out of learning.

    Example:
        >>> batch_counts(9, 4, learning=True), batch_counts(9, 4, learning=False)
        ([4, 4], [4, 4, 1])
    """
    counts = [min(size, images - start) for start in range(0, images, size)]
    return counts[:-1] if learning and counts[-1] == 1 and len(counts) > 1 else counts


def shared_batches(
    images: AugmentedImages, order: SeededOrder, *, size: int, share: Share, mixing: Mix = "none"
) -> DataLoader[Any]:
    """Batches of which a process is given its part."""
    return DataLoader(
        images,
        batch_sampler=SharedBatches(order, size=size, share=share, mixing=mixing),
        collate_fn=as_it_is,
    )
