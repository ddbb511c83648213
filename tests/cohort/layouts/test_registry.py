from __future__ import annotations

from pathlib import Path

import pytest

from overread.cohort.layouts import Layout, detect_layout, find_layout, layout_names, source_root
from overread.cohort.layouts.registry import BUILT_IN
from overread.cohort.settings import IngestSettings
from overread.errors import CohortError
from tests.cohort.layouts.sources import HAM, NIH, lay, listed, pixels, write_npz

OWN = "image,label\na,x\nb,y\n"


def detected(source: Path, **settings: object) -> str:
    return detect_layout(source, IngestSettings(**settings)).name  # type: ignore[arg-type]


def test_every_built_in_layout_is_found_by_its_name() -> None:
    names = ("ham10000", "isic", "nih", "medmnist", "table", "folder")
    assert layout_names()[: len(names) + 1] == ("auto", *names)
    for layout in BUILT_IN:
        assert find_layout(layout.name) is layout
        assert isinstance(layout, Layout)
        assert layout.title


@pytest.mark.parametrize(
    ("name", "near"), [("ham1000", "ham10000"), ("NIH", "nih"), ("tabel", "table"), ("med-mnist", "medmnist")]
)
def test_an_unknown_layout_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(
        CohortError, match=rf"'{name}': there is no such layout, the nearest is '{near}'; the"
    ):
        find_layout(name)


def test_a_layout_that_nothing_is_near_to_names_all() -> None:
    with pytest.raises(
        CohortError, match=r"'qqq': there is no such layout; the layouts are auto, ham10000, "
    ):
        find_layout("qqq")


@pytest.mark.parametrize(
    ("texts", "images", "name"),
    [
        ({}, ["x/a.jpg"], "folder"),
        ({"notes__csv": "when,what\n1,2\n"}, ["x/a.jpg"], "folder"),
        ({"any__csv": OWN}, ["a.jpg"], "table"),
        ({"any__csv__gz": OWN}, ["a.jpg"], "table"),
        ({"HAM10000_metadata__csv": HAM}, ["a.jpg"], "ham10000"),
        ({"HAM10000_metadata": HAM}, ["a.jpg"], "ham10000"),
        ({"HAM10000_metadata__csv": OWN}, ["a.jpg"], "table"),
        ({"Data_Entry_2017__csv": NIH}, ["a.png"], "nih"),
        ({"Data_Entry_2017_v2020__csv__gz": NIH}, [], "nih"),
        ({"metadata__csv": "isic_id,diagnosis\na,nevus\n"}, ["a.jpg"], "isic"),
        ({"HAM10000_metadata__csv": HAM, "labels__csv": OWN}, ["a.jpg"], "table"),
    ],
)
def test_a_layout_is_told_from_what_lies_there(
    tmp_path: Path, texts: dict[str, str], images: list[str], name: str
) -> None:
    assert detected(lay(tmp_path, images=images, **texts)) == name


def test_what_the_user_named_goes_before_what_lies_there(tmp_path: Path) -> None:
    lay(tmp_path, HAM10000_metadata__csv=HAM, mine__csv=OWN, images=["a.jpg", "b.jpg"])
    assert detected(tmp_path, table=tmp_path / "mine.csv") == "table"
    assert {one.label for one in listed(tmp_path, table=tmp_path / "mine.csv").candidates} == {"x", "y"}
    assert {one.reason for one in listed(tmp_path, layout="folder").candidates} == {"no-label"}


def test_columns_without_a_fitting_table_are_not_passed_over(tmp_path: Path) -> None:
    lay(tmp_path, images=["x/a.jpg", "y/b.jpg"])
    with pytest.raises(CohortError, match="no table with an image and a label column was found"):
        listed(tmp_path, columns={"label": "dx"})
    with pytest.raises(CohortError, match="the folder layout has no table and no columns"):
        listed(tmp_path, layout="folder", columns={"label": "dx"})
    with pytest.raises(CohortError, match="the folder layout has no table and no columns"):
        listed(tmp_path, layout="folder", table=tmp_path / "t.csv")
    with pytest.raises(CohortError, match="drop_missing names 'age', but the source has no table"):
        listed(tmp_path, drop_missing=["age"])


def test_a_table_may_be_the_source(tmp_path: Path) -> None:
    lay(tmp_path, mine__csv=OWN, other__csv=OWN, images=["x/a.jpg", "b.jpg"])
    assert source_root(tmp_path / "mine.csv") == tmp_path
    assert [one.file for one in listed(tmp_path / "mine.csv").candidates] == ["b.jpg", "x/a.jpg"]
    with pytest.raises(CohortError, match="is a table itself, but the settings name another"):
        listed(tmp_path / "mine.csv", table=tmp_path / "other.csv")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent", "there is no such folder; name the folder that holds the images"),
        ("notes.pdf", r"is a file, expected a folder, a table or a MedMNIST .npz"),
        ("luna.npz", r"is a file, expected a folder, a table or a MedMNIST .npz"),
        ("torn.npz", r"is damaged, ends early or is no .npz file"),
        (".", r"torn.npz': is damaged, ends early"),
        ("../other", r"holds no image \(1 other files\)"),
    ],
)
def test_a_source_that_is_none_is_one_sentence(tmp_path: Path, name: str, said: str) -> None:
    lay(tmp_path / "s", notes__pdf="x", torn__npz="x", luna__npz="")
    lay(tmp_path / "other", notes__pdf="x")
    write_npz(tmp_path / "s" / "luna.npz", images=pixels(2, 5, 5))
    with pytest.raises(CohortError, match=said):
        listed(tmp_path / "s" / name)


def test_a_split_made_of_folders_can_be_left_to_overread(tmp_path: Path) -> None:
    for split in ("train", "test"):
        lay(tmp_path, images=[f"{split}/{name}/{at}.jpg" for name in ("a", "b") for at in range(2)])
    assert {one.split for one in listed(tmp_path).candidates} == {"train", "test"}
    left = listed(tmp_path, columns={"split": ""})
    assert {one.split for one in left.candidates} == {None}
    assert {one.label for one in left.candidates} == {"a", "b"}
