"""What it means to read with network.small.onnx: its own thresholds, and readings that say so."""

from __future__ import annotations

from typing import TypeVar

from overread.bundle.manifest import ManifestDraft
from overread.errors import BundleError

SMALL_NAME = "network.small.onnx"
EXPECTED_SMALL_NAME = "selftest/expected.small.json"
_MARK = "+small"

Draft = TypeVar("Draft", bound=ManifestDraft)


def for_small(manifest: Draft) -> Draft:
    """The manifest as network.small.onnx reads by it.

    Its calibration, operating points and novelty threshold take the place of the bundle's, and readings
    name it as `name@version+small`.

    Raises:
        BundleError: The bundle has no small network.
    """
    small = manifest.small
    if small is None:
        raise BundleError(
            "has no small network",
            where=f"bundle '{manifest.label}'",
            todo='leave out --small, or pack the bundle anew with bundle.small = "auto"',
        )
    return manifest.model_copy(
        update={
            "version": manifest.version + _MARK,
            "calibration": small.calibration,
            "operating_points": small.operating_points,
            "triage": manifest.triage.model_copy(update={"novelty_threshold": small.novelty_threshold}),
        }
    )
