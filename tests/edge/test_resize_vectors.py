from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from overread.imaging import GraphRunner, Preprocess, preprocess_graph

VECTORS = Path(__file__).parents[2] / "web" / "tests" / "reader" / "resize" / "vectors.json"
CASES = (
    *((24, 60, 45), (24, 45, 60), (16, 16, 16), (16, 16, 40), (20, 7, 9)),
    *((15, 3, 50), (9, 1, 1), (30, 1000, 13), (21, 640, 480)),
)


def test_the_browser_is_tested_with_what_preprocess_onnx_gives() -> None:
    """Where this fails, run `python -m tests.edge.test_resize_vectors`, and look at what changed."""
    assert json.loads(VECTORS.read_text("utf-8")) == vectors()


def vectors() -> list[dict[str, Any]]:
    found = []
    for resize in ("squash", "crop"):
        for interpolation in ("bilinear", "bicubic"):
            for size, width, height in CASES:
                spec = Preprocess.model_validate(
                    {"size": size, "resize": resize, "interpolation": interpolation}
                )
                made = GraphRunner(preprocess_graph(spec))(pixels(width, height))
                found.append(
                    {
                        "spec": spec.model_dump(mode="json"),
                        "width": width,
                        "height": height,
                        "sha256": hashlib.sha256(made.tobytes()).hexdigest(),
                    }
                )
    return found


def pixels(width: int, height: int) -> np.ndarray:
    """What both sides can make again: noise, a white and a black part."""
    at = np.arange(width * height * 3, dtype=np.uint64)
    noise = ((at * np.uint64(2654435761)) % 2**32 >> np.uint64(13)) & np.uint64(255)
    third = at * np.uint64(3) // np.uint64(width * height * 3)
    high = np.where(noise > 99, 255, 0).astype(np.uint64)
    values = np.where(third == 0, noise, np.where(third == 1, high, 255 - (noise >> np.uint64(4))))
    return values.astype(np.uint8).reshape(height, width, 3)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=0) + "\n", "utf-8")
