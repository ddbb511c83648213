"""network.onnx in onnxruntime: checked when it is opened, the same numbers on every call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overread.bundle.manifest import ManifestDraft
from overread.bundle.onnx_guard import refuse_external_data
from overread.errors import BundleError
from overread.imaging.session import open_session

OUTPUTS = ("score", "features", "saliency", "novelty")


class NetworkOutput(NamedTuple):
    """What the network says of n images.

    Args:
        score: Calibrated, float32 [n, classes].
        features: Float32 [n, d].
        saliency: Coarse map a class, in logits, float32 [n, classes, h, w].
        novelty: Distance from the training images, float32 [n].
    """

    score: NDArray[np.float32]
    features: NDArray[np.float32]
    saliency: NDArray[np.float32]
    novelty: NDArray[np.float32]


class Network:
    """A session on network.onnx.

    Args:
        model: The model's bytes; from bytes onnxruntime has no folder to look for other files in.
        manifest: Gives the classes, the input size and the metadata that the network must have; None: any.
        threads: Of the session; 1 is fastest where several workers run.

    Raises:
        BundleError: Not a model, or not one with a bundle's inputs and outputs.
    """

    def __init__(self, model: bytes, *, manifest: ManifestDraft | None = None, threads: int = 1) -> None:
        bundle = f"bundle '{manifest.label}', " if manifest else ""
        self._where = f"{bundle}file 'network.onnx'"
        refuse_external_data(model, where=self._where)
        try:
            self._session = open_session(model, threads=threads)
        except runtime_errors() as error:
            raise cannot_run(error, where=self._where) from error
        self._check_shapes(manifest)

    def __call__(
        self, inputs: NDArray[np.float32], metadata: NDArray[np.float32] | None = None
    ) -> NetworkOutput:
        """Run float32 [n, channels, size, size], one image after the other.

        Metadata are float32 [n, fields], see `MetadataField`; None: nothing is known.

        Matrix kernels add up in another order for one row than for eight, so only runs of the same
        shape promise the same bits. On one core a batch of 8 is no faster (MobileNetV2: within 3 %).
        """
        if metadata is None:
            metadata = np.full((len(inputs), self.fields), np.nan, np.float32)
        if metadata.shape != (len(inputs), self.fields):
            shape = list(metadata.shape)
            raise ValueError(f"expected metadata of shape {[len(inputs), self.fields]}, got {shape}")
        feeds = {"input": inputs, **({"metadata": metadata} if self.fields else {})}
        rows = [
            self._session.run(OUTPUTS, {name: values[i : i + 1] for name, values in feeds.items()})
            for i in range(len(inputs))
        ]
        if not rows:
            raise ValueError("expected at least one image, got none")
        score, features, saliency, novelty = (np.concatenate(column) for column in zip(*rows, strict=True))
        return NetworkOutput(score, features, saliency, novelty)

    def _check_shapes(self, manifest: ManifestDraft | None) -> None:
        inputs = {item.name: item for item in self._session.get_inputs()}
        outputs = {item.name: item for item in self._session.get_outputs()}
        missing = [name for name in OUTPUTS if name not in outputs]
        takes = {"input"}
        if manifest.metadata if manifest is not None else "metadata" in inputs:
            takes.add("metadata")
        if set(inputs) != takes or missing:
            named = " and ".join(f"'{name}'" for name in sorted(takes))
            raise BundleError(
                f"expected the input{'s' * (len(takes) > 1)} {named} and the outputs {list(OUTPUTS)}, "
                f"got {sorted(inputs)} and {sorted(outputs)}",
                where=self._where,
            )
        self.fields = 0
        if "metadata" in takes:
            width = inputs["metadata"].shape[-1]
            self.fields = len(manifest.metadata) if manifest is not None else int(width)
            self._expect("metadata", inputs["metadata"].shape, (None, self.fields))
        classes, channels, size = None, None, None
        if manifest is not None:
            classes, channels, size = len(manifest.classes), manifest.channels, manifest.preprocess.size
        self._expect("input", inputs["input"].shape, (None, channels, size, size))
        self._expect("score", outputs["score"].shape, (None, classes))
        self._expect("features", outputs["features"].shape, (None, None))
        self._expect("saliency", outputs["saliency"].shape, (None, classes, None, None))
        self._expect("novelty", outputs["novelty"].shape, (None,))

    def _expect(self, name: str, shape: list[Any], wanted: tuple[int | None, ...]) -> None:
        # onnxruntime gives a number, or a name that stands for any number.
        fits = len(shape) == len(wanted) and all(
            want is None or not isinstance(have, int) or have == want
            for have, want in zip(shape, wanted, strict=True)
        )
        if not fits:
            text = " × ".join("any" if want is None else str(want) for want in wanted)
            raise BundleError(f"expected '{name}' of shape {text}, got {shape}", where=self._where)


def runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a model or an input that it cannot run; they share no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NotImplemented",
        "RuntimeException",
    )
    return (*(getattr(state, name) for name in names), RuntimeError, ValueError)


def cannot_run(error: Exception, *, where: str) -> BundleError:
    """The sentence for a model that onnxruntime refuses, with the runtime's own reason."""
    reason = " ".join(str(error).split())[:160]
    return BundleError(f"onnxruntime cannot run it ({reason})", where=where, todo="pack the bundle anew")
