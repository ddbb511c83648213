"""The bytes of a file, wherever they lie: seen without a copy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

    if sys.version_info >= (3, 12):
        from collections.abc import Buffer
    else:
        from typing_extensions import Buffer

    Content: TypeAlias = Buffer | pa.Buffer
else:
    Content: TypeAlias = Any


def view_of(content: Content) -> memoryview:
    """See bytes, a memoryview, an array or a pyarrow.Buffer as flat unsigned bytes.

    Nothing is copied unless the content lies in pieces.

    Raises:
        TypeError: `content` offers no buffer of bytes (a path or text, for example).
    """
    view = memoryview(content)
    if view.c_contiguous:
        return view.cast("B")
    return memoryview(view.tobytes())
