from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from overread.bundle import Bundle, attach
from overread.edge import load_site, write_site
from overread.edge import site as site_module
from overread.edge.site import Site, SiteFile, digest_of
from overread.errors import BundleError, UsageError
from overread.imaging import decode
from overread.progress import SilentProgress
from tests.edge.conftest import GPU, RUNTIME, SCRIPT
from tests.evaluation.made import make_manifest, make_tables


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _told(site: Path) -> dict[str, object]:
    line = (site / "sw.js").read_text("utf-8").partition("\n")[0]
    told: dict[str, object] = json.loads(line.removeprefix("self.OVERREAD_SITE = ").removesuffix(";"))
    return told


def test_every_file_is_listed_with_its_hash_but_those_that_list(made_site: Path) -> None:
    listed = {one.path: one for one in load_site(made_site).files}
    present = {path for path in _files(made_site) if not path.endswith((".br", ".gz"))}
    assert set(listed) == present - {"site.json", "sw.js"}
    for path, one in listed.items():
        assert (one.sha256, one.bytes) == (_sha256(made_site / path), (made_site / path).stat().st_size)


def test_the_bundle_goes_along_as_it_is_and_nothing_else_of_it(made_site: Path, made_bundle: Path) -> None:
    names = {path.removeprefix("bundle/") for path in _files(made_site) if path.startswith("bundle/")}
    names = {name for name in names if not name.endswith((".br", ".gz"))}
    own = names & set(_files(made_bundle))
    assert {"bundle.json", "preprocess.onnx", "network.small.onnx", "MODEL_CARD.md"} < own
    assert "selftest/expected.small.json" in own
    assert names & {"network.onnx", "evaluation.json", "report.html", "selftest/expected.json"} == set()
    for name in own:
        assert (made_site / "bundle" / name).read_bytes() == (made_bundle / name).read_bytes(), name
    # What Python derives from the network is the only other thing.
    assert names - own <= {"network.plan.json", "network.rest.onnx"}


def test_the_site_says_which_network_reads_and_what_its_pictures_must_give(
    made_site: Path, made_bundle: Path
) -> None:
    site = load_site(made_site)
    assert (site.bundle, site.network, site.small) == (
        "skin@1.0.0+small",
        "bundle/network.small.onnx",
        True,
    )
    assert site.bundle_digest == _sha256(made_bundle / "bundle.json")
    expected = json.loads((made_site / site.expected).read_text("utf-8"))
    assert set(site.pixels) == {one["file"] for one in expected["images"]}
    for name, digest in site.pixels.items():
        pixels = decode((made_site / "bundle" / "selftest" / name).read_bytes())
        assert digest == hashlib.sha256(pixels.tobytes()).hexdigest()
        assert pixels.shape[2] == 3


def test_the_full_network_is_taken_where_it_is_asked_for(
    made_bundle: Path, made_app: Path, tmp_path: Path
) -> None:
    site = write_site(made_bundle, tmp_path / "site", network="full", app=made_app)
    assert (site.bundle, site.network, site.small) == ("skin@1.0.0", "bundle/network.onnx", False)
    assert site.expected == "bundle/selftest/expected.json"
    assert not (tmp_path / "site" / "bundle" / "network.small.onnx").exists()


def test_a_bundle_without_a_small_network_gives_its_full_one_unless_asked(
    bundle_path: Path, made_app: Path, tmp_path: Path
) -> None:
    assert not write_site(bundle_path, tmp_path / "site", app=made_app).small
    with pytest.raises(BundleError, match="small"):
        write_site(bundle_path, tmp_path / "other", network="small", app=made_app)
    assert not (tmp_path / "other").exists()


def test_the_digest_is_that_of_the_sorted_list(made_site: Path) -> None:
    site = load_site(made_site)
    lines = sorted(f"{one.path} {one.sha256}\n" for one in site.files)
    assert site.digest == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest_of(reversed(site.files)) == site.digest


def test_the_service_worker_starts_with_the_version_that_it_keeps(made_site: Path, made_app: Path) -> None:
    site, told = load_site(made_site), _told(made_site)
    assert told["digest"] == site.digest
    assert told["site"] == _sha256(made_site / "site.json")
    assert told["files"] == [one.model_dump() for one in site.files]
    rest = (made_site / "sw.js").read_bytes().partition(b"\n")[2]
    assert rest == (made_app / "sw.js").read_bytes()


def test_the_app_is_named_after_the_bundle_in_its_web_manifest(made_site: Path) -> None:
    told = json.loads((made_site / "manifest.webmanifest").read_text("utf-8"))
    assert told == {"name": "Overread · skin", "start_url": "./", "short_name": "skin"}


def test_what_graphics_processors_need_comes_only_when_asked_and_is_not_kept_at_once(
    made_bundle: Path, made_app: Path, made_site: Path, tmp_path: Path
) -> None:
    assert GPU not in {one.path for one in load_site(made_site).files}
    site = write_site(made_bundle, tmp_path / "site", webgpu=True, app=made_app)
    kept = {one.path: one.precache for one in site.files}
    assert kept.pop(GPU) is False
    assert all(kept.values())
    assert kept[RUNTIME]


def test_the_same_bundle_gives_the_same_bytes(
    made_bundle: Path, made_app: Path, made_site: Path, tmp_path: Path
) -> None:
    write_site(made_bundle, tmp_path / "again", app=made_app)
    assert _files(tmp_path / "again") == _files(made_site)
    assert {"index.html.br", "index.html.gz", f"{SCRIPT}.br"} < set(_files(made_site))


def test_a_site_is_replaced_whole(made_bundle: Path, made_app: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site(made_bundle, out, network="full", app=made_app)
    write_site(made_bundle, out, network="small", app=made_app)
    assert not (out / "bundle" / "network.onnx").exists()
    assert load_site(out).small
    assert _names(tmp_path) == ["site"]


def test_what_fails_half_way_leaves_the_old_site(
    made_bundle: Path, made_app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    write_site(made_bundle, out, app=made_app)
    before = _files(out)
    written: list[Path] = []

    def full_disk(path: Path, content: bytes) -> int:
        written.append(path)
        if len(written) > 5:
            raise OSError(28, "No space left on device", str(path))
        with path.open("wb") as stream:
            return stream.write(content)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_site(made_bundle, out, network="full", app=made_app)
    assert len(written) > 5
    assert _files(out) == before
    assert _names(tmp_path) == ["site"]


@pytest.mark.parametrize("place", ["notes.txt", "assets/holiday.jpg", ".git/HEAD", "bundle/network.onnx.bak"])
def test_a_folder_with_anything_else_is_left_alone(
    made_bundle: Path, made_app: Path, made_site: Path, tmp_path: Path, place: str
) -> None:
    out = tmp_path / "site"
    shutil.copytree(made_site, out)
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    (out / place).write_text("mine")
    with pytest.raises(UsageError, match="of no site of Overread") as error:
        write_site(made_bundle, out, app=made_app)
    assert place in str(error.value)
    assert (out / place).read_text() == "mine"


def test_a_folder_of_something_else_is_left_alone(made_bundle: Path, made_app: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        write_site(made_bundle, tmp_path, app=made_app)
    with pytest.raises(UsageError, match="got a file"):
        write_site(made_bundle, tmp_path / "thesis.tex", app=made_app)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_an_empty_folder_and_what_file_managers_drop_are_no_hindrance(
    made_bundle: Path, made_app: Path, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / ".DS_Store").write_bytes(b"\0")
    write_site(made_bundle, tmp_path / "site", app=made_app)
    assert load_site(tmp_path / "site").small


def test_a_changed_bundle_becomes_no_site(bundle_path: Path, made_app: Path, tmp_path: Path) -> None:
    network = bytearray((bundle_path / "network.onnx").read_bytes())
    network[len(network) // 2] ^= 1
    (bundle_path / "network.onnx").write_bytes(network)
    with pytest.raises(BundleError, match=r"network\.onnx"):
        write_site(bundle_path, tmp_path / "site", app=made_app)
    assert not (tmp_path / "site").exists()


def test_an_app_that_was_not_built_is_said_to_be(made_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make web"):
        write_site(made_bundle, tmp_path / "site", app=tmp_path / "nothing")


def test_without_onnx_a_site_is_written_that_reads_slower_and_that_is_said(
    made_bundle: Path, made_app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Listener(SilentProgress):
        def note(self, message: str) -> None:
            said.append(message)

    monkeypatch.setitem(sys.modules, "onnx", None)
    site = write_site(made_bundle, tmp_path / "site", app=made_app, progress=Listener())
    assert (site.plan, site.rest) == (None, None)
    assert len(said) == 1
    assert "pip install 'overread[edge]'" in said[0]


def test_the_figures_of_an_evaluation_go_along(bundle_path: Path, made_app: Path, tmp_path: Path) -> None:
    import numpy as np

    from overread.evaluation import evaluate_readings

    labels = np.array([[1.0]] * 6 + [[0.0]] * 10)
    scores = np.where(labels == 1, 0.7, 0.2) + np.linspace(-0.3, 0.3, 16)[:, None]
    manifest = make_manifest("binary", ("malignant",), urgent=("malignant",))
    found = evaluate_readings(
        *make_tables(labels, scores, manifest=manifest), manifest=manifest, resamples=20
    )
    attach(bundle_path, {"evaluation.json": found.to_json().encode()})
    figures = write_site(bundle_path, tmp_path / "site", app=made_app).figures
    assert found.triage is not None
    assert figures["roc_auc"]["value"] == found.overall["roc_auc"].value
    for name, one in found.triage.figures.items():
        assert figures[f"triage.{name}"]["value"] == pytest.approx(one.value, nan_ok=True), name
        assert figures[f"triage.{name}"]["low"] == pytest.approx(one.low, nan_ok=True), name
    assert figures["prevalence"] == {"value": 6 / 16, "low": None, "high": None}
    assert figures["images"]["value"] == 16
    assert load_site(tmp_path / "site").figures == figures


def test_a_bundle_that_was_never_evaluated_has_no_figures(made_site: Path) -> None:
    assert load_site(made_site).figures == {}


def test_a_site_of_a_zip_is_that_of_its_folder(
    made_bundle: Path, made_app: Path, made_site: Path, tmp_path: Path
) -> None:
    from overread.bundle import zip_bundle

    zipped = zip_bundle(made_bundle, out=tmp_path / "skin.overread")
    assert write_site(zipped, tmp_path / "site", app=made_app) == load_site(made_site)


def test_the_networks_of_site_and_bundle_read_alike(made_site: Path, made_bundle: Path) -> None:
    """The files that a browser gets are whole: Python reads with them as with the bundle."""
    from overread.bundle.read import Reader
    from tests.bundle.conftest import make_pixels

    small = Bundle.load(made_bundle, small=True)
    folder = made_site / "bundle"
    reader = Reader(
        small.manifest,
        preprocess=(folder / "preprocess.onnx").read_bytes(),
        network=(folder / "network.small.onnx").read_bytes(),
    )
    assert reader.read_pixels(make_pixels(3)).scores == small.read_pixels(make_pixels(3)).scores


def test_what_is_no_site_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="overread edge BUNDLE"):
        load_site(tmp_path)
    (tmp_path / "site.json").write_text("{}")
    with pytest.raises(BundleError, match=r"site\.json"):
        load_site(tmp_path)


def test_every_key_of_site_json_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "edge-site.md").read_text("utf-8")
    section = page.split("## site.json")[1].split("\n## ")[0]
    rows = {line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")}
    assert rows == set(Site.model_fields)
    assert all(f"`{name}`" in section for name in SiteFile.model_fields)
    assert site_module.SITE_NAME == "site.json"
