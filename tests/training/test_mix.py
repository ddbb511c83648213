from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from overread.training import mix as mixing
from overread.training.mix import mix

IMAGES = torch.rand(12, 3, 20, 20, generator=torch.Generator().manual_seed(0))


def test_nothing_is_mixed_where_nothing_is_wanted_or_there_is_no_other() -> None:
    assert mix(IMAGES, "none", seed=0, epoch=0, batch=0) is None
    assert mix(IMAGES[:1], "both", seed=0, epoch=0, batch=0) is None


def test_mixup_blends_each_image_with_its_partner_by_the_share() -> None:
    before = IMAGES.clone()
    mixed = mix(IMAGES, "mixup", seed=1, epoch=0, batch=0)
    assert mixed is not None
    expected = mixed.share * IMAGES + (1 - mixed.share) * IMAGES[mixed.partner]
    torch.testing.assert_close(mixed.images, expected)
    assert sorted(mixed.partner.tolist()) == list(range(12))
    assert torch.equal(IMAGES, before)


def test_cutmix_takes_one_rectangle_of_the_partner_and_the_share_is_what_is_left() -> None:
    for batch in range(30):
        mixed = mix(IMAGES, "cutmix", seed=2, epoch=0, batch=batch)
        assert mixed is not None
        own = (mixed.images == IMAGES).all(1)
        others = (mixed.images == IMAGES[mixed.partner]).all(1)
        assert (own | others).all()
        alone = mixed.partner != torch.arange(12)
        assert float(own[alone].float().mean()) == pytest.approx(mixed.share)
        taken = ~own[alone][0]
        rows, columns = taken.any(1).sum(), taken.any(0).sum()
        assert int(taken.sum()) == int(rows * columns)  # a rectangle


def test_shares_follow_the_published_distributions() -> None:
    shares = [mix(IMAGES, "mixup", seed=s, epoch=0, batch=0).share for s in range(800)]  # type: ignore[union-attr]
    alpha = mixing.MIXUP_ALPHA
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
    assert all(not math.isnan(share) for share in shares)


def test_a_batch_is_mixed_by_seed_epoch_and_number_alone() -> None:
    def drawn(**changed: int) -> torch.Tensor:
        mixed = mix(IMAGES, "both", **{"seed": 0, "epoch": 0, "batch": 0, **changed})
        assert mixed is not None
        return mixed.images

    assert torch.equal(drawn(), drawn())
    for name in ("seed", "epoch", "batch"):
        assert not torch.equal(drawn(), drawn(**{name: 1}))


def test_both_is_now_the_one_and_now_the_other() -> None:
    kinds = set()
    for batch in range(30):
        mixed = mix(IMAGES, "both", seed=0, epoch=0, batch=batch)
        assert mixed is not None
        own = (mixed.images == IMAGES).all(1)
        others = (mixed.images == IMAGES[mixed.partner]).all(1)
        kinds.add(bool((own | others).all()))
    assert kinds == {True, False}
