"""The edge app for people who cannot see it well, use no mouse, or use a small screen; in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from overread.edge import write_site
from tests.browser.conftest import TESTED_APP
from tests.browser.drawn import draw_photographs, write_drawn_site
from tests.bundle.asking import asking_bundle

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here: `npm ci` in web/ brings it")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
# Everything that axe-core knows but what is only experimental.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OpenApp = Callable[[Any, str], None]


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, serve_site: Callable[[Path], AbstractContextManager[str]]
) -> Iterator[str]:
    site = write_drawn_site(tmp_path_factory.mktemp("drawn"), app=TESTED_APP)
    with serve_site(site) as served:
        yield served


@pytest.fixture(scope="module")
def asking_url(
    tmp_path_factory: pytest.TempPathFactory, serve_site: Callable[[Path], AbstractContextManager[str]]
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("asking")
    asking_bundle(folder / "bundle")
    write_site(folder / "bundle", folder / "site", app=TESTED_APP)
    with serve_site(folder / "site") as served:
        yield served


@pytest.fixture(scope="module")
def photographs() -> dict[str, bytes]:
    return draw_photographs() | {"empty.jpg": b"\xff\xd8nothing"}


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(
        viewport=PHONE, locale="en-GB", color_scheme="light", reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def choose(page: Any, photographs: dict[str, bytes], *names: str) -> None:
    files = [{"name": one, "mimeType": "image/jpeg", "buffer": photographs[one]} for one in names]
    page.locator("input[data-source=files]").first.set_input_files(files)


def violations(page: Any, **options: object) -> list[str]:
    """What axe-core finds, in words."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + "; 0")
    found = page.evaluate(
        "options => axe.run(document, options)", {"runOnly": RULES, "resultTypes": ["violations"], **options}
    )
    return [
        f"{one['id']}: {one['help']} ({node['html'][:120]}) {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def _open_all(page: Any) -> None:
    closed = page.locator("details:not([open]) > summary")
    while closed.count():
        closed.first.click()


def _states(page: Any, url: str, photographs: dict[str, bytes]) -> Iterator[str]:
    """Bring the page into each of its states, one after the other."""
    page.locator("html[data-self-test=passed]").wait_for()
    yield "start"
    choose(page, photographs, *photographs)
    page.locator(".photograph-list li").nth(4).get_by_text("Not readable").wait_for()
    yield "list"
    for name, shown in (
        ("lesion-arm.jpg", "Urgent"),
        ("lesion-back.jpg", "Routine"),
        ("letter.jpg", "Cannot assess"),
        ("dark.jpg", "Read it anyway"),
        ("empty.jpg", "This file cannot be read"),
    ):
        page.goto(f"{url}#read/list")
        page.get_by_text(name, exact=True).click()
        page.locator("main").get_by_text(shown, exact=True).first.wait_for()
        _open_all(page)
        yield f"result {shown}"
    page.goto(f"{url}#history")
    page.locator(".kept").nth(2).wait_for()
    yield "history"
    page.locator(".kept a").first.click()
    page.locator(".reading").wait_for()
    yield "kept reading"
    page.get_by_role("button", name="Erase").click()
    page.get_by_role("dialog").wait_for()
    yield "question"
    page.keyboard.press("Escape")
    page.goto(f"{url}#about")
    page.get_by_text("Not for children").first.wait_for()
    _open_all(page)
    yield "about"
    page.goto(f"{url}#settings")
    page.get_by_text("it reads without a network").wait_for()
    yield "settings"


@needs_axe
def test_axe_finds_nothing_in_any_state(
    page: Any, url: str, photographs: dict[str, bytes], open_app: OpenApp
) -> None:
    open_app(page, url)
    seen = []
    for state in _states(page, url, photographs):
        seen.append(state)
        assert violations(page) == [], state
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert violations(page, runOnly=["color-contrast"]) == [], f"{state}, dark"
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert _too_small(page) == [], state
    assert len(seen) == 12


@needs_axe
def test_axe_finds_nothing_where_the_reader_asks_or_refuses(
    page: Any, url: str, asking_url: str, photographs: dict[str, bytes], open_app: OpenApp
) -> None:
    open_app(page, asking_url)
    choose(page, photographs, "lesion-arm.jpg")
    page.get_by_label("Age").wait_for()
    assert violations(page) == []
    page.set_viewport_size(DESKTOP)
    page.get_by_role("button", name="Read", exact=True).click()
    page.locator(".reading").wait_for()
    assert violations(page) == []


_SMALL = """() => [...document.querySelectorAll('a[href], button, input, select, summary')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !one.closest('p, li > span, .notice .words, .for-readers-only, .skip'))
  .filter((one) => one.type !== 'checkbox')
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width} x ${box.height}`)"""


def _too_small(page: Any) -> list[str]:
    """What a thumb would miss: smaller than 44 pixels, and not inside a sentence."""
    found: list[str] = page.evaluate(_SMALL)
    return found


_FOCUSED = """() => { const one = document.activeElement;
  return (one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent).trim(); }"""


def _tab_to(page: Any, name: str, *, key: str = "Tab") -> None:
    """Press a key until the focus is on what is called so; it must be seen to be there."""
    passed = []
    for _ in range(40):
        page.keyboard.press(key)
        passed.append(page.evaluate(_FOCUSED))
        if passed[-1].startswith(name):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"'{name}' has the focus and does not show it"
            return
    raise AssertionError(f"'{name}' is not reached by {key}: {passed}")


def test_everything_can_be_done_without_a_mouse(
    page: Any, url: str, photographs: dict[str, bytes], open_app: OpenApp
) -> None:
    from playwright.sync_api import expect

    # Asked for long before: a key is faster than what tells the browser that a test answers.
    page.on("filechooser", lambda chooser: chooser.set_files([picture]))
    picture = {"name": "arm.jpg", "mimeType": "image/jpeg", "buffer": photographs["lesion-arm.jpg"]}
    open_app(page, url)
    page.locator("html[data-self-test=passed]").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED) == "Skip to the content"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    _tab_to(page, "Choose photographs")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Urgent")

    _tab_to(page, "Overlay")
    before = page.locator("canvas").first.evaluate("one => one.style.opacity")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("canvas").first).not_to_have_css("opacity", before)
    _tab_to(page, "Save as JSON")
    with page.expect_download():
        page.keyboard.press("Enter")

    _tab_to(page, "History", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    expect(page.locator("main")).to_be_focused()
    _tab_to(page, "Erase arm.jpg")
    page.keyboard.press("Space")
    page.get_by_role("dialog").wait_for()
    for _ in range(3):  # The focus stays in the question.
        page.keyboard.press("Tab")
        assert page.evaluate(
            "!!document.activeElement.closest('dialog') || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Erase arm.jpg")).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("dialog").wait_for()
    _tab_to(page, "Erase")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No readings yet")).to_be_visible()
    expect(page.locator("main")).to_be_focused()

    _tab_to(page, "Settings", key="Shift+Tab")
    page.keyboard.press("Enter")
    _tab_to(page, "Keep readings on this device")
    page.keyboard.press("Space")
    expect(page.get_by_role("switch", name="Keep readings on this device")).not_to_be_checked()


_OPERATED = {"button", "link", "textbox", "spinbutton", "combobox", "slider", "switch", "checkbox", "dialog"}


def test_a_screen_reader_hears_names_places_and_the_answer(
    page: Any, url: str, photographs: dict[str, bytes], open_app: OpenApp
) -> None:
    open_app(page, url)
    heard: dict[str, set[str]] = {}
    tree = page.context.new_cdp_session(page)
    for state in _states(page, url, photographs):
        nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
        said = [
            (one["role"]["value"], one.get("name", {}).get("value", ""))
            for one in nodes
            if not one.get("ignored") and "role" in one
        ]
        nameless = [role for role, name in said if role in _OPERATED and not name.strip()]
        assert nameless == [], state
        assert [role for role, _ in said].count("main") == 1 or state == "question", state
        heard[state] = {f"{role} {name}".strip() for role, name in said}
    assert len(heard) == 12
    assert {"banner", "navigation Places", "main"} <= heard["start"]
    assert "heading Urgent" in heard["result Urgent"]
    assert "article Urgent: lesion-arm.jpg" in heard["result Urgent"]
    assert "image Photograph lesion-arm.jpg" in heard["result Urgent"]
    assert "heading Cannot assess" in heard["result Cannot assess"]
    assert "dialog Erase this reading?" in heard["question"]
    assert "switch Keep readings on this device" in heard["settings"]


@pytest.mark.parametrize("locale", ["de-DE", pytest.param("en-GB", marks=pytest.mark.exhaustive)])
def test_nothing_is_cut_off_on_the_narrowest_screens(
    chromium: Any,
    url: str,
    photographs: dict[str, bytes],
    open_app: OpenApp,
    go_to: Callable[[Any, str], None],
    locale: str,
) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 640}, locale=locale)
    page = context.new_page()
    open_app(page, url)
    choose(page, photographs, "lesion-arm.jpg")
    page.locator(".reading").wait_for()
    for place in ("read/1", "history", "about", "settings", "read"):
        go_to(page, f"{url}#{place}")
        page.locator("h1").wait_for()
        wide = page.evaluate(
            """() => [...document.querySelectorAll('body *')]
              .filter((one) => one.checkVisibility() && !one.closest('.for-readers-only, .skip, table, pre'))
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
              .map((one) => one.outerHTML.slice(0, 100))"""
        )
        assert wide == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, place
    context.close()


def test_what_lighthouse_looks_at_besides(page: Any, url: str, open_app: OpenApp) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(str(error)))
    open_app(page, url)
    page.locator("html[data-self-test=passed]").wait_for()
    assert [one for one in told if not one.startswith(("info", "log", "debug"))] == []
    assert page.title() != ""
    head = {
        name: page.locator(f"meta[name={name}]").get_attribute("content")
        for name in ("viewport", "description")
    }
    assert "width=device-width" in head["viewport"]
    assert "user-scalable=no" not in head["viewport"]
    assert "maximum-scale" not in head["viewport"]
    assert len(head["description"] or "") > 20
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.evaluate("document.doctype.name + document.characterSet") == "htmlUTF-8"
    assert page.locator("link[rel=apple-touch-icon]").count() >= 1
    assert page.locator("meta[name=theme-color]").count() >= 1
