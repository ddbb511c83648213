from __future__ import annotations

import re
from pathlib import Path

import pytest

from overread.cohort.layouts import find_layout, layout_names
from overread.errors import CohortError, DecodeError
from tests.cohort.layouts.sources import lay, listed

CODE = """
from overread.cohort.candidates import Candidate, Listing

class OurLayout:
    name = "{name}"
    title = "our hospital's folders"

    def fits(self, source):
        {fits}

    def list(self, source, *, settings, exclude, images):
        {list}

ready = OurLayout()
number = 7
"""
FITS = 'return (source / "STUDIES").is_dir()'
LIST = 'return Listing((Candidate("a", "STUDIES/a.jpg", label="x"),), 0)'


def install(
    folder: Path, *, package: str = "our-layout", name: str = "ours", point: str = "OurLayout", **parts: str
) -> None:
    """A package as pip leaves it: a module and its dist-info folder."""
    module = package.replace("-", "_")
    says = {"name": name, "fits": FITS, "list": LIST} | parts
    (folder / f"{module}.py").write_text(parts.get("code") or CODE.format(**says))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[overread.layouts]\n{name} = {module}:{point}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on Python's path; modules of earlier tests are forgotten."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr("sys.modules", {**__import__("sys").modules})
    return site


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lay(tmp_path / "source", images=["STUDIES/a.jpg"])


@pytest.mark.parametrize("point", ["OurLayout", "ready"])
def test_an_installed_package_brings_a_layout(site: Path, source: Path, point: str) -> None:
    install(site, point=point)
    assert layout_names()[-1] == "ours"
    assert find_layout("ours").title == "our hospital's folders"
    for layout in ("ours", "auto"):
        (candidate,) = listed(source, layout=layout).candidates
        assert (candidate.uri, candidate.label) == ("a", "x")


def test_a_layout_that_does_not_fit_is_passed_over(site: Path, tmp_path: Path) -> None:
    install(site)
    listing = listed(lay(tmp_path / "other", images=["x/a.jpg"]))
    assert (listing.candidates[0].label, listing.notes) == ("x", ())


BROKEN = [
    ({"code": "raise OSError('no key')\n"}, "loading it raised OSError: no key"),
    ({"point": "absent"}, "loading it raised AttributeError: .*absent"),
    ({"point": "number"}, "loading it raised TypeError: 'int' object is not callable"),
    ({"code": "OurLayout = dict\n"}, "expected name, title, fits and list, got a dict without"),
    (
        {"code": CODE.format(name="theirs", fits=FITS, list=LIST)},
        "is called 'ours', but it calls itself 'theirs'",
    ),
]


@pytest.mark.parametrize(("parts", "said"), BROKEN)
def test_a_broken_package_is_an_error_by_name_and_a_note_otherwise(
    site: Path, tmp_path: Path, parts: dict[str, str], said: str
) -> None:
    install(site, **parts)
    with pytest.raises(
        CohortError, match=rf"package 'our-layout': the layout 'ours' is broken: .*{said}.*mend"
    ):
        find_layout("ours")
    listing = listed(lay(tmp_path / "other", images=["x/a.jpg"]))
    assert [one.label for one in listing.candidates] == ["x"]
    assert len(listing.notes) == 1
    assert listing.notes[0].startswith("passed over: package 'our-layout': the layout 'ours' is broken: ")


def test_a_layout_that_raises_when_asked_is_told(site: Path, tmp_path: Path) -> None:
    install(site, fits="raise ValueError(source)")
    (note,) = listed(lay(tmp_path / "other", images=["x/a.jpg"])).notes
    assert note == (
        "passed over: package 'our-layout': the layout 'ours' is broken: its fits raised ValueError; mend or "
        "uninstall it"
    )


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ("return 1 / 0", "layout 'ours': it could not list .*: ZeroDivisionError; ask its author"),
        ("return []", "layout 'ours': expected a Listing, got a list; ask its author"),
        ('return Listing(("a",), 0)', "layout 'ours': expected a Listing"),
        (
            'return Listing((Candidate("a", "f", label="x"), Candidate("b", "f", label="x")), 0)',
            "layout 'ours': two of its candidates name one file",
        ),
        ("return Listing((), 3)", r"holds no image \(3 other files\)"),
    ],
)
def test_what_a_layout_does_wrong_is_one_sentence(site: Path, source: Path, lists: str, said: str) -> None:
    install(site, list=lists)
    with pytest.raises(CohortError, match=said):
        listed(source, layout="ours")


def test_a_layouts_own_sentence_is_kept(site: Path, source: Path) -> None:
    raises = (
        'from overread.errors import DecodeError; raise DecodeError("damaged", "no list", todo="mend it")'
    )
    install(site, list=raises)
    with pytest.raises(DecodeError, match="no list; mend it"):
        listed(source, layout="ours")


def test_no_package_takes_over_a_built_in_name(site: Path, tmp_path: Path) -> None:
    install(site, name="folder", fits="return True")
    with pytest.raises(
        CohortError,
        match=r"'folder': 2 owners bring a layout of this name: Overread itself, our-layout; rename",
    ):
        find_layout("folder")
    listing = listed(lay(tmp_path / "other", images=["x/a.jpg"]))
    assert (listing.candidates[0].uri, len(listing.notes)) == ("x/a.jpg", 1)
    assert "its name is taken" in listing.notes[0]


def test_two_packages_with_one_name_are_both_refused(site: Path, source: Path) -> None:
    install(site)
    install(site, package="their-layout")
    with pytest.raises(CohortError, match="2 owners bring a layout of this name: our-layout, their-layout"):
        find_layout("ours")
    listing = listed(source)
    assert (listing.candidates[0].uri, len(listing.notes)) == ("STUDIES/a.jpg", 2)


def test_the_example_of_the_documentation_works(site: Path, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/real-layouts.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    install(site, name="scanner", point="ScannerLayout", code=code)
    source = lay(tmp_path / "scans", images=["P0007-2024-03-11/left.png", "P0008-2024/right.png"])
    lay(source / "P0007-2024-03-11", result__txt="nevus\n")
    first, second = listed(source).candidates
    assert (first.label, first.patient, first.date) == ("nevus", "P0007", "2024-03-11")
    assert (second.reason, second.detail) == ("no-label", "its examination has no result.txt")
