"""Overread's own network for images of 28 to 64 pixels: small enough to learn from nothing on two cores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models import register_model
from timm.models.resnet import BasicBlock
from torch import Tensor, nn

FULL_RESOLUTION = 40
"""Up to this side the first layer keeps every pixel; beyond it, every second: the cost stays alike."""

default_cfgs: dict[str, dict[str, Any]] = {
    "overread_small": {
        "url": "",
        "num_classes": 0,
        "input_size": (3, 28, 28),
        "pool_size": (7, 7),
        "interpolation": "bilinear",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "first_conv": "conv1",
        "classifier": "fc",
    }
}


class SmallNetwork(nn.Module):
    """Three stages of residual blocks (He 2016) behind a 3 × 3 layer without pooling.

    It has the face of a timm network: `forward_intermediates`, `forward_features`, `feature_info` and
    `group_matcher`. A residual branch begins as zero (Goyal 2017, §5.1), so that the first steps are those
    of a shallow network.

    Args:
        channels: Of the stages; the first layer has as many as the first stage.
        blocks: How many each stage has.
        img_size: Side of the input in pixels.
        in_chans: Channels of the input.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (24, 48, 96),
        blocks: Sequence[int] = (2, 2, 2),
        img_size: int = 28,
        in_chans: int = 3,
    ) -> None:
        super().__init__()
        stride = 1 if img_size <= FULL_RESOLUTION else 2
        self.conv1 = nn.Conv2d(in_chans, channels[0], 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.act1 = nn.ReLU(inplace=True)
        self.feature_info = [{"num_chs": channels[0], "reduction": stride, "module": "act1"}]
        self.stages: list[str] = []
        before = channels[0]
        for index, (width, count) in enumerate(zip(channels, blocks, strict=True), 1):
            first = 1 if index == 1 else 2
            name = f"layer{index}"
            layers = [_block(before, width, first), *(_block(width, width, 1) for _ in range(count - 1))]
            self.add_module(name, nn.Sequential(*layers))
            self.stages.append(name)
            stride *= first
            self.feature_info.append({"num_chs": width, "reduction": stride, "module": name})
            before = width
        self.num_features = before
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, BasicBlock):
                module.zero_init_last()

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Images `float32 [n, 3, S, S]` to the maps of chosen stages `[n, c, h, w]`."""
        del norm, stop_early
        if output_fmt != "NCHW":
            raise ValueError(f"expected the output format NCHW, got {output_fmt!r}")
        count = len(self.feature_info)
        if indices is None:
            wanted = set(range(count))
        elif isinstance(indices, int):
            wanted = set(range(count - indices, count))
        else:
            wanted = {index % count for index in indices}
        maps = []
        for index, name in enumerate(["", *self.stages]):
            x = getattr(self, name)(x) if name else self.act1(self.bn1(self.conv1(x)))
            if index in wanted:
                maps.append(x)
        return maps if intermediates_only else (x, maps)

    def forward_features(self, x: Tensor) -> Tensor:
        """Images `float32 [n, 3, S, S]` to the last map `[n, c, h, w]`."""
        x = self.act1(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = getattr(self, name)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Images `float32 [n, 3, S, S]` to features `[n, c]`: the last map's mean."""
        return self.forward_features(x).mean((2, 3))

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Patterns of names by which timm sorts parameters into blocks from bottom to top."""
        return {"stem": r"^conv1|^bn1", "blocks": r"^layer(\d+)" if coarse else r"^layer(\d+)\.(\d+)"}


def _block(before: int, width: int, stride: int) -> BasicBlock:
    """A residual block; where size or width change, its shortcut averages and projects (He 2019)."""
    shortcut = None
    if stride != 1 or before != width:
        layers: list[nn.Module] = [nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width)]
        if stride != 1:
            layers.insert(0, nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False))
        shortcut = nn.Sequential(*layers)
    return BasicBlock(before, width, stride=stride, downsample=shortcut)


@register_model
def overread_small(pretrained: bool = False, **options: Any) -> SmallNetwork:
    """The network under its name in timm's registry; there are no published weights of it."""
    if pretrained:
        raise RuntimeError("there are no published weights of overread_small")
    known = {name: options[name] for name in ("img_size", "in_chans") if options.get(name)}
    return SmallNetwork(**known)
