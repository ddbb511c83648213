from __future__ import annotations

import itertools
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from overread.training.backbones import Backbone
from overread.training.views import Views, mean_over_views, views_of
from tests.training.made import TinyNet

MANY = cast(tuple[Views, ...], (2, 4, 8))


def image(side: int = 6) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def symmetries(of: Tensor) -> list[Tensor]:
    """All eight by the book: quarter turns, and quarter turns of the mirrored image."""
    return [torch.rot90(one, times, (2, 3)) for one in (of, of.flip(3)) for times in range(4)]


def test_eight_views_are_the_eight_symmetries_of_a_square() -> None:
    seen = views_of(image(), 8).unflatten(0, (8, -1))
    for expected in symmetries(image()):
        assert sum(torch.equal(one, expected) for one in seen) == 1


def test_two_and_four_views_never_put_an_image_on_its_side() -> None:
    two, four = (views_of(image(), count).unflatten(0, (count, -1)) for count in (2, 4))  # type: ignore[arg-type]
    assert torch.equal(two[1], image().flip(3))
    assert torch.equal(two[0], image())
    for mirrored in itertools.product((False, True), repeat=2):
        expected = image().flip([axis for axis, flipped in zip((2, 3), mirrored, strict=True) if flipped])
        assert any(torch.equal(one, expected) for one in four)


@pytest.mark.parametrize("views", [1, *MANY])
def test_views_turned_back_lie_on_the_image_again(views: Views) -> None:
    torch.testing.assert_close(mean_over_views(views_of(image(), views), views), image())


@pytest.mark.parametrize("views", MANY)
def test_features_are_the_mean_of_what_is_said_of_each_view(views: Views) -> None:
    torch.manual_seed(0)
    network = TinyNet()
    one = Backbone(network, image_size=32).eval()
    many = Backbone(network, image_size=32, more_sizes=(16,), views=views).eval()
    with torch.no_grad():
        each = [
            one.pooled(one(view)).numpy() for view in views_of(image(32), views).unflatten(0, (views, -1))
        ]
        maps = many(image(32))
        found = many.pooled(maps)
    np.testing.assert_allclose(found[:, : one.channels], np.mean(each, 0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(many.places(maps).mean((2, 3)), found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("views", MANY)
def test_a_turned_image_has_the_same_features_and_a_turned_map(views: Views) -> None:
    torch.manual_seed(0)
    backbone = Backbone(TinyNet(), image_size=32, views=views).eval()
    turn = {2: lambda x: x.flip(3), 4: lambda x: x.flip((2, 3)), 8: lambda x: torch.rot90(x, 1, (2, 3))}[
        views
    ]
    with torch.no_grad():
        straight, turned = backbone(image(32)), backbone(turn(image(32)))
    torch.testing.assert_close(backbone.pooled(turned), backbone.pooled(straight), rtol=1e-4, atol=1e-5)
    places = turn(backbone.places(straight))
    torch.testing.assert_close(backbone.places(turned), places, rtol=1e-4, atol=1e-5)


def test_in_training_one_view_is_learned_from() -> None:
    torch.manual_seed(0)
    network = TinyNet()
    with torch.no_grad():
        backbone = Backbone(network, image_size=32, views=8).train()
        network.norm.eval()
        maps = backbone(image(32))
        expected = Backbone(network, image_size=32).eval()(image(32))
    torch.testing.assert_close(maps, expected)
