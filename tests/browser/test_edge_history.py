"""What the page keeps of its readings, forgets when asked, and writes into files; in a real Chromium."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from overread.bundle import Bundle
from tests.bundle.conftest import encode, make_pixels

pytestmark = pytest.mark.browser

OpenApp = Callable[[Any, str], None]
PHONE = {"width": 390, "height": 844}
PHOTOGRAPHS = {f"Grüße {seed}.png": encode(make_pixels(seed)) for seed in range(3)}


@pytest.fixture(scope="module")
def url(site: Path, serve_site: Callable[[Path], AbstractContextManager[str]]) -> Iterator[str]:
    with serve_site(site) as served:
        yield served


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a device that has never been here."""
    context = chromium.new_context(viewport=PHONE, locale="en-GB", accept_downloads=True)
    yield context.new_page()
    context.close()


def _read(page: Any, *names: str) -> None:
    files = [{"name": name, "mimeType": "image/png", "buffer": PHOTOGRAPHS[name]} for name in names]
    page.locator("input[data-source=files]").first.set_input_files(files)
    shown = ".reading" if len(files) == 1 else f".photograph-list .decision-mark >> nth={len(files) - 1}"
    page.wait_for_selector(shown)


def _rows(page: Any) -> Any:
    return page.locator(".kept")


def _button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def test_readings_outlive_the_page_and_the_network_until_they_are_erased(
    page: Any, url: str, open_app: OpenApp
) -> None:
    from playwright.sync_api import expect

    open_app(page, url)
    _read(page, *PHOTOGRAPHS)
    page.goto(f"{url}#history")
    expect(_rows(page)).to_have_count(3)
    page.goto(f"{url}#settings")
    page.get_by_text("it reads without a network").wait_for()
    page.context.set_offline(True)
    page.goto(f"{url}#history")
    page.reload()
    expect(_rows(page)).to_have_count(3)
    expect(_rows(page).first.locator("img")).to_be_visible()

    _button(page, "Erase Grüße 1.png").click()
    expect(_button(page, "Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(_rows(page)).to_have_count(3)

    _button(page, "Erase Grüße 1.png").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(_rows(page)).to_have_count(2)
    expect(page.get_by_text("Grüße 1.png")).to_have_count(0)

    _rows(page).first.locator("a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Grüße"))
    _button(page, "Erase").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(_rows(page)).to_have_count(1)

    _button(page, "Erase all").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.get_by_text("No readings yet")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No readings yet")).to_be_visible()


def test_a_history_that_is_off_keeps_nothing_and_asks_about_what_is_there(
    page: Any, url: str, open_app: OpenApp
) -> None:
    from playwright.sync_api import expect

    open_app(page, url)
    _read(page, "Grüße 0.png")
    page.goto(f"{url}#settings")
    switch = page.get_by_role("switch", name="Keep readings on this device")
    switch.uncheck()
    _button(page, "Leave them").click()
    page.goto(f"{url}#read")
    _read(page, "Grüße 1.png")
    page.goto(f"{url}#history")
    expect(page.get_by_text("The history is off")).to_be_visible()
    expect(_rows(page)).to_have_count(1)
    expect(page.get_by_text("Grüße 0.png")).to_be_visible()

    page.goto(f"{url}#settings")
    page.reload()
    expect(switch).not_to_be_checked()
    switch.check()
    switch.uncheck()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.get_by_text("Erased.")).to_be_visible()
    page.goto(f"{url}#history")
    expect(page.get_by_text("No readings yet")).to_be_visible()


def test_a_reading_is_shown_though_the_device_is_full(page: Any, url: str, open_app: OpenApp) -> None:
    from playwright.sync_api import expect

    open_app(page, url)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": url.rstrip("/"), "quotaSize": 1})
    _read(page, "Grüße 0.png")
    expect(page.get_by_text("this device has no room left")).to_be_visible()
    page.goto(f"{url}#history")
    expect(page.get_by_text("No readings yet")).to_be_visible()


def test_a_browser_without_storage_reads_and_says_so(page: Any, url: str, open_app: OpenApp) -> None:
    from playwright.sync_api import expect

    page.add_init_script("delete window.indexedDB; delete IDBFactory.prototype.open")
    open_app(page, url)
    _read(page, "Grüße 0.png")
    expect(page.get_by_text("this browser allows no storage here")).to_be_visible()


def test_the_exports_say_what_python_says(
    page: Any, url: str, site: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    name = "Grüße 2.png"
    open_app(page, url)
    _read(page, name)
    python = Bundle.load(site.parent / "bundle").read([PHOTOGRAPHS[name]])[0]

    with page.expect_download() as told:
        _button(page, "Save as JSON").click()
    told.value.save_as(tmp_path / "reading.json")
    row = json.loads((tmp_path / "reading.json").read_text("utf-8"))["readings"][0]
    assert told.value.suggested_filename.startswith("Grüße 2 reading ")
    assert row["score.malignant"] == pytest.approx(float(python.scores[0]), abs=1e-5)
    assert row["novelty"] == pytest.approx(python.novelty, abs=1e-4)
    for column in ("decision", "operating_point", "bundle", "sha256", "reason"):
        assert row[column] == getattr(python, column), column
    assert row["uri"] == name
    assert row["site"] == json.loads((site / "site.json").read_text())["digest"]

    with page.expect_download() as told:
        _button(page, "Save as PDF").click()
    told.value.save_as(tmp_path / "reading.pdf")
    words, pictures, pages = _inside((tmp_path / "reading.pdf").read_bytes())
    assert (pages, pictures) == (1, 2)
    for one in ("Not a diagnosis", name, python.sha256):
        assert one in words
    decision = {"urgent": "Urgent", "routine": "Routine", "cannot-assess": "Cannot assess"}[python.decision]
    assert decision in words


def _inside(pdf: bytes) -> tuple[str, int, int]:
    """Words, pictures and pages of a PDF."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    drawn = b"".join(zlib.decompress(one) for one in streams if one[:1] == b"\x78")
    words = [one.decode("cp1252") for one in re.findall(rb"\((.*?)(?<!\\)\) Tj", drawn)]
    pictures = len(re.findall(rb"/Filter /DCTDecode", pdf))
    return "\n".join(words), pictures, len(re.findall(rb"/Type /Page\b", pdf))


def test_language_and_theme_are_kept(page: Any, url: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{url}#settings")
    page.get_by_label("Language", exact=True).select_option(label="Deutsch")
    page.get_by_label("Darstellung", exact=True).select_option(label="Dunkel")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("Einstellungen")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


@pytest.mark.firefox
@pytest.mark.exhaustive
def test_two_tabs_of_firefox_show_the_same_history(firefox: Any, url: str, open_app: OpenApp) -> None:
    from playwright.sync_api import expect

    context = firefox.new_context(viewport=PHONE, locale="en-GB")
    page, other = context.new_page(), context.new_page()
    open_app(page, url)
    _read(page, "Grüße 0.png", "Grüße 1.png")
    for tab in (page, other):
        tab.goto(f"{url}#history")
        expect(_rows(tab)).to_have_count(2)
    _button(other, "Erase Grüße 1.png").click()
    other.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(_rows(page)).to_have_count(1)
    page.reload()
    expect(_rows(page)).to_have_count(1)
    expect(_rows(page).locator("img")).to_be_visible()
    context.close()
