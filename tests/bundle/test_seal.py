from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from overread.bundle import Manifest
from overread.bundle.manifest import SCHEMA_VERSION
from overread.bundle.seal import MAX_MANIFEST_BYTES, seal, unseal
from overread.errors import BundleError
from tests.bundle.conftest import make_draft


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Manifest.from_draft(make_draft(), files={"network.onnx": "ab" * 32})


def changed(content: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(content), **changes}, indent=2).encode()


def test_seal_and_unseal_give_the_manifest_back(manifest: Manifest) -> None:
    assert unseal(seal(manifest)) == manifest


def test_same_manifest_gives_same_bytes(manifest: Manifest) -> None:
    assert seal(manifest) == seal(manifest.model_copy(deep=True))


def test_seal_can_be_checked_with_nothing_but_sha256(manifest: Manifest) -> None:
    content = seal(manifest)
    wanted = json.loads(content)["seal"]
    assert (
        hashlib.sha256(re.sub(rb'("seal": ")[0-9a-f]{64}', rb"\g<1>" + b"0" * 64, content)).hexdigest()
        == wanted
    )


def test_every_single_changed_byte_is_noticed(manifest: Manifest) -> None:
    content = seal(manifest)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x01
        with pytest.raises(BundleError, match=r"bundle\.json"):
            unseal(bytes(damaged))


def test_white_space_at_the_end_is_noticed(manifest: Manifest) -> None:
    with pytest.raises(BundleError, match="seal"):
        unseal(seal(manifest) + b" ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "key 'colour': extra inputs"),
        (
            {"triage": {"urgent": ["malignant"], "novelty_threshold": "five"}},
            r"key 'triage.novelty_threshold'",
        ),
        (
            {"triage": {"urgent": ["malignant"], "novelty_threshold": float("nan")}},
            r"key 'triage.novelty_threshold'",
        ),
        ({"classes": []}, "expected one for a binary task"),
        ({"channels": "3"}, "key 'channels'"),
        ({"files": {"../../etc/passwd": "ab" * 32}}, "not a path inside a bundle"),
    ],
)
def test_wrong_key_is_named(manifest: Manifest, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        unseal(changed(seal(manifest), **changes), where="here")
    assert str(caught.value).startswith("here: ")
    assert "\n" not in str(caught.value)


def test_newer_schema_says_to_update(manifest: Manifest) -> None:
    newer = SCHEMA_VERSION + 1
    told = rf"schema version {newer}, and this Overread knows up to {SCHEMA_VERSION}; update"
    with pytest.raises(BundleError, match=told):
        unseal(changed(seal(manifest), schema_version=newer, something_new=1))


def test_bundle_of_the_first_schema_is_read(manifest: Manifest) -> None:
    fields = json.loads(seal(manifest))
    for later in ("metadata", "small", "quality"):
        del fields[later]
    del fields["calibration"]["knots"], fields["triage"]["conformal"]
    blank = json.dumps({**fields, "schema_version": 1, "seal": "0" * 64}, indent=2) + "\n"
    first = blank.replace("0" * 64, hashlib.sha256(blank.encode()).hexdigest())
    read = unseal(first.encode())
    assert read == manifest.model_copy(update={"schema_version": 1})
    assert read.metadata == ()
    assert read.small is None


def test_bundle_of_the_second_schema_is_read(manifest: Manifest) -> None:
    fields = json.loads(seal(manifest))
    del fields["quality"]
    blank = json.dumps({**fields, "schema_version": 2, "seal": "0" * 64}, indent=2) + "\n"
    second = blank.replace("0" * 64, hashlib.sha256(blank.encode()).hexdigest())
    assert unseal(second.encode()) == manifest.model_copy(update={"schema_version": 2})


def test_what_a_bundle_of_the_first_schema_becomes_is_of_this_one(manifest: Manifest) -> None:
    old = manifest.model_copy(update={"schema_version": 1})
    assert json.loads(seal(old))["schema_version"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"{}", b'"' + b"x" * MAX_MANIFEST_BYTES],
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        unseal(content)


def test_missing_seal_is_refused(manifest: Manifest) -> None:
    fields = json.loads(seal(manifest))
    del fields["seal"]
    with pytest.raises(BundleError, match="expected a seal"):
        unseal(json.dumps(fields, indent=2).encode())
