"""A site of a small made bundle, and how a test opens the app in a browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overread.bundle import attach, pack
from overread.edge import write_site
from overread.edge.loopback import serve_site as serving
from overread.edge.site import APP
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.bundle.conftest import SIZE, make_draft, network_bytes
from tests.conftest import PATIENCE

# A build of one's own, so that work on the pages does not wait for `make web`.
TESTED_APP = Path(os.environ.get("OVERREAD_TEST_APP", APP))
# The page's promise: kept when its reader is open, broken with a ReaderProblem.
_PROBLEM = """() => window.overread.opened.then(
  () => "", (problem) => JSON.stringify(problem) + String(problem))"""

MakeSite = Callable[..., Path]


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> MakeSite:
    """`make_site(limits=("…",), triage=TriageRule(…))` → a site; the changes are fields of ManifestDraft."""

    def make(*, classes: int = 1, seed: int = 0, app: Path = TESTED_APP, **changes: object) -> Path:
        folder = tmp_path_factory.mktemp("edge")
        pack(
            folder / "bundle",
            draft=make_draft(**changes),
            preprocess=preprocess_graph(Preprocess(size=SIZE)),
            network=network_bytes(classes, seed=seed),
        )
        attach(folder / "bundle", {"MODEL_CARD.md": b"# skin\n\nA made reader that knows nothing.\n"})
        write_site(folder / "bundle", folder / "site", app=app)
        return folder / "site"

    return make


@pytest.fixture(scope="session")
def site(make_site: MakeSite) -> Path:
    """A small made bundle as a site, for reading only: copy it before changing a byte."""
    return make_site()


@pytest.fixture(scope="session")
def serve_site() -> Callable[..., Any]:
    """`with serve_site(folder, isolated=True) as url:`."""
    return serving


@pytest.fixture(scope="session")
def open_app() -> Callable[[Any, str], None]:
    """`open_app(page, url)`: go there and wait until the page's reader is open."""

    def open_it(page: Any, url: str) -> None:
        page.goto(url)
        # Not by a script: where the host does not isolate the page, it loads itself again amid one.
        page.wait_for_selector(
            "html:is([data-reader=ready], [data-reader=problem])",
            state="attached",
            timeout=1000 * PATIENCE,
        )
        problem = page.evaluate(_PROBLEM)
        assert problem == "", f"the reader did not open: {problem}"

    return open_it


@pytest.fixture(scope="session")
def go_to() -> Callable[[Any, str], None]:
    """`go_to(page, f"{url}#history")`: go to a place of the app and wait until it is shown."""

    def go(page: Any, address: str) -> None:
        page.goto(address)
        place = address.partition("#")[2].partition("/")[0]
        # The place that was shown before has a main part and a heading too.
        page.locator(f"nav a[aria-current=page][href^='#{place}']").wait_for()

    return go
