"""Truncated networks: what a timm network says of an image, stage by stage, below its classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from overread.errors import BackboneError
from overread.training.sizes import Smaller, area_shares, largest_first
from overread.training.untrained import settle
from overread.training.views import Views, mean_over_views, views_of
from overread.training.weights import (
    LARGEST_SMALL_SIDE,
    SMALL_BACKBONE,
    OpenedWeights,
    load_weights,
    network_config,
)

Taps = Literal["stages", "last"]
MOST_STAGES = 6


class Backbone(nn.Module):
    """A timm network truncated to feature maps, whatever the architecture lays out inside.

    With taps "stages" an image is described by every stage of the network: on small medical cohorts the
    textures of the middle stages tell more than the last one, which knows ImageNet's objects. With "last"
    it is described by the last feature map alone, the usual way.

    At several sizes, and in several views, it is the same network that looks; the maps of all sizes stand
    one behind the other, those of all views are turned back and averaged.

    Attributes:
        channels: Number of features, d.
        sizes: Sides at which the network looks, pixels, the input's first.
        views: How many views of an image it looks at in evaluation; in training it is one.
        grid: Height and width of the last map of the largest size, to which `places` brings all of them.
    """

    network: Any  # timm's networks share no typed base

    def __init__(
        self,
        network: nn.Module,
        *,
        image_size: int,
        taps: Taps = "stages",
        more_sizes: Sequence[int] = (),
        views: Views = 1,
    ) -> None:
        super().__init__()
        self.network, self.taps = network, taps
        self.chosen = _chosen_stages(network) if taps == "stages" else []
        self.sizes, self.views = largest_first(image_size, more_sizes), views
        largest = self.sizes[0]
        self.smaller = nn.ModuleList([Smaller(largest, size) for size in self.sizes[1:]])
        with torch.no_grad():
            maps = self.eval()(torch.zeros(1, 3, largest, largest))
        last = maps[len(maps) // len(self.sizes) - 1]
        self.grid = (int(last.shape[2]), int(last.shape[3]))
        self.channels = sum(int(found.shape[1]) for found in maps)
        for index, found in enumerate(maps):
            for axis, (size, wanted) in enumerate(zip(found.shape[2:], self.grid, strict=True)):
                shares = torch.from_numpy(area_shares(int(size), wanted).astype(np.float32))
                self.register_buffer(f"shares_{index}_{axis}", shares, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised images `float32 [n, 3, S, S]` to feature maps `float32 [n, c_i, h_i, w_i]`."""
        # Training sees another variant in every epoch: all views of each would cost much and add little.
        views: Views = 1 if self.training else self.views
        seen = views_of(images, views)
        maps = self._maps(seen)
        for smaller in self.smaller:
            maps = [*maps, *self._maps(smaller(seen))]
        return [mean_over_views(found, views) for found in maps]

    @property
    def cost(self) -> tuple[str, ...]:
        """What users of a network that looks more than once have to be told; nothing of one that does not."""
        looks = self.views * len(self.sizes)
        if looks == 1:
            return ()
        times = self.views * sum(size**2 for size in self.sizes) / self.sizes[0] ** 2
        shown = " and ".join(str(size) for size in self.sizes)
        views = f"{self.views} mirrored or turned views at {shown}" if self.views > 1 else f"at {shown}"
        return (
            f"Reads each image {looks} times ({views} pixels), which costs about {times:.1f} times what one "
            f"look at {self.sizes[0]} pixels does.",
        )

    def _maps(self, images: Tensor) -> list[Tensor]:
        if self.taps == "last":
            return [_channels_first(self.network, self.network.forward_features(images))]
        maps: list[Tensor] = self.network.forward_intermediates(
            images, indices=self.chosen, norm=False, output_fmt="NCHW", intermediates_only=True
        )
        return maps

    def pooled(self, maps: list[Tensor]) -> Tensor:
        """Feature maps to features `float32 [n, d]`: each map's mean over places."""
        return torch.cat([found.mean((2, 3)) for found in maps], 1)

    def places(self, maps: list[Tensor]) -> Tensor:
        """Feature maps to `float32 [n, d, h, w]` on one grid, each averaged by area.

        Their mean over the grid is exactly `pooled(maps)`, so a linear head applied at each place is its
        class activation map (Zhou 2016, eq. 2) and averages to its logit.
        """
        brought = []
        for index, found in enumerate(maps):
            rows, columns = getattr(self, f"shares_{index}_0"), getattr(self, f"shares_{index}_1")
            brought.append(rows @ found @ columns.T)
        return torch.cat(brought, 1)


class OpenedBackbone:
    """A backbone ready for training, with what a preprocessing graph and a bundle need to know of it.

    Attributes:
        name: The timm name.
        pretrained: Whether weights were loaded.
        image_size: Side of its input, pixels; of several sizes the largest.
        mean: Per channel, of pixels scaled to 0..1.
        std: Per channel, likewise.
        weights_sha256: Of the file of weights; "" where there was none.
        module: The network.
    """

    def __init__(self, opened: OpenedWeights, module: Backbone, *, digest: str) -> None:
        self.name, self.pretrained, self.image_size = opened.name, opened.file is not None, module.sizes[0]
        config: dict[str, Any] = {**network_config(opened.name), **opened.config}
        self.mean = _triple(config.get("mean"), (0.485, 0.456, 0.406))
        self.std = _triple(config.get("std"), (0.229, 0.224, 0.225))
        self.weights_sha256, self.module = digest, module


def open_backbone(
    opened: OpenedWeights,
    *,
    image_size: int,
    taps: Taps,
    seed: int,
    more_sizes: Sequence[int] = (),
    views: Views = 1,
) -> OpenedBackbone:
    """Build a truncated timm network and load its weights; nothing that is loaded can execute.

    Args:
        opened: Which network, and where its weights lie (`find_weights`).
        image_size: Side of the input in pixels.
        taps: "stages" or "last".
        seed: Of the random weights, where there are none to load.
        more_sizes: Further sides at which it looks; the largest of all is the input's.
        views: How many mirrored and turned views are averaged.

    Raises:
        BackboneError: The network cannot take this size, has no maps, or the weights do not fit.
    """
    sizes = largest_first(image_size, more_sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network, digest = _create_and_load(opened, sizes)
    try:
        if opened.file is None:
            settle(network, image_size=sizes[0], seed=seed)
        module = Backbone(network.eval(), image_size=sizes[0], taps=taps, more_sizes=sizes[1:], views=views)
    except BackboneError:
        raise
    except Exception as error:
        raise _unfit(opened.name, sizes, error) from error
    return OpenedBackbone(opened, module.eval(), digest=digest)


def automatic_size(name: str, *, pretrained: bool, image_side: int | None = None) -> int:
    """The side of the input, in pixels, where a study does not say.

    The small network gets the side that the images have (`image_side`, pixels), between 28 and 64.
    Pretrained convolutional networks get 32k+1 pixels: there the symmetric padding of PyTorch and the
    SAME padding of TensorFlow, in which many published weights were trained, are the same grid.
    """
    if name == SMALL_BACKBONE:
        return min(max(image_side or LARGEST_SMALL_SIDE, 28), LARGEST_SMALL_SIDE)
    config = network_config(name)
    side = int(config.get("input_size", (3, 224, 224))[-1])
    if config.get("fixed_input_size"):
        return side
    if not pretrained:
        return 97
    return 321 if side <= 300 else side


def _create_and_load(opened: OpenedWeights, sizes: tuple[int, ...]) -> tuple[nn.Module, str]:
    """The network with its weights, and the SHA-256 of their file."""
    network = _create(opened.name, sizes)
    if opened.file is None:
        return network, ""
    try:
        return network, load_weights(network, opened)
    except BackboneError:
        config = {**network_config(opened.name), **opened.config}
        own = int((config.get("input_size") or (3, 224, 224))[-1])
        if own == sizes[0] or not hasattr(network, "set_input_size"):
            raise
        # A transformer's positions were learned for one grid: loaded for that one, then interpolated.
        network = _create(opened.name, (own, *sizes[1:]))
        digest = load_weights(network, opened)
        network.set_input_size(img_size=(sizes[0], sizes[0]))
        return network, digest


def _create(architecture: str, sizes: tuple[int, ...]) -> Any:
    import timm

    options: dict[str, Any] = {"pretrained": False, "num_classes": 0}
    sized: list[dict[str, Any]] = [
        {"img_size": sizes[0]},
        {},
    ]  # convolutional networks take any size and know no such argument
    if len(sizes) > 1:
        sized.insert(0, {"img_size": sizes[0], "dynamic_img_size": True})
    try:
        for more in sized[:-1]:
            try:
                return timm.create_model(architecture, **options, **more)
            except TypeError:
                continue
        return timm.create_model(architecture, **options)
    except Exception as error:
        raise _unfit(architecture, sizes, error) from error


def _unfit(architecture: str, sizes: tuple[int, ...], error: Exception) -> BackboneError:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    shown = " and ".join(f"{size} × {size}" for size in sizes)
    return BackboneError(
        f"it cannot take {shown} pixels ({said})",
        where=f"backbone '{architecture}'",
        todo="set another image_size" + (", or more_sizes = []" if len(sizes) > 1 else ""),
    )


def _chosen_stages(network: Any) -> list[int]:
    """Stages to tap: all of them, or evenly spaced ones of a long row of equal blocks, the last included."""
    if not hasattr(network, "forward_intermediates"):
        raise BackboneError(
            "timm cannot hand out the stages of this network",
            where=f"backbone '{type(network).__name__}'",
            todo='set features = "last"',
        )
    count = len(network.feature_info)
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, MOST_STAGES))})


def _channels_first(network: Any, found: Tensor) -> Tensor:
    channels = int(network.num_features)
    if found.ndim == 4 and found.shape[1] != channels and found.shape[3] == channels:
        return found.permute(0, 3, 1, 2)
    if found.ndim == 4:
        return found
    tokens = found[:, int(getattr(network, "num_prefix_tokens", 0)) :] if found.ndim == 3 else found
    side = int(tokens.shape[1] ** 0.5)
    if tokens.ndim != 3 or side**2 != tokens.shape[1]:
        raise BackboneError(
            f"its last features have the shape {tuple(found.shape)}, which is no map of places",
            where=f"backbone '{type(network).__name__}'",
            todo="choose a convolutional network or a vision transformer",
        )
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], side, side)


def _triple(values: Any, default: tuple[float, float, float]) -> tuple[float, float, float]:
    if values is None or len(values) != 3:
        return default
    return float(values[0]), float(values[1]), float(values[2])
