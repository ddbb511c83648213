"""Does network.onnx say the same as the network it was made from?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from overread.bundle.network import OUTPUTS, Network
from overread.errors import BundleError

TOLERANCE = 1e-4


def check_parity(
    reference: Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.floating]]],
    network: bytes,
    inputs: NDArray[np.float32],
    *,
    tolerance: float = TOLERANCE,
) -> float:
    """Compare network.onnx with its source on the same inputs.

    Args:
        reference: The source: float32 [n, channels, size, size] to arrays by output name.
        network: Bytes of network.onnx.
        inputs: Preprocessed images, float32 [n, channels, size, size].
        tolerance: Largest scaled deviation, max |a - b| / (1 + |b|) over all numbers of an output.

    Returns:
        The largest scaled deviation.

    Raises:
        BundleError: It is beyond the tolerance, undefined, or an output is missing or of another shape.
    """
    where = "file 'network.onnx'"
    wanted = reference(inputs)
    found = Network(network)(inputs)._asdict()
    missing = [name for name in OUTPUTS if name not in wanted]
    if missing:
        raise BundleError(f"the reference gives no '{missing[0]}'", where=where)
    worst = 0.0
    for name in OUTPUTS:
        deviation = _deviation(found[name], np.asarray(wanted[name]), f"{where}, output '{name}'")
        if not deviation <= tolerance:  # true for NaN
            raise BundleError(
                f"differs from the network it was made from by {deviation:.2g}, allowed is {tolerance:g}",
                where=f"{where}, output '{name}'",
                todo="export the network again in evaluation mode, with float32 weights",
            )
        worst = max(worst, deviation)
    return worst


def _deviation(found: NDArray[np.floating], wanted: NDArray[np.floating], where: str) -> float:
    if found.shape != wanted.shape:
        raise BundleError(f"expected shape {list(wanted.shape)}, got {list(found.shape)}", where=where)
    exact = wanted.astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / (1.0 + np.abs(exact)), initial=0.0))
