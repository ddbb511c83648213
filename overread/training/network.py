"""The networks between a feature map and a score, and their way into ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from overread.errors import TrainingError
from overread.training.backbones import Backbone
from overread.training.metadata_encoder import MetadataEncoder, beside
from overread.training.novelty import TrainingDensity
from overread.training.rising_map import Knots, RisingMap
from overread.training.trees import ExplainedHead

Task = Literal["binary", "multiclass", "multilabel"]
OPSET = 20


class LinearHead(nn.Module):
    """A logistic regression on features, as a layer: `float32 [..., d]` to logits `[..., outputs]`."""

    def __init__(self, weight: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> None:
        super().__init__()
        self.linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(np.asarray(weight, np.float32)))
            self.linear.bias.copy_(torch.from_numpy(np.asarray(bias, np.float32)))

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [..., d]` to logits `float32 [..., outputs]`."""
        logits: Tensor = self.linear(features)
        return logits


class MLPHead(nn.Module):
    """Standardised features through one hidden layer with dropout (Srivastava 2014)."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: npt.NDArray[np.floating],
        std: npt.NDArray[np.floating],
        outputs: int,
        *,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(np.asarray(mean, np.float32)))
        self.register_buffer("std", torch.from_numpy(np.asarray(std, np.float32)))
        self.layers = nn.Sequential(
            nn.Linear(len(mean), hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [..., d]` to logits `float32 [..., outputs]`."""
        logits: Tensor = self.layers((features - self.mean) / self.std)
        return logits


class MeanHead(nn.Module):
    """Several heads whose logits are averaged: one a fold of patients left out."""

    def __init__(self, heads: list[nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [..., d]` to the mean of the heads' logits `float32 [..., outputs]`."""
        return torch.stack([head(features) for head in self.heads]).mean(0)


class FocalHead(nn.Module):
    """A head that learned by the focal loss, whose logits are made those of probabilities.

    The scores that make the focal loss least are timid: they lie nearer to each other than the probabilities
    are. In training the head's own logits come out, for the focal loss to be taken of; in evaluation those
    of the probabilities behind them.
    """

    def __init__(self, head: nn.Module, *, task: Task, gamma: float) -> None:
        super().__init__()
        self.head, self.task, self.gamma = head, task, gamma

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [..., d]` to logits `float32 [..., outputs]`."""
        logits: Tensor = self.head(features)
        return logits if self.training else proper_logits(logits, task=self.task, gamma=self.gamma)


def proper_logits(logits: Tensor, *, task: Task, gamma: float) -> Tensor:
    """Logits of probabilities from logits that make the focal loss least, of the same shape `[..., outputs]`.

    With the score v of a class its probability is in proportion to v / ((1 - v) ** gamma - gamma * (1 - v)
    ** (gamma - 1) * v * log(v)) (Charoenphakdee et al., CVPR 2021, the transformation they call Psi).
    """

    def logarithm(log_v: Tensor, rest: Tensor) -> Tensor:
        rest = rest.clamp_min(1e-7)
        dampened = rest - gamma * log_v.exp() * log_v
        return log_v - (gamma - 1) * rest.log() - dampened.log()

    if task == "multiclass":
        log_v = logits.log_softmax(-1)
        return logarithm(log_v, 1 - log_v.exp())
    with_it, without = logits.sigmoid(), (-logits).sigmoid()
    return logarithm(nn.functional.logsigmoid(logits), without) - logarithm(
        nn.functional.logsigmoid(-logits), with_it
    )


class ReaderNetwork(nn.Module):
    """A backbone with its head connected: normalised images to logits (phase *reconnect*).

    Args:
        backbone: What sees the images.
        head: Features `[n, d]` to logits; with an encoder, features and what it says, `[n, d + m]`.
        encoder: Raw metadata `[n, fields]` to `[n, m]`; None: pixels alone.
    """

    def __init__(self, backbone: Backbone, head: nn.Module, encoder: MetadataEncoder | None = None) -> None:
        super().__init__()
        self.backbone, self.head, self.encoder = backbone, head, encoder

    def forward(self, images: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Images `float32 [n, 3, S, S]` and metadata `[n, fields]` to logits `float32 [n, outputs]`."""
        features = self.backbone.pooled(self.backbone(images))
        logits: Tensor = self.head(beside(features, self.encoder, metadata))
        return logits


class FeatureNetwork(nn.Module):
    """A truncated backbone and global average pooling: what is run once over a cohort."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        """Images `float32 [n, 3, S, S]` to features `float32 [n, d]`."""
        return self.backbone.pooled(self.backbone(images))


class BundledNetwork(nn.Module):
    """All that `network.onnx` answers about an image.

    Args:
        network: The trained reader.
        task: Decides between sigmoid (binary, multilabel) and softmax (multiclass).
        slope: Factors on the logits, one an output, or one for all.
        intercept: Offsets, of the same length.
        density: Where the training images lie in feature space.
        knots: Of an isotonic calibration, which takes the place of the sigmoid; none: there is none.
    """

    slope: Tensor
    intercept: Tensor
    mean: Tensor
    scale: Tensor
    basis: Tensor
    whitening: Tensor

    def __init__(
        self,
        network: ReaderNetwork,
        *,
        task: Task,
        slope: tuple[float, ...],
        intercept: tuple[float, ...],
        density: TrainingDensity,
        knots: Knots = (),
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.task = network.backbone, network.head, task
        self.encoder = network.encoder
        for name, value in (
            ("slope", slope),
            ("intercept", intercept),
            ("mean", density.mean),
            ("scale", density.scale),
            ("basis", density.basis),
            ("whitening", density.whitening),
        ):
            self.register_buffer(name, torch.from_numpy(np.asarray(value, np.float32)))
        self.residual_scale = float(density.residual_scale)
        self.rising = RisingMap(knots) if knots else None

    def forward(
        self, images: Tensor, metadata: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Images `float32 [n, 3, S, S]` and metadata `float32 [n, fields]` to what a bundle answers.

        Returns:
            score `[n, classes]` in 0..1, features `[n, d]`, saliency `[n, classes, h, w]` (the head's logit
            at each place; for a linear head its mean over places is the logit; for trees that of their
            stand-in), novelty `[n]`.
        """
        maps = self.backbone(images)
        features, places = self.backbone.pooled(maps), self.backbone.places(maps)
        placed = self.head.stand_in if isinstance(self.head, ExplainedHead) else self.head
        placed_features = beside(places.permute(0, 2, 3, 1), self.encoder, metadata)
        saliency = placed(placed_features).permute(0, 3, 1, 2)
        return self.score(features, metadata), features, saliency, self._novelty(features)

    def score(self, features: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Features `float32 [n, d]` and metadata to calibrated scores `float32 [n, classes]`."""
        logits = self.head(beside(features, self.encoder, metadata)) * self.slope + self.intercept
        if self.rising is not None:
            risen: Tensor = self.rising(logits)
            return risen
        score: Tensor = logits.softmax(-1) if self.task == "multiclass" else logits.sigmoid()
        return score

    @property
    def jumps(self) -> bool:
        """Whether the least change of a feature may change the score by much, as with trees."""
        return isinstance(self.head, ExplainedHead)

    def _novelty(self, features: Tensor) -> Tensor:
        centred = (features - self.mean) * self.scale
        coordinates = centred @ self.basis
        residual = centred - coordinates @ self.basis.T
        inside = ((coordinates * self.whitening) ** 2).sum(-1)
        outside = (residual**2).sum(-1) * self.residual_scale
        return torch.sqrt((inside + outside) / features.shape[-1])


def export_features(backbone: Backbone, *, image_size: int) -> bytes:
    """A truncated backbone as ONNX: "input" `float32 [n, 3, S, S]` to "features" `float32 [n, d]`."""
    return _export(FeatureNetwork(backbone).eval(), ["features"], image_size=image_size)


def export_reader(network: BundledNetwork, *, image_size: int) -> bytes:
    """A whole reader as the `network.onnx` of a bundle (DESIGN.md §6)."""
    fields = network.encoder.fields if network.encoder is not None else 0
    outputs = ["score", "features", "saliency", "novelty"]
    return _export(network.eval(), outputs, image_size=image_size, fields=fields)


def reference_answers(
    network: BundledNetwork,
) -> Callable[..., dict[str, npt.NDArray[np.float32]]]:
    """What torch says of an input batch: the oracle against which a packed network is checked."""
    names = ("score", "features", "saliency", "novelty")

    def answer(
        images: npt.NDArray[np.float32], metadata: npt.NDArray[np.float32] | None = None
    ) -> dict[str, npt.NDArray[np.float32]]:
        with torch.no_grad():
            outputs = network.eval()(torch.from_numpy(images), _tensor(metadata))
        return {name: value.numpy() for name, value in zip(names, outputs, strict=True)}

    return answer


def reference_scores(
    network: BundledNetwork,
) -> Callable[..., npt.NDArray[np.float32]]:
    """What torch says of features `[n, d]`: the oracle for the head alone, on the very same features."""

    def answer(
        features: npt.NDArray[np.float32], metadata: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        with torch.no_grad():
            scores = network.eval().score(torch.from_numpy(features), _tensor(metadata))
        return np.asarray(scores.numpy(), np.float32)

    return answer


def _tensor(metadata: npt.NDArray[np.float32] | None) -> Tensor | None:
    return None if metadata is None else torch.from_numpy(metadata)


def _export(module: nn.Module, outputs: list[str], *, image_size: int, fields: int = 0) -> bytes:
    # Zeros are known numbers and first categories; that others may be NaN stands in the graph.
    example = [torch.zeros(2, 3, image_size, image_size), *([torch.zeros(2, fields)] if fields else [])]
    batch = torch.export.Dim("batch", min=1, max=1 << 16)
    try:
        with warnings.catch_warnings(), _quiet_exporter(), _plain_attention(module):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                tuple(example),
                dynamo=True,
                input_names=["input", "metadata"][: len(example)],
                output_names=outputs,
                dynamic_shapes=tuple({0: batch} for _ in example),
                opset_version=OPSET,
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
    except Exception as error:
        raise TrainingError(
            f"the network cannot be written as ONNX ({type(error).__name__})",
            todo="choose another backbone; --debug shows where it fails",
        ) from error
    _strip_traces(model)
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter's own remarks, on what it folds and decomposes, tell a user nothing."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _plain_attention(module: nn.Module) -> Iterator[None]:
    """Timm's attention step by step: the exporter stumbles over some masks of the fused one (BEiT)."""
    fused: list[Any] = [layer for layer in module.modules() if getattr(layer, "fused_attn", False)]
    for layer in fused:
        layer.fused_attn = False
    try:
        yield
    finally:
        for layer in fused:
            layer.fused_attn = True


def _strip_traces(model: Any) -> None:
    """Drop the exporter's notes: they name files of this machine and make equal networks unequal."""
    graph = model.graph
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "overread", ""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
