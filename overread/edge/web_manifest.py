"""The web app manifest of one bundle's site: two readers on one phone must not look the same."""

from __future__ import annotations

import json

WEB_MANIFEST_NAME = "manifest.webmanifest"


def named_after(manifest: bytes, bundle: str) -> bytes:
    """The app's web manifest with the bundle's name in it.

    Args:
        manifest: Bytes of the app's own.
        bundle: Its name, without the version: an update is the same app.
    """
    told = json.loads(manifest) | {"name": f"Overread · {bundle}", "short_name": bundle}
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
