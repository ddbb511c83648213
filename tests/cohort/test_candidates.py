from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.cohort.candidates import image_ids, readable, without_suffix

names = st.text("ab./~2\\\udce9é", min_size=1, max_size=7)


@given(st.lists(names, unique=True, max_size=12), st.randoms(use_true_random=False))
def test_ids_are_unique_valid_and_independent_of_order(files: list[str], random: object) -> None:
    ids = dict(zip(files, image_ids(files), strict=True))
    assert len(set(ids.values())) == len(files)
    "".join(ids.values()).encode("utf-8")
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, image_ids(shuffled), strict=True)) == ids


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["benign/1.JPG", "malignant/1.jpg"], ["benign/1", "malignant/1"]),
        (["a.jpg", "a.png", "b.png"], ["a.jpg", "a.png", "b"]),
        (["a", "b.tar.gz"], ["a", "b.tar"]),
        (["a.jpg", "a.jpg.png"], ["a", "a.jpg.png"]),
        (["caf\udce9.jpg", "caf\\xe9.jpg"], ["caf\\xe9.jpg~2", "caf\\xe9.jpg"]),
    ],
)
def test_the_suffix_goes_unless_it_tells_files_apart(files: list[str], ids: list[str]) -> None:
    assert image_ids(files) == ids


def test_names_that_are_no_utf8_become_readable() -> None:
    assert readable("caf\udce9 é.jpg") == "caf\\xe9 é.jpg"


def test_only_the_last_suffix_goes() -> None:
    assert [without_suffix(path) for path in ("a.b/c", "a.b/c.d.e", ".a", "a/.b")] == [
        "a.b/c",
        "a.b/c.d",
        ".a",
        "a/.b",
    ]
