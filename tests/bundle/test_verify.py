from __future__ import annotations

from pathlib import Path

import pytest

from overread.bundle import Bundle, Manifest, verify, zip_bundle
from overread.bundle.seal import seal
from overread.errors import BundleError
from tests.bundle.conftest import network_bytes


def test_fresh_bundle_passes(bundle_path: Path) -> None:
    result = verify(bundle_path)
    assert result.bundle == "skin@1.0.0"
    assert result.digest == Bundle.load(bundle_path).digest
    assert result.images == 8
    assert result.files == 11
    assert result.max_score_difference <= 1e-5


def test_zip_passes_too(bundle_path: Path) -> None:
    assert verify(zip_bundle(bundle_path)) == verify(bundle_path)


def test_changed_bundle_fails(bundle_path: Path) -> None:
    (bundle_path / "network.onnx").write_bytes(network_bytes(seed=1))
    with pytest.raises(BundleError, match=r"network\.onnx"):
        verify(bundle_path)


def test_other_network_under_a_fresh_seal_fails_the_selftest(bundle_path: Path) -> None:
    import hashlib

    manifest = Bundle.load(bundle_path).manifest
    other = network_bytes(seed=1)
    (bundle_path / "network.onnx").write_bytes(other)
    files = {**manifest.files, "network.onnx": hashlib.sha256(other).hexdigest()}
    (bundle_path / "bundle.json").write_bytes(seal(Manifest.from_draft(manifest, files=files)))
    Bundle.load(bundle_path)
    with pytest.raises(BundleError, match="picture 'selftest/"):
        verify(bundle_path)
