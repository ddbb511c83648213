from __future__ import annotations

import builtins
import gzip
from typing import Any

import brotli
import pytest

from overread.edge.precompress import precompress

TEXT = b"a reader of images " * 300


def test_both_ways_unpack_to_the_same_bytes() -> None:
    made, left_out = precompress({"index.html": TEXT})
    assert left_out == ""
    assert set(made) == {"index.html.br", "index.html.gz"}
    assert brotli.decompress(made["index.html.br"]) == TEXT
    assert gzip.decompress(made["index.html.gz"]) == TEXT


def test_the_same_content_gives_the_same_bytes_whatever_the_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = precompress({"a.js": TEXT})
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert precompress({"a.js": TEXT})[0] == first


def test_what_does_not_become_smaller_is_left_as_it_is() -> None:
    made, _ = precompress({"tiny.txt": b"x", "photo.jpg": TEXT, "icon.png": TEXT, "empty.js": b""})
    assert made == {}


def test_what_was_compressed_before_is_taken_if_it_fits() -> None:
    quick = brotli.compress(TEXT, quality=1)
    made, _ = precompress({"run.wasm": TEXT}, known={"run.wasm.br": quick})
    assert made["run.wasm.br"] == quick


@pytest.mark.parametrize("known", [brotli.compress(b"of another build"), b"\xff\xfe no brotli"])
def test_what_was_compressed_of_other_bytes_is_not_taken(known: bytes) -> None:
    made, _ = precompress({"run.wasm": TEXT}, known={"run.wasm.br": known})
    assert brotli.decompress(made["run.wasm.br"]) == TEXT


def test_without_brotli_gzip_alone_is_written_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **kwargs: Any) -> Any:
        if name == "brotli":
            raise ModuleNotFoundError(name="brotli")
        return real(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    made, left_out = precompress({"index.html": TEXT})
    assert set(made) == {"index.html.gz"}
    assert "pip install 'overread[edge]'" in left_out
