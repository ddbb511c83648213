from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overread.cohort.layouts import detect_layout
from overread.cohort.layouts.hmnist import CODES, find_pixels, open_pixels
from overread.cohort.settings import IngestSettings
from overread.errors import CohortError
from overread.progress import SILENT
from tests.cohort.layouts.sources import HAM, lay, listed, pixels

IMAGES = pixels(4, 8, 8, 3)
LABELS = (6, 6, 4, 2)  # mel mel nv bkl, as HAM has them


def write(folder: Path, images: NDArray[np.uint8] = IMAGES, labels: Sequence[object] = LABELS) -> Path:
    """The table of pixels as Kaggle's notebook wrote it."""
    flat = images.reshape(len(images), -1)
    side, kind = images.shape[1], "RGB" if images.ndim == 4 else "L"
    header = [*(f"pixel{at:04d}" for at in range(flat.shape[1])), "label"]
    lines = [",".join(map(str, [*row, label])) for row, label in zip(flat, labels, strict=True)]
    path = folder / f"hmnist_{side}_{side}_{kind}.csv"
    path.write_text("\n".join([",".join(header), *lines]) + "\n")
    return path


@pytest.mark.parametrize("whole", [True, False], ids=["the folder", "the table of pixels"])
def test_pixels_join_the_metadata_row_by_row(tmp_path: Path, whole: bool) -> None:
    table = write(lay(tmp_path, HAM10000_metadata__csv=HAM))
    source = tmp_path if whole else table
    assert detect_layout(source, IngestSettings()).name == "ham10000"
    listing = listed(source)
    said = [(one.uri, one.label, one.group, one.age, one.sex, one.site) for one in listing.candidates]
    assert said == [
        ("hmnist_8_8_RGB.csv#ISIC_1", "mel", "HAM_1", 80.0, "M", "scalp"),
        ("hmnist_8_8_RGB.csv#ISIC_2", "mel", "HAM_1", 80.0, "M", "scalp"),
        ("hmnist_8_8_RGB.csv#ISIC_3", "nv", "HAM_2", None, "F", "back"),
        ("hmnist_8_8_RGB.csv#ISIC_4", "bkl", "HAM_3", 0.0, None, None),
    ]
    assert set(listing.depends) == {"hmnist_8_8_RGB.csv", "HAM10000_metadata.csv"}
    assert "joined row by row" in listing.notes[0]


@pytest.mark.parametrize("images", [IMAGES, IMAGES[..., 0]], ids=["colour", "grey"])
def test_pixels_are_unpacked_as_they_are(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    write(lay(tmp_path, HAM10000_metadata__csv=HAM), images)
    listing = listed(tmp_path, drop_missing=["sex"])
    assert listing.unpack is not None
    listing.unpack(tmp_path / "out", SILENT)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"ISIC_{at}.png" for at in (1, 2, 3)
    ]
    for at in (1, 2, 3):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"out/ISIC_{at}.png")), images[at - 1])
    # What an interruption left is written again, what is whole is not.
    (tmp_path / "out/ISIC_2.png").write_bytes(b"\x89PNG half")
    before = (tmp_path / "out/ISIC_3.png").stat().st_mtime_ns
    listing.unpack(tmp_path / "out", SILENT)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/ISIC_2.png")), images[1])
    assert (tmp_path / "out/ISIC_3.png").stat().st_mtime_ns == before


def test_metadata_in_another_order_are_an_error_and_no_wrong_join(tmp_path: Path) -> None:
    header, *rows = HAM.strip().split("\n")
    write(lay(tmp_path, HAM10000_metadata__csv="\n".join([header, *rows[1:], rows[0]])))
    with pytest.raises(
        CohortError, match=r"image 2 is labelled mel, but row 2 of 'HAM10000_metadata.csv' says nv"
    ):
        listed(tmp_path)
    lay(tmp_path, HAM10000_metadata__csv="\n".join([header, *rows[:3]]))
    with pytest.raises(CohortError, match=r"has 4 images, but 'HAM10000_metadata.csv' has 3 rows"):
        listed(tmp_path)


def test_without_metadata_the_images_are_read_and_what_is_unknown_is_said(tmp_path: Path) -> None:
    listing = listed(write(tmp_path))
    assert [(one.uri, one.label, one.group) for one in listing.candidates][2] == (
        *("hmnist_8_8_RGB.csv#000002", "nv"),
        None,
    )
    assert "images of one lesion may stand on two sides" in listing.notes[0]
    with pytest.raises(CohortError, match="age"):
        listed(tmp_path / "hmnist_8_8_RGB.csv", drop_missing=["age"])


def test_every_code_is_its_class_in_kaggles_order(tmp_path: Path) -> None:
    # Not the alphabet of the codes, in which mel comes before nv.
    listing = listed(write(tmp_path, pixels(7, 2, 2, 3), range(7)))
    assert (
        tuple(one.label for one in listing.candidates)
        == CODES
        == (*("akiec", "bcc", "bkl", "df", "nv", "vasc", "mel"),)
    )


def test_images_as_files_go_before_pixels(tmp_path: Path) -> None:
    write(lay(tmp_path, images=[f"part/ISIC_{at}.jpg" for at in (1, 2, 3, 4)], HAM10000_metadata__csv=HAM))
    listing = listed(tmp_path)
    assert (listing.unpack, listing.candidates[0].file) == (None, "part/ISIC_1.jpg")


def test_the_largest_table_in_colour_is_taken(tmp_path: Path) -> None:
    for images in (pixels(4, 28, 28), IMAGES, pixels(4, 12, 12, 3), pixels(4, 64, 64)):
        write(tmp_path, images)
    found = find_pixels(tmp_path)
    assert found is not None
    assert (found.path.name, found.side, found.channels) == ("hmnist_12_12_RGB.csv", 12, 3)


@pytest.mark.parametrize(
    ("labels", "pixel", "message"),
    [
        ((6, 6, 7, 2), None, "row 3: expected a label of 0 to 6, got 7"),
        ((6, 6, "nv", 2), None, "invalid value 'nv'"),
        (LABELS, "256", "invalid value '256'"),
        (LABELS, "1.5", "invalid value '1.5'"),
        (LABELS, "1,1", "Expected 193 columns, got 194"),
        (LABELS, "", "a pixel is empty"),
    ],
)
def test_a_damaged_table_is_one_sentence(
    tmp_path: Path, labels: Sequence[object], pixel: str | None, message: str
) -> None:
    table = write(lay(tmp_path, HAM10000_metadata__csv=HAM), labels=labels)
    if pixel is not None:
        lines = table.read_text().split("\n")
        lines[2] = pixel + lines[2][lines[2].index(",") :]
        table.write_text("\n".join(lines))

    def read() -> None:
        listing = listed(tmp_path)
        assert listing.unpack is not None
        listing.unpack(tmp_path / "out", SILENT)

    with pytest.raises(CohortError, match=message) as raised:
        read()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "header", ["pixel0000,pixel0001,label", "pixel0000,label,label", "a,b,c,d,label", "label", ""]
)
def test_any_other_table_is_no_table_of_pixels(tmp_path: Path, header: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(header + "\n1,2,3\n")
    assert open_pixels(path) is None
