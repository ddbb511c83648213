"""An export to ONNX is a function of the network alone: equal networks are exported once a session of tests.

It takes seconds where a small study's training takes less than one. Nothing is weaker for it: networks that
differ in one weight, one setting or one attribute have another fingerprint, and what cannot be fingerprinted
is exported each time. That equal networks give equal bytes, and in onnxruntime what torch says, is tested in
tests/training, where nothing is kept.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch


class _Fingerprint(pickle.Pickler):
    """Every attribute of a module, with tensors by their values: pickle itself notes where they lie."""

    def reducer_override(self, one: Any) -> Any:
        if isinstance(one, torch.Tensor):
            values = one.detach().contiguous().numpy().tobytes()
            return bytes, (values, str(one.dtype), str(tuple(one.shape)), type(one).__name__)
        return NotImplemented


def fingerprint(module: torch.nn.Module, *more: object) -> str | None:
    """Equal for equal networks; None where one has what cannot be pickled, such as a test's own lambda."""
    held = io.BytesIO()
    try:
        _Fingerprint(held).dump((module, *more))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return hashlib.sha256(held.getvalue()).hexdigest()


@contextmanager
def exported_once(kept: Path) -> Iterator[None]:
    """Keep exports in a folder that all processes of these tests share."""
    from overread.training import network

    export = network._export
    kept.mkdir(exist_ok=True)

    def once(module: torch.nn.Module, outputs: list[str], **options: int) -> bytes:
        name = fingerprint(module, outputs, sorted(options.items()))
        if name is None:
            return export(module, outputs, **options)
        path = kept / f"{name}.onnx"
        with suppress(FileNotFoundError):
            return path.read_bytes()
        made = export(module, outputs, **options)
        whole = kept / f"{name}.{os.getpid()}"
        whole.write_bytes(made)
        whole.replace(path)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_export", once)
        yield
