"""bundle.json as bytes: written with a seal, and read only if the seal fits.

The seal is the last key of the file. It is the SHA-256 of the file's own bytes with the seal's 64
characters written as zeros, so one changed byte anywhere shows, and any language can check it. It
finds damage and careless edits; it is no signature.
"""

from __future__ import annotations

import hashlib
import json
import re

from pydantic import ValidationError

from overread.bundle.manifest import SCHEMA_VERSION, Manifest
from overread.errors import BundleError

MANIFEST_NAME = "bundle.json"
MAX_MANIFEST_BYTES = 4 * 2**20
_BLANK = "0" * 64
_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"\n\}\n\Z')
_RESTORE = "get the bundle again from where it came, or pack it anew"


def seal(manifest: Manifest) -> bytes:
    """The bytes of bundle.json, of this schema; the same manifest always gives the same bytes."""
    fields = {**manifest.model_dump(mode="json"), "schema_version": SCHEMA_VERSION, "seal": _BLANK}
    blank = (json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    return _with_seal(blank, hashlib.sha256(blank).hexdigest())


def unseal(content: bytes, *, where: str = MANIFEST_NAME) -> Manifest:
    """The manifest in the bytes of bundle.json.

    Raises:
        BundleError: Not JSON, of a newer schema, with a key that is unknown, missing or wrong, or
            changed since it was sealed.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError(f"expected at most {MAX_MANIFEST_BYTES} bytes, got {len(content)}", where=where)
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError("is not JSON", where=where, todo=_RESTORE) from error
    if not isinstance(fields, dict):
        raise BundleError("expected a JSON object", where=where, todo=_RESTORE)
    _check_schema(fields.get("schema_version"), where)
    fields.pop("seal", None)
    try:
        manifest = Manifest.model_validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        raise BundleError(_first_complaint(error), where=where, todo=_RESTORE) from error
    found = _SEAL.search(content)
    if found is None:
        raise BundleError("expected a seal as its last key", where=where, todo=_RESTORE)
    blank = content[: found.start(1)] + _BLANK.encode() + content[found.end(1) :]
    if hashlib.sha256(blank).hexdigest() != found.group(1).decode():
        raise BundleError("was changed since it was sealed", where=where, todo=_RESTORE)
    return manifest


def _with_seal(blank: bytes, digest: str) -> bytes:
    found = _SEAL.search(blank)
    assert found is not None
    return blank[: found.start(1)] + digest.encode() + blank[found.end(1) :]


def _check_schema(version: object, where: str) -> None:
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
        raise BundleError(
            f"has schema version {version}, and this Overread knows up to {SCHEMA_VERSION}",
            where=where,
            todo="update Overread (pip install -U overread)",
        )


def _first_complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"key '{key}': {message[0].lower()}{message[1:]}" if key else message
