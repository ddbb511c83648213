"""Freeze a reader: models, manifest and self-test become one sealed folder, or one zip."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from glob import escape as glob_escape
from pathlib import Path

from overread.bundle.attach import settle, write_files
from overread.bundle.manifest import Manifest, ManifestDraft
from overread.bundle.onnx_guard import refuse_external_data
from overread.bundle.read import NETWORK_NAME, PREPROCESS_NAME, Reader
from overread.bundle.seal import MANIFEST_NAME, seal
from overread.bundle.selftest import EXPECTED_NAME, FOLDER, record, selftest_images
from overread.bundle.small import EXPECTED_SMALL_NAME, SMALL_NAME, for_small
from overread.bundle.store import FolderStore, load_contents
from overread.engine import atomically
from overread.errors import BundleError

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(
    out: Path,
    *,
    draft: ManifestDraft,
    preprocess: bytes,
    network: bytes,
    small: bytes | None = None,
    selftest: Mapping[str, bytes] | None = None,
) -> Path:
    """Make a bundle's folder: all of it, or nothing.

    The same arguments give the same bytes. A bundle that stands at `out` is replaced; anything else
    there is left alone.

    Args:
        out: The folder to make.
        draft: The manifest without the files' hashes.
        preprocess: Bytes of preprocess.onnx.
        network: Bytes of network.onnx; see `overread.bundle.parity`.
        small: Bytes of network.small.onnx, where `draft.small` says what it is.
        selftest: Pictures by file name; None takes the generated ones.

    Raises:
        BundleError: A model cannot be run or is not one of a bundle, or `out` holds something else.
    """
    _refuse_strangers(out)
    if (small is None) != (draft.small is None):
        raise ValueError("expected both the small network and what the manifest says of it, or neither")
    network, preprocess = _without_origins(network), _without_origins(preprocess)
    reader = Reader(draft, preprocess=preprocess, network=network)
    pictures = dict(selftest_images() if selftest is None else selftest)
    files = {PREPROCESS_NAME: preprocess, NETWORK_NAME: network, EXPECTED_NAME: record(reader, pictures)}
    files |= {f"{FOLDER}/{name}": content for name, content in pictures.items()}
    if small is not None and draft.small is not None:
        files[SMALL_NAME] = small = _without_origins(small)
        draft = draft.model_copy(update={"small": draft.small.model_copy(update={"bytes": len(small)})})
        reader = Reader(for_small(draft), preprocess=preprocess, network=small)
        files[EXPECTED_SMALL_NAME] = record(reader, pictures)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files[MANIFEST_NAME] = seal(Manifest.from_draft(draft, files=hashes))
    fresh = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    write_files(fresh, files)
    _put_in_place(fresh, out)
    return out


def zip_bundle(path: Path, *, out: Path | None = None) -> Path:
    """Zip a bundle's folder; the same bundle always gives the same bytes.

    Args:
        path: The bundle's folder; it is checked first.
        out: The zip; None: beside the folder, with `.overread` added to its name.

    Raises:
        BundleError: The bundle is damaged.
    """
    store = FolderStore(path)
    manifest = load_contents(store).manifest
    target = out or path.with_name(f"{path.name}.overread")
    for leftover in target.parent.glob(f"{glob_escape(target.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)
    with atomically(target) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name in [MANIFEST_NAME, *sorted(manifest.files)]:
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = 3, 0o100644 << 16
            with store.open(name) as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member, 2**20)
    return target


def _refuse_strangers(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        settle(out)
    stranger = out.exists() and not (
        out.is_dir() and (not any(out.iterdir()) or (out / MANIFEST_NAME).is_file())
    )
    if stranger:
        raise BundleError(
            "holds something that is not a bundle", where=f"'{out}'", todo="choose another folder"
        )


def _put_in_place(fresh: Path, out: Path) -> None:
    # A folder cannot replace a full one in one step; a crash between the two renames leaves no bundle
    # at `out` for the same call to make again, and never half of one.
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    fresh.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _without_origins(model: bytes) -> bytes:
    """Leave out what exporters note about themselves: stack traces with the paths of this machine.

    They would differ from machine to machine, and tell strangers how its folders are named.
    """
    import onnx

    refuse_external_data(model, where="the model to pack")
    proto = onnx.load_model_from_string(model)
    proto.ClearField("doc_string")
    graphs = [proto.graph]
    while graphs:
        graph = graphs.pop()
        graph.ClearField("doc_string")
        graph.ClearField("metadata_props")
        for node in graph.node:
            node.ClearField("doc_string")
            node.ClearField("metadata_props")
            for attribute in node.attribute:
                graphs += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
        for value in (*graph.value_info, *graph.input, *graph.output, *graph.initializer):
            value.ClearField("doc_string")
            value.ClearField("metadata_props")
    return bytes(proto.SerializeToString(deterministic=True))
