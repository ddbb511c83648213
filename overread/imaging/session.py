"""How Overread opens any ONNX model: on the CPU, with as many threads as are said, quiet."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: bytes | Path, *, threads: int) -> Any:
    """A session of onnxruntime.

    Args:
        model: A serialized model, or the path of one.
        threads: How many threads one call may use; they sleep between calls.

    Raises:
        Exception: One of `overread.bundle.network.runtime_errors`: it is no model that can be run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it would print is in the exception
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    source = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
