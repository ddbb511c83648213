"""What tests of every package share: real browsers and their skips, Node, networks exported once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from overread.edge.browsers import find_browser, launch_options
from tests.scripts import loaded_script

# Everybody's run draws the same examples; HYPOTHESIS_PROFILE=explore draws new ones. No time is judged: on
# a new machine the first text waits for a table of all characters.
_NO_CLOCK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _NO_CLOCK, derandomize=True)
settings.register_profile("explore", _NO_CLOCK, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

WEB = Path(__file__).parents[1] / "web"
PATIENCE = 60
"""Seconds that a browser may take for one step: other tests may have the processor."""
CHROMIUM, FIREFOX = find_browser("chromium"), find_browser("firefox")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exhaustive", action="store_true", help="also run the tests marked exhaustive")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """None leaves another --dist than that of `make test` to itself."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.sharing import FilesTogether

    return FilesTogether(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the tests and their order.

    What is `exhaustive` is left out unless it was asked for; what needs a browser that is not here is
    skipped; files that take longest come first.

    Processes share files out in this order (`make test`): one that starts a Java machine or holds slow tests
    and comes last would have all the others wait for it.
    """
    if not config.getoption("--exhaustive"):
        more = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=more)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    weights: Counter[Path] = Counter()
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        weights[item.path] += 10 * ("spark" in marks) + ("slow" in marks)
    items.sort(key=lambda item: -weights[item.path])
    for mark, found, package in (("browser", CHROMIUM, "chromium"), ("firefox", FIREFOX, "firefox-esr")):
        if found is None:
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(pytest.mark.skip(reason=f"none here: apt-get install {package}"))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """What drives browsers; a thread can have one at a time."""
    sync_api = pytest.importorskip("playwright.sync_api")
    sync_api.expect.set_options(timeout=1000 * PATIENCE)
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Iterator[Any]:
    """Chromium without a window, that asks nothing of the network by itself; mark the test `browser`."""
    assert CHROMIUM is not None, "mark the test `browser`"
    running = playwright.chromium.launch(**launch_options("chromium", CHROMIUM), timeout=1000 * PATIENCE)
    yield running
    running.close()


@pytest.fixture(scope="module")
def firefox(playwright: Any) -> Iterator[Any]:
    """Firefox without a window; mark the test `firefox` too."""
    assert FIREFOX is not None, "mark the test `firefox`"
    running = playwright.firefox.launch(**launch_options("firefox", FIREFOX), timeout=1000 * PATIENCE)
    yield running
    running.close()


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for exported networks, the same for all processes of these tests."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exports"


@pytest.fixture(scope="module")
def exported_networks(exports: Path) -> Iterator[Path]:
    """Equal networks are exported once, however many tests of a module train them."""
    from tests.exports import exported_once

    with exported_once(exports):
        yield exports


@pytest.fixture(scope="session")
def builder() -> Iterator[ModuleType]:
    """web/build.py."""
    with loaded_script(WEB / "build.py") as module:
        yield module


@pytest.fixture(scope="session")
def node(builder: ModuleType) -> Path:
    """Node, with the packages that package-lock.json names."""
    try:
        found: Path = builder.find_node()
    except builder.BuildError as error:
        pytest.skip(str(error))
    if not builder.has_packages():
        pytest.skip("the web packages are not installed: make web")
    return found
