from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from overread.cohort.read_stage import MEASURED_FIELDS, EmbedStage, ReadStage, pixel_hash
from overread.cohort.schema import IMAGE_SCHEMA
from overread.errors import CohortError, DecodeError
from overread.imaging import DecodeLimits, decode
from overread.imaging.files import read_file
from overread.imaging.fingerprint import fingerprint
from overread.imaging.measure import measure
from tests.cohort.pictures import picture

LIMITS = DecodeLimits()


def read(source: Path, *names: str, limits: DecodeLimits = LIMITS) -> dict[str, dict[str, object]]:
    batch = pa.RecordBatch.from_pydict(
        {"image_id": list(names), "file": [os.fsencode(name) for name in names]},
        schema=pa.schema([("image_id", pa.string()), ("file", pa.binary())]),
    )
    rows = [row for out in ReadStage(source, limits=limits)(iter([batch])) for row in out.to_pylist()]
    return {str(row["image_id"]): row for row in rows}


def test_what_is_known_of_an_image(tmp_path: Path) -> None:
    content = picture(1, width=24, height=16)
    (tmp_path / "a.jpg").write_bytes(content)
    (tmp_path / "b.jpg").write_bytes(picture(2, kind="PNG"))
    rows = read(tmp_path, "a.jpg", "b.jpg")
    measured = {field.name for field in MEASURED_FIELDS}
    assert {name: value for name, value in rows["a.jpg"].items() if name not in measured} == {
        "image_id": "a.jpg",
        "media_type": "image/jpeg",
        "width": 24,
        "height": 16,
        "sha256": hashlib.sha256(content).hexdigest(),
        "reject_reason": None,
        "reject_detail": None,
    }
    assert rows["b.jpg"]["media_type"] == "image/png"  # told by its bytes, not its name
    pixels = decode(content)
    expected = measure(content, pixels) | {"file_bytes": len(content), "fingerprint": fingerprint(pixels)}
    expected["pixel_sha256"] = hashlib.sha256(b"\x10\0\0\0\x18\0\0\0" + pixels.tobytes()).hexdigest()
    assert {name: rows["a.jpg"][name] for name in measured} == {
        name: pytest.approx(value, nan_ok=True) for name, value in expected.items()
    }


def test_the_same_pixels_have_the_same_hash_however_they_are_stored() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
    assert pixel_hash(pixels) == pixel_hash(np.asfortranarray(pixels))
    assert pixel_hash(pixels) != pixel_hash(pixels.reshape(4, 6, 3))


def test_what_is_no_image_is_a_reject_with_reason_and_sentence(tmp_path: Path) -> None:
    whole = picture(1, width=64, height=64)
    files = {
        "empty.jpg": b"",
        "text.jpg": b"this is a text, whatever its name says",
        "cut.jpg": whole[: len(whole) // 2],
        "page.jpg": b"%PDF-1.7 ...",
        "long.jpg": whole + b"\0" * 100_000,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    rows = read(tmp_path, *files, "folder.jpg", "gone.jpg", "self.jpg", limits=DecodeLimits(max_bytes=50_000))
    assert {name: row["reject_reason"] for name, row in rows.items()} == {
        "empty.jpg": "empty",
        "text.jpg": "not-an-image",
        "cut.jpg": "truncated",
        "page.jpg": "unsupported",
        "long.jpg": "too-large",
        "folder.jpg": "unreadable-file",
        "gone.jpg": "missing-file",
        "self.jpg": "unreadable-file",
    }
    assert all(row["reject_detail"] and row["sha256"] is None for row in rows.values())


def test_a_pipe_does_not_keep_us_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    rows: dict[str, dict[str, object]] = {}
    thread = threading.Thread(target=lambda: rows.update(read(tmp_path, "pipe.jpg")), daemon=True)
    thread.start()
    thread.join(20)
    assert rows["pipe.jpg"]["reject_reason"] == "unreadable-file"
    assert "pipe or a device" in str(rows["pipe.jpg"]["reject_detail"])


def test_a_file_without_rights_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(DecodeError, match="could not be opened: Permission denied") as caught:
        read_file(tmp_path / "a.jpg", limits=DecodeLimits())
    assert caught.value.reason == "unreadable-file"


def embed(source: Path, row: dict[str, object], *, embed: bool) -> pa.RecordBatch:
    schema = pa.schema([*(field for field in IMAGE_SCHEMA if field.name != "content"), ("file", pa.binary())])
    batch = pa.RecordBatch.from_pylist([row], schema=schema)
    (out,) = EmbedStage(source, embed=embed)(iter([batch]))
    return out


def row_of(content: bytes) -> dict[str, object]:
    row: dict[str, object] = {
        **dict.fromkeys(("image_id", "patient_id", "uri"), "a"),
        **{"media_type": "image/jpeg", "width": 24, "height": 16, "split": "train", "file": b"a.jpg"},
    }
    return row | {"sha256": hashlib.sha256(content).hexdigest()}


def test_bytes_are_taken_in_or_left_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(1))
    assert embed(tmp_path, row_of(picture(1)), embed=True).column("content").to_pylist() == [picture(1)]
    assert embed(tmp_path, row_of(picture(1)), embed=False).column("content").to_pylist() == [None]


def test_a_file_that_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(2))
    with pytest.raises(
        CohortError, match=r"image 'a': the file changed while it was being read; run the same"
    ):
        embed(tmp_path, row_of(picture(1)), embed=True)
