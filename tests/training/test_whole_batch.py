from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.distributed as group
import torch.nn.functional as F
from timm.layers import BatchNormAct2d, DropPath
from torch import Tensor, nn

from overread.training import whole_batch
from overread.training.whole_batch import Part, WholeBatch


@pytest.fixture
def alone() -> Iterator[None]:
    """A group of this one process."""
    group.init_process_group("gloo", store=group.HashStore(), rank=0, world_size=1)
    yield
    group.destroy_process_group()


class Others:
    """Stands for a group of which all but this process have said their part before."""

    def __init__(self, said: list[Tensor], sums: Tensor | None = None) -> None:
        self.said, self.sums = said, sums

    def get_world_size(self) -> int:
        return len(self.said) + 1

    def all_gather(self, parts: list[Tensor], own: Tensor) -> None:
        for part, said in zip(parts, [own, *self.said], strict=True):
            part.copy_(said)

    def all_reduce(self, own: Tensor) -> None:
        assert self.sums is not None
        own += self.sums


def part(count: int, places: list[int] | None = None, *, counts: bool = True) -> Part:
    own = torch.arange(count) if places is None else torch.tensor(places)
    return Part(own, count, counts)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, BatchNormAct2d, nn.BatchNorm1d])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalisation_of_a_whole_batch_is_torchs_own(
    norm: type[nn.Module], layout: torch.memory_format, alone: None
) -> None:
    torch.manual_seed(0)
    shape = (6, 5) if norm is nn.BatchNorm1d else (6, 5, 4, 3)
    values = torch.randn(shape) * 3 + 7
    if len(shape) == 4:
        values = values.contiguous(memory_format=layout)
    weight, wanted = torch.rand(5), torch.randn(shape)
    results = []
    for shared in (False, True):
        layer = norm(5)
        with torch.no_grad():
            layer.weight.copy_(weight)
        images = values.clone().requires_grad_(True)
        if shared:
            with WholeBatch(part(6)):
                found = layer(images)
        else:
            found = layer(images)
        (found * wanted).sum().backward()
        results.append(
            [found, images.grad, layer.weight.grad, layer.bias.grad, layer.running_mean, layer.running_var]
        )
        assert int(layer.num_batches_tracked) == 1
    for own, torchs in zip(*results, strict=True):
        torch.testing.assert_close(own, torchs, rtol=1e-4, atol=1e-5)


def test_statistics_are_those_of_all_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    batch = torch.randn(7, 2, 3, 3) * 5 + 100
    own, others = batch[:2], batch[2:]
    said = torch.cat([torch.tensor([45.0]), others.mean((0, 2, 3)), others.var((0, 2, 3), correction=0)])
    nobody = torch.cat([torch.zeros(1), torch.full((4,), 3.0)])
    monkeypatch.setattr(whole_batch, "group", Others([said, nobody]))
    count, mean, var = whole_batch._statistics(own, part(7, [0, 1]))
    assert float(count) == 63
    torch.testing.assert_close(mean, batch.mean((0, 2, 3)))
    torch.testing.assert_close(var, batch.var((0, 2, 3), correction=0))


def test_whoever_only_looks_on_changes_neither_statistics_nor_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = torch.tensor([9.0, 1.0, 2.0])
    monkeypatch.setattr(whole_batch, "group", Others([said], torch.tensor([5.0, -3.0])))
    images = torch.full((1, 1, 3, 3), 50.0, requires_grad=True)
    layer = nn.BatchNorm2d(1)
    with WholeBatch(part(1, [0], counts=False)):
        found = layer(images)
    torch.testing.assert_close(found, (images - 1) / (2 + layer.eps) ** 0.5)
    (found * 0).sum().backward()
    assert images.grad is not None
    assert not images.grad.any()
    torch.testing.assert_close(layer.running_mean, torch.tensor([0.1]))


def test_layers_that_keep_their_statistics_are_left_alone() -> None:
    layer = nn.BatchNorm2d(2).eval()  # there is no group: statistics of a batch could not be had
    images = torch.randn(1, 2, 3, 3)
    with WholeBatch(part(4, [2])):
        torch.testing.assert_close(layer(images), images / (1 + layer.eps) ** 0.5)


@pytest.mark.parametrize("shape", [(5, 8), (5, 4, 3, 3)])
@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.Dropout(0.3, inplace=True), DropPath(0.4)])
def test_each_image_meets_the_chance_that_it_meets_in_a_whole_batch(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    images = torch.rand(shape) + 0.5
    if len(shape) == 4:
        images = images.contiguous(memory_format=torch.channels_last)
    torch.manual_seed(3)
    whole = layer(images.clone())
    after = torch.rand(1)
    for places in ([0, 2, 4], [1, 3], [4]):
        torch.manual_seed(3)
        with WholeBatch(part(5, places)):
            found = layer(images[places].clone())
        np.testing.assert_array_equal(found.numpy(), whole[places].numpy())
        # What is drawn next is the same too.
        assert torch.equal(torch.rand(1), after)


def test_dropout_in_evaluation_does_nothing() -> None:
    images = torch.ones(2, 3)
    with WholeBatch(part(4, [0, 1])):
        assert torch.equal(F.dropout(images, 0.5, training=False), images)
