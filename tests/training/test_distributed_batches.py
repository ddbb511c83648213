from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overread.imaging.augment import Augmentation
from overread.training.batches import AugmentedImages, Pixels, SeededOrder, batches
from overread.training.distributed_batches import Share, SharedBatches, batch_counts, shared_batches
from overread.training.mix import mix, mix_plan
from tests.training.made import MEAN, STD, pixels


@given(count=st.integers(1, 40), processes=st.integers(1, 9))
def test_every_image_of_a_batch_is_one_processs_and_each_has_one_to_look_at(
    count: int, processes: int
) -> None:
    shares = [Share(rank, processes) for rank in range(processes)]
    own = [share.places(count).tolist() for share in shares if share.counts(count)]
    assert sorted(itertools.chain(*own)) == list(range(count))
    assert all(len(share.places(count)) >= 1 for share in shares)
    assert max(map(len, own)) - min(map(len, own)) <= 1


@given(images=st.integers(1, 60), size=st.integers(2, 9), learning=st.booleans())
def test_batches_are_as_many_and_as_large_as_those_of_one_process(
    images: int, size: int, learning: bool
) -> None:
    order = SeededOrder(images, seed=0, shuffled=learning)
    part = Pixels(np.zeros((images, 2, 2, 3), np.uint8), np.zeros((images, 1), np.float32), np.arange(images))
    alone = batches(AugmentedImages(part, mean=MEAN, std=STD, augmentation=None, seed=0), order, size=size)
    assert batch_counts(images, size, learning=learning) == [len(batch[0]) for batch in alone]


def test_the_parts_of_all_processes_are_the_batches_of_one() -> None:
    part = pixels(19)
    images = AugmentedImages(part, mean=MEAN, std=STD, augmentation=Augmentation("dermoscopy"), seed=4)

    def order() -> SeededOrder:
        made = SeededOrder(19, seed=4, shuffled=True)
        made.set_epoch(2)
        return made

    alone = list(batches(images, order(), size=8))
    shared = [list(shared_batches(images, order(), size=8, share=Share(rank, 3))) for rank in range(3)]
    for number, (inputs, targets) in enumerate(alone):
        for rank in range(3):
            assert torch.equal(shared[rank][number][0], inputs[rank::3])
            assert torch.equal(shared[rank][number][1], targets[rank::3])


@pytest.mark.parametrize("kind", ["mixup", "cutmix", "both"])
def test_partners_come_from_the_whole_batch(kind: str) -> None:
    order = SeededOrder(8, seed=1, shuffled=True)
    order.set_epoch(3)
    (alone,) = list(SharedBatches(order, size=8, share=Share(0, 1)))
    (shared,) = list(SharedBatches(order, size=8, share=Share(1, 2), mixing=kind))
    assert shared[:4] == alone[1::2]
    whole = torch.arange(8.0)[:, None, None, None].expand(8, 3, 6, 6)
    mixed = mix(whole, kind, seed=1, epoch=3, batch=0)
    assert mixed is not None
    assert shared[4:] == [alone[int(at)] for at in mixed.partner[1::2]]


def test_a_batch_of_one_image_has_no_partner() -> None:
    assert mix_plan(1, "both", seed=0, epoch=0, batch=0) is None
