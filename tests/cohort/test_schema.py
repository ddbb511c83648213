from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from overread.cohort.schema import IMAGE_SCHEMA, content_hash

ROW: dict[str, Any] = {
    **{"image_id": "a", "patient_id": "p", "group_id": None, "uri": "a.jpg", "media_type": "image/jpeg"},
    **{
        "width": 4,
        "height": 3,
        "sha256": "00",
        "label": "x",
        "target": [1.0, float("nan")],
        "split": "train",
    },
    **{"age": 80.0, "sex": None},
}


def hash_of(*rows: dict[str, Any]) -> str:
    return content_hash(pa.Table.from_pylist(list(rows), schema=IMAGE_SCHEMA))


def test_order_place_and_bytes_do_not_count() -> None:
    other = ROW | {"image_id": "b", "split": "test"}
    assert hash_of(ROW, other) == hash_of(other, ROW)
    assert hash_of(ROW) == hash_of(ROW | {"uri": "/elsewhere/a.jpg", "content": b"x"})


@pytest.mark.parametrize(
    "change",
    [
        {"patient_id": "q"}, {"group_id": ""}, {"sha256": "01"}, {"split": "test"}, {"target": [1.0, 0.0]},
        {"target": None}, {"target": [1.0]}, {"age": None}, {"sex": "F"}, {"label": "y"}, {"image_id": "b"},
    ],
)  # fmt: skip
def test_everything_else_counts(change: dict[str, Any]) -> None:
    assert hash_of(ROW) != hash_of(ROW | change)


def test_the_hash_is_the_same_on_every_machine() -> None:
    assert hash_of(ROW) == "4913150c8f2a711dda04a30dc9bd9e707023e0a13460b1a0f8e0f52e27d09d44"
