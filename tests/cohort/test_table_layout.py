from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from overread.cohort import table_layout
from overread.cohort.candidates import Candidate, Listing
from overread.cohort.file_index import FileIndex
from overread.cohort.listing import Files
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import find_table, list_rows
from overread.cohort.tables import TextTable, parse_text, read_table
from overread.errors import CohortError

SOURCE = Path("/data/skin")


def table(text: str) -> TextTable:
    return parse_text(text.encode(), path=Path("labels.csv"))


def join(text: str, *files: str, **settings: object) -> Listing:
    return list_rows(Files(files, (), 0), table(text), source=SOURCE, settings=IngestSettings(**settings))  # type: ignore[arg-type]


def outcomes(listing: Listing) -> dict[str, str | None]:
    return {one.uri: one.reason or one.label for one in listing.candidates}


@pytest.mark.parametrize(
    ("cell", "files", "found"),
    [
        ("a.jpg", ["a.jpg"], ["a.jpg"]),
        ("a", ["x/a.jpg"], ["x/a.jpg"]),
        ("a.jpg", ["x/a.jpg", "x/a.jpg.jpg"], ["x/a.jpg"]),
        ("x/a", ["x/a.jpg", "y/a.jpg"], ["x/a.jpg"]),
        ("a.png", ["x/a.jpg"], ["x/a.jpg"]),
        ("a.JPG", ["x/a.jpg"], ["x/a.jpg"]),
        (r".\x\a.jpg", ["x/a.jpg"], ["x/a.jpg"]),
        ("/kaggle/input/x/a.jpg", ["x/a.jpg", "y/a.jpg"], ["x/a.jpg"]),
        ("/data/skin/x/a.jpg", ["x/a.jpg", "y/x/a.jpg"], ["x/a.jpg"]),
        ("5a.b-MSK-2", ["m/5a.b-MSK-2.jpeg"], ["m/5a.b-MSK-2.jpeg"]),
        ("5a.b", ["m/5a.jpeg"], []),
        ("train/a.jpg", ["test/a.jpg"], []),
        ("b.jpg", ["ab.jpg"], []),
        ("a", ["x/a.jpg", "y/a.jpg"], ["x/a.jpg", "y/a.jpg"]),
        ("a", ["a.jpg", "y/a.jpg"], ["a.jpg"]),
        (unicodedata.normalize("NFD", "é"), [unicodedata.normalize("NFC", "é") + ".jpg"], ["é.jpg"]),
        ("", ["a.jpg"], []),
    ],
)
def test_a_cell_finds_its_file(cell: str, files: list[str], found: list[str]) -> None:
    assert FileIndex(files, source=SOURCE).find(cell) == found


def test_what_a_row_says_is_kept() -> None:
    listing = join(
        "isic_id,dx,patient_id,lesion_id,age,sex,localization,view,camera,split\n"
        "a,mel,0012,L1,80.0,male,back,,Heine,val\n",
        "x/a.jpg",
    )
    assert listing.candidates == (
        Candidate(
            *("x/a.jpg", "x/a.jpg", "mel", "0012", "L1", "tune", 80.0, "M", "back"), view=None, device="Heine"
        ),
    )


def test_nothing_is_lost_between_table_and_folder() -> None:
    listing = join(
        "image,label\na,benign\nabsent,benign\n,benign\nb,\nboth,benign\nc,malignant\n",
        *("a.jpg", "b.jpg", "c.jpg", "only in folder.jpg", "x/both.jpg", "y/both.jpg"),
    )
    assert outcomes(listing) == {
        "a.jpg": "benign",
        "absent": "missing-file",
        "labels.csv, row 3": "incomplete-row",
        "b.jpg": "no-label",
        "both": "missing-file",
        "c.jpg": "malignant",
        "only in folder.jpg": "no-label",
        "x/both.jpg": "no-label",
        "y/both.jpg": "no-label",
    }
    details = {one.uri: one.detail for one in listing.candidates}
    assert details["both"] == "the name fits 2 files, 'x/both.jpg' and 'y/both.jpg'; name the folder too"


def test_rows_that_agree_count_once_and_rows_that_do_not_are_rejected() -> None:
    listing = join(
        "image,label,patient_id\na,x,1\na.jpg,x,1\nb,x,1\nb,y,1\nc,x,1\nc,x,2\nz,x,1\nz,y,1\n",
        *("a.jpg", "b.jpg", "c.jpg"),
    )
    assert outcomes(listing) == {
        "a.jpg": "x",
        "b.jpg": "conflicting-label",
        "c.jpg": "conflicting-label",
        "z": "missing-file",
    }
    assert listing.repeated == 4
    assert listing.candidates[1].detail == "2 rows of the table name it, and they differ in the label"
    assert listing.candidates[2].detail == "2 rows of the table name it, and they differ in the patient"


def test_rows_without_a_value_are_dropped_where_that_is_asked() -> None:
    text = "image,label,age,sex,note\na,x,0,male,1\nb,x,,male,1\nc,x,50,unknown,1\nd,x,50,female,unknown\n"
    files = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    assert set(outcomes(join(text, *files)).values()) == {"x"}
    dropped = join(text, *files, drop_missing=("age", "sex"))
    assert outcomes(dropped) == {
        "a.jpg": "x",
        "b.jpg": "incomplete-row",
        "c.jpg": "incomplete-row",
        "d.jpg": "x",
    }
    assert dropped.candidates[1].detail == "its row says nothing in the column age"
    assert outcomes(join(text, *files, drop_missing=("note",)))["d.jpg"] == "incomplete-row"


def test_a_row_without_a_split_beside_rows_with_one_is_rejected() -> None:
    text = "image,label,split\na,x,train\nb,x,\n"
    assert outcomes(join(text, "a.jpg", "b.jpg"))["b.jpg"] == "incomplete-row"
    assert outcomes(join(text, "a.jpg", "b.jpg", columns={"split": ""}))["b.jpg"] == "x"


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        (
            "name,label\na,x\n",
            {},
            r"no column for the image was found among name, label; say which .* columns.image",
        ),
        ("image,kind\na,x\n", {}, r"no column for the label was found"),
        (
            "image,label\na,x\n",
            {"columns": {"age": "Age"}},
            r"has no column 'Age' for the age; it has image, label",
        ),
        ("image,label\na,x\n", {"drop_missing": ("age",)}, r"has no column 'age', which drop_missing names"),
        ("image,label\nb,x\nc,x\n", {}, r"none of its 2 rows names a file of '/data/skin', the first is 'b'"),
        ("image,label,split\na,x,fold 3\n", {}, r"row 1: the split column holds a word that names no split"),
    ],
)
def test_tables_that_do_not_fit_are_one_sentence(text: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(CohortError, match=said):
        join(text, "a.jpg", **settings)


def test_the_table_with_an_image_and_a_label_column_is_found(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("when,what\n1,2\n")
    (tmp_path / "README.txt").write_text('say "hello\n')
    assert find_table(tmp_path, IngestSettings()) is None
    (tmp_path / "HAM10000_metadata.csv").write_text("image_id,dx\na,mel\n")
    found = find_table(tmp_path, IngestSettings())
    assert found is not None
    assert found.path.name == "HAM10000_metadata.csv"
    (tmp_path / "other.tsv").write_text("image_id\tdx\na\tmel\n")
    with pytest.raises(CohortError, match=r"several tables .*: HAM10000_metadata.csv, other.tsv; say which"):
        find_table(tmp_path, IngestSettings())
    (tmp_path / "labels.csv").write_text("image,label\na,mel\n")
    found = find_table(tmp_path, IngestSettings())
    assert found is not None
    assert found.path.name == "labels.csv"


def test_a_damaged_table_of_labels_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text('image,label\na,"mel\n')
    with pytest.raises(CohortError, match="unexpected end of data"):
        find_table(tmp_path, IngestSettings())


def test_a_source_and_a_date_are_kept() -> None:
    listing = join(
        "image,label,hospital,study_date\na,x,Kiel,20200131\nb,x,Jena,2020\nc,x,unknown,soon\n",
        *("a.jpg", "b.jpg", "c.jpg"),
    )
    assert [(one.source, one.date) for one in listing.candidates] == [
        ("Kiel", "2020-01-31"),
        ("Jena", "2020"),
        (None, None),
    ]
    assert dict(listing.columns) == {
        "image": "image",
        "label": "label",
        "source": "hospital",
        "date": "study_date",
    }
    assert listing.notes == (
        "1 cells in the column 'study_date' name no date and are not used; write them as yyyy-mm-dd",
    )


def test_dates_that_may_be_two_days_are_not_guessed() -> None:
    listing = join("image,label,date\na,x,03/04/2020\n", "a.jpg")
    assert listing.candidates[0].date is None
    assert listing.notes == (
        "1 dates in the column 'date' may have the day or the month first and are not used; write them as "
        "yyyy-mm-dd",
    )


def test_a_column_that_only_seems_to_be_the_source_is_told_and_not_used() -> None:
    text = "image,label,dataset\na,x,train\nb,x,test\n"
    listing = join(text, "a.jpg", "b.jpg")
    assert ("source" in listing.columns, listing.candidates[0].source) == (False, None)
    assert listing.notes == (
        "the column 'dataset' is not taken for the source: it names splits; name another with "
        'columns.source = "NAME"',
    )
    named = join(text, "a.jpg", "b.jpg", columns={"source": "dataset"})
    assert (named.notes, named.candidates[0].source) == ((), "train")


def test_a_table_without_a_single_image_is_listed_where_that_is_asked() -> None:
    rows = table("image,label\na,x\na,x\n,x\nb,\n")
    listing = list_rows(Files((), (), 0), rows, source=SOURCE, settings=IngestSettings(), images="optional")
    assert [(one.uri, one.file, one.reason) for one in listing.candidates] == [
        ("a", None, None),
        ("b", None, "no-label"),
        ("labels.csv, row 3", None, "incomplete-row"),
    ]
    assert listing.repeated == 1
    rows = table("image,label\na,x\nb,x\n")
    with pytest.raises(CohortError, match="none of its 2 rows names a file"):
        list_rows(Files(("c.jpg",), (), 0), rows, source=SOURCE, settings=IngestSettings(), images="optional")


def test_a_huge_table_of_pixels_is_not_read_to_find_the_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hmnist_28_28_RGB.csv").write_text("pixel0000,pixel0001,label\n1,2,3\n")
    (tmp_path / "mine.csv").write_text("image,label\na,x\n")
    read = []
    monkeypatch.setattr(table_layout, "read_table", lambda path: read.append(path.name) or read_table(path))
    assert find_table(tmp_path, IngestSettings()) is not None
    assert read == ["mine.csv"]
