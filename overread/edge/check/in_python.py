"""What Python says of photographs, with the very files that a site's page reads with."""

from __future__ import annotations

from pathlib import Path

from overread.bundle.manifest import Manifest
from overread.bundle.read import PREPROCESS_NAME, Reader
from overread.bundle.seal import MANIFEST_NAME, unseal
from overread.bundle.small import for_small
from overread.edge.check.answer import Answer
from overread.edge.check.photograph import Photograph
from overread.edge.site import BUNDLE_FOLDER, Site
from overread.errors import BundleError, DecodeError


def open_reader(folder: Path, site: Site) -> Reader:
    """Python's reader of a site's own bundle.

    Raises:
        BundleError: One of its files is missing, or no model.
    """
    try:
        manifest: Manifest = unseal((folder / BUNDLE_FOLDER / MANIFEST_NAME).read_bytes())
        preprocess = (folder / BUNDLE_FOLDER / PREPROCESS_NAME).read_bytes()
        network = (folder / site.network).read_bytes()
    except OSError as error:
        raise BundleError(
            "lacks a file that reading needs", where=f"site '{folder}'", todo="write it anew"
        ) from error
    draft = for_small(manifest) if site.small else manifest
    return Reader(draft, preprocess=preprocess, network=network)


def read_in_python(reader: Reader, photograph: Photograph) -> Answer:
    """What Python says of a photograph."""
    try:
        reading = reader.read_one(photograph.content(), where=f"image '{photograph.image_id}'")
    except DecodeError as error:
        return Answer(reject=error.reason)
    return Answer(
        decision=reading.decision,
        scores=tuple(float(score) for score in reading.scores),
        sha256=reading.sha256,
        novelty=reading.novelty,
        quality=reading.quality or (),
    )
