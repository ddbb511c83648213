from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from overread.bundle import Bundle, attach, pack, zip_bundle
from overread.errors import BundleError
from tests.bundle.conftest import make_draft, network_bytes, network_model


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_input_gives_same_bytes(tmp_path: Path, preprocess_bytes: bytes) -> None:
    first, second = (
        pack(tmp_path / name, draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes())
        for name in ("a", "b")
    )
    assert contents(first) == contents(second)
    assert zip_bundle(first).read_bytes() == zip_bundle(second).read_bytes()


def test_nothing_but_the_bundle_is_left(tmp_path: Path, preprocess_bytes: bytes) -> None:
    pack(tmp_path / "a", draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes())
    pack(tmp_path / "a", draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_bundle_is_replaced_by_a_new_one(bundle_path: Path, preprocess_bytes: bytes) -> None:
    attach(bundle_path, {"report.html": b"old"})
    pack(bundle_path, draft=make_draft(version="2"), preprocess=preprocess_bytes, network=network_bytes())
    assert Bundle.load(bundle_path).label == "skin@2"
    assert not (bundle_path / "report.html").exists()


def test_folder_with_something_else_is_left_alone(tmp_path: Path, preprocess_bytes: bytes) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(BundleError, match="not a bundle"):
        pack(tmp_path / "photos", draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes())
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_failed_pack_leaves_the_old_bundle(bundle_path: Path, preprocess_bytes: bytes) -> None:
    before = contents(bundle_path)
    with pytest.raises(BundleError):
        pack(bundle_path, draft=make_draft(), preprocess=preprocess_bytes, network=network_bytes(2))
    assert contents(bundle_path) == before


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(3))
def test_killed_while_put_in_place_is_never_half_a_bundle(
    bundle_path: Path, preprocess_bytes: bytes, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    calls = iter(range(100))
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if next(calls) == step:
            raise Killed
        return rename(self, target)

    arguments = {"draft": make_draft(version="2"), "preprocess": preprocess_bytes, "network": network_bytes()}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        try:
            pack(bundle_path, **arguments)
        except Killed:
            assert step < 2
    if bundle_path.exists():
        assert Bundle.load(bundle_path).label == ("skin@1.0.0" if step < 2 else "skin@2")
    assert Bundle.load(pack(bundle_path, **arguments)).label == "skin@2"
    assert [path.name for path in bundle_path.parent.iterdir()] == [bundle_path.name]


def test_exporters_notes_about_the_machine_are_left_out(tmp_path: Path, preprocess_bytes: bytes) -> None:
    model = network_model()
    model.graph.node[0].doc_string = "/home/somebody/train.py"
    model.graph.node[0].metadata_props.add(key="stack_trace", value="/home/somebody/train.py")
    model.graph.doc_string = "/home/somebody"
    path = pack(
        tmp_path / "a", draft=make_draft(), preprocess=preprocess_bytes, network=model.SerializeToString()
    )
    assert b"somebody" not in (path / "network.onnx").read_bytes()


def test_own_selftest_pictures_are_taken(tmp_path: Path, preprocess_bytes: bytes, bundle_path: Path) -> None:
    picture = (bundle_path / "selftest" / "01-blob.jpg").read_bytes()
    path = pack(
        tmp_path / "a",
        draft=make_draft(),
        preprocess=preprocess_bytes,
        network=network_bytes(),
        selftest={"mine.jpg": picture},
    )
    assert sorted(item.name for item in (path / "selftest").iterdir()) == ["expected.json", "mine.jpg"]


def test_zip_begins_with_the_manifest_and_carries_no_date(bundle_path: Path) -> None:
    with zipfile.ZipFile(zip_bundle(bundle_path)) as archive:
        infos = archive.infolist()
    assert infos[0].filename == "bundle.json"
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_damaged_bundle_is_not_zipped(bundle_path: Path) -> None:
    shutil.copy(bundle_path / "preprocess.onnx", bundle_path / "network.onnx")
    with pytest.raises(BundleError, match=r"network\.onnx"):
        zip_bundle(bundle_path)
    assert not list(bundle_path.parent.glob("*.overread"))
