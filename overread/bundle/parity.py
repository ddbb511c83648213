"""Does network.onnx say the same as the network it was made from?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from overread.bundle.network import OUTPUTS, Network
from overread.errors import BundleError

TOLERANCE = 1e-4
HEAD_TOLERANCE = 1e-5
"""Of scores where both heads are given the same features."""


def check_parity(
    reference: Callable[..., Mapping[str, NDArray[np.floating]]],
    network: bytes,
    inputs: NDArray[np.float32],
    *,
    metadata: NDArray[np.float32] | None = None,
    tolerance: float = TOLERANCE,
    scores: Callable[..., NDArray[np.floating]] | None = None,
    jumps: bool = False,
) -> float:
    """Compare network.onnx with its source on the same inputs.

    Two runtimes add up in different orders, so their features differ by some 1e-6. That moves the score of
    most heads as little, but can send an image down the other branch of a tree, and the score then jumps.
    So heads are compared for themselves, more strictly, on the features that network.onnx found.

    Args:
        reference: The source: float32 [n, channels, size, size], and metadata where there are any, to
            arrays by output name.
        network: Bytes of network.onnx.
        inputs: Preprocessed images, float32 [n, channels, size, size].
        metadata: What is known beside each image, float32 [n, fields]; None: the network takes images alone.
        tolerance: Largest scaled deviation, max |a - b| / (1 + |b|) over all numbers of an output; of a map,
            |b| is the largest of its numbers.
        scores: The source's head: features float32 [n, d], and metadata, to scores [n, classes].
        jumps: The head is of trees: its scores are compared on the same features alone.

    Returns:
        The largest scaled deviation.

    Raises:
        BundleError: It is beyond the tolerance, undefined, or an output is missing or of another shape.
    """
    where = "file 'network.onnx'"
    beside = () if metadata is None else (metadata,)
    wanted = reference(inputs, *beside)
    found = Network(network)(inputs, *beside)._asdict()
    missing = [name for name in OUTPUTS if name not in wanted]
    if missing:
        raise BundleError(f"the reference gives no '{missing[0]}'", where=where)
    compared = [
        (name, np.asarray(wanted[name]), tolerance) for name in OUTPUTS if not (jumps and name == "score")
    ]
    if jumps and scores is None:
        raise ValueError("expected the scores of a head that jumps, got none")
    if scores is not None:
        compared.append(
            ("score", np.asarray(scores(found["features"], *beside)), min(tolerance, HEAD_TOLERANCE))
        )
    worst = 0.0
    for name, values, allowed in compared:
        deviation = _deviation(found[name], values, f"{where}, output '{name}'")
        if not deviation <= allowed:  # true for NaN
            raise BundleError(
                f"differs from the network it was made from by {deviation:.2g}, allowed is {allowed:g}",
                where=f"{where}, output '{name}'",
                todo="choose another backbone; your own is exported in evaluation mode, as float32",
            )
        worst = max(worst, deviation)
    return worst


def _deviation(found: NDArray[np.floating], wanted: NDArray[np.floating], where: str) -> float:
    if found.shape != wanted.shape:
        raise BundleError(f"expected shape {list(wanted.shape)}, got {list(found.shape)}", where=where)
    exact = wanted.astype(np.float64)
    size = np.abs(exact)
    if exact.ndim == 4 and exact.size:  # a map adds up what is far larger than a sum near 0: its range counts
        size = size.max(axis=(2, 3), keepdims=True)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / (1.0 + size), initial=0.0))
