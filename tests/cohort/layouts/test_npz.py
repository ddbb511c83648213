from __future__ import annotations

import io
import itertools
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort.layouts import npz
from overread.cohort.layouts.npz import iterate, read_info, read_names, read_small
from overread.errors import CohortError
from tests.cohort.layouts.sources import pixels, write_npz


def member(path: Path, name: str, content: bytes, *, packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr(f"{name}.npy", content)
    return path


def header(shape: str, descr: str = "'|u1'", *, fortran: bool = False) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 5, 4, 3), (1, 4, 4, 4), (7,), (0, 4, 4)])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_array_is_read_entry_by_entry(tmp_path: Path, shape: tuple[int, ...], save: object) -> None:
    array = pixels(*shape)
    save(tmp_path / "a.npz", images=array, other=np.arange(3))  # type: ignore[operator]
    assert read_names(tmp_path / "a.npz") == ("images", "other")
    info = read_info(tmp_path / "a.npz", "images")
    assert (info.shape, info.dtype) == (shape, np.uint8)
    read = list(iterate(info))
    assert len(read) == shape[0]
    assert all(np.array_equal(one, other) for one, other in zip(read, array, strict=True))
    assert np.array_equal(read_small(info), array)


def test_only_one_entry_is_in_memory_at_a_time(tmp_path: Path) -> None:
    info = read_info(write_npz(tmp_path / "a.npz", images=pixels(400, 128, 128)), "images")
    tracemalloc.start()
    try:
        assert sum(1 for _ in iterate(info)) == 400
        assert tracemalloc.get_traced_memory()[1] < 2**21  # of 6.5 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header("(2, 3)") + bytes(6), None),
        (header("(2, 3)") + bytes(5), r"its shape \(2, 3\) asks for 6 bytes, but it has 5"),
        (header("(2, 3)") + bytes(7), r"its shape \(2, 3\) asks for 6 bytes, but it has 7"),
        (header("(-2, -3)") + bytes(6), r"its shape \(-2, -3\) asks for"),
        (header("(10**9, 10**9)") + bytes(6), "is damaged, ends early or is no .npz file"),
        (header(f"({10**9}, {10**9})") + bytes(6), r"asks for 1000000000000000000 bytes, but it has 6"),
        (header("(1,)", "'|O'") + bytes(8), "expected numbers, got Python objects"),
        (header("(1,)", "[('a', '|O')]") + bytes(8), "expected numbers, got Python objects"),
        (header("(2, 3)", fortran=True) + bytes(6), "expected rows one after another, got columns"),
        (header("()") + bytes(1), "expected rows one after another, got a single number"),
        (header("__import__('os').getcwd()"), "is damaged, ends early or is no .npz file"),
        (b"\x93NUMPY\x03\x00" + bytes(60), r"expected version 1 or 2 of the .npy format, got \(3, 0\)"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(60), "is damaged"),
        (b"\x93NUM", "is damaged"),
        (b"", "is damaged"),
    ],
)
def test_a_header_that_lies_is_one_sentence(tmp_path: Path, content: bytes, said: str | None) -> None:
    path = member(tmp_path / "a.npz", "images", content)
    if said is None:
        assert read_info(path, "images").shape == (2, 3)
    else:
        with pytest.raises(CohortError, match=said):
            read_info(path, "images")


def test_what_unpacks_to_a_thousand_times_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = member(tmp_path / "a.npz", "images", header("(1000, 1000)") + bytes(10**6))
    assert read_info(path, "images").shape == (1000, 1000)
    monkeypatch.setattr(npz, "_UNSUSPICIOUS", 2**16)
    with pytest.raises(CohortError, match=r"would unpack \d+ bytes to 1000000, which no file of images does"):
        read_info(path, "images")
    stored = member(tmp_path / "b.npz", "images", header("(1000, 1000)") + bytes(10**6), packed=0)
    monkeypatch.setattr(npz, "_MOST_BYTES", 2**16)
    with pytest.raises(CohortError, match="would unpack"):
        read_info(stored, "images")
    monkeypatch.setattr(npz, "_MOST_BYTES", 2**36)
    monkeypatch.setattr(npz, "_SMALL", 2**16)
    with pytest.raises(CohortError, match=r"expected at most 0 MiB of labels, got the shape \(1000, 1000\)"):
        read_small(read_info(stored, "images"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_bit_stops_the_reading_before_the_last_entry(tmp_path: Path, save: object) -> None:
    path = tmp_path / "a.npz"
    save(path, images=pixels(8, 64, 64))  # type: ignore[operator]
    content = bytearray(path.read_bytes())
    content[25_000] ^= 0x10
    path.write_bytes(content)
    entries = iterate(read_info(path, "images"))
    for _ in range(5):
        next(entries)
    with pytest.raises(CohortError, match=r"is damaged, ends early or is no .npz file \(BadZipFile|error\)"):
        list(itertools.islice(entries, 3))


def test_the_last_entry_waits_for_the_checksum(tmp_path: Path) -> None:
    path = member(tmp_path / "a.npz", "images", header("(16, 10000)") + bytes(160_000))
    with zipfile.ZipFile(path) as archive:
        checksum = archive.getinfo("images.npy").CRC.to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(checksum, b"abcd"))
    entries = iterate(read_info(path, "images"))
    assert len(list(itertools.islice(entries, 15))) == 15
    with pytest.raises(CohortError, match="BadZipFile"):
        next(entries)


@settings(max_examples=60)
@given(cut=st.integers(0, 700), flip=st.integers(0, 699), bit=st.integers(0, 7))
def test_any_damage_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, bit: int
) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, images=pixels(2, 12, 12), labels=np.arange(2))
    content = bytearray(file.getvalue())
    content[flip % len(content)] ^= 1 << bit
    path = tmp_path_factory.mktemp("damage") / "a.npz"
    path.write_bytes(content[: len(content) - (cut if cut < len(content) and cut % 2 else 0)])
    try:
        for name in read_names(path):
            info = read_info(path, name)
            assert sum(1 for _ in iterate(info)) == info.shape[0]
    except CohortError:
        pass  # whatever else is raised is a bug


def test_what_is_no_archive_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"not a zip file")
    with pytest.raises(
        CohortError, match=r"a.npz': is damaged, ends early or is no .npz file \(BadZipFile\)"
    ):
        read_names(tmp_path / "a.npz")
    with pytest.raises(CohortError, match="could not be read: No such file"):
        read_names(tmp_path / "absent.npz")
