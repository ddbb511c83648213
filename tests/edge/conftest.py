"""A small bundle and a small app made by hand: what a site is made of, without browser and Node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overread.bundle import attach, pack
from overread.edge import write_site
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.bundle.conftest import SIZE, make_draft, network_bytes
from tests.bundle.test_small import SMALL

RUNTIME, SCRIPT = "assets/runtime-1a2b.wasm", "assets/index-3c4d.js"
GPU = "assets/webgpu/runtime-5e6f.wasm"


@pytest.fixture(scope="session")
def made_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What web/build.py could have made; tests read it only."""
    folder = tmp_path_factory.mktemp("made") / "app"
    contents = {
        "index.html": b"<!doctype html><title>Overread</title><script src=assets/index-3c4d.js></script>"
        * 20,
        "sw.js": b"self.addEventListener('install', () => {});\n",
        "manifest.webmanifest": json.dumps({"name": "Overread", "start_url": "./"}).encode(),
        "icons/icon.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        ".stamp": b"0123\n",
        RUNTIME: b"\0asm" + b"runtime " * 2000,
        SCRIPT: b"console.log('read');\n" * 200,
        GPU: b"\0asm" + b"graphics " * 2000,
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def made_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a small network and a model card, never evaluated; tests read it only."""
    out = pack(
        tmp_path_factory.mktemp("made") / "skin",
        draft=make_draft(small=SMALL),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=network_bytes(),
        small=network_bytes(seed=1),
    )
    attach(out, {"MODEL_CARD.md": b"# skin\n\nMade by hand; knows nothing.\n"})
    return out


@pytest.fixture
def bundle_path(tmp_path: Path) -> Path:
    """Without a small network, of one's own, to damage at will."""
    preprocess = preprocess_graph(Preprocess(size=SIZE))
    return pack(tmp_path / "bundle", draft=make_draft(), preprocess=preprocess, network=network_bytes())


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory, made_bundle: Path, made_app: Path) -> Path:
    """For reading only."""
    out = tmp_path_factory.mktemp("made") / "site"
    write_site(made_bundle, out, app=made_app)
    return out
