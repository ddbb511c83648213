"""Nothing is loaded from elsewhere: the pages do not ask for it, and their policy would not let them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from overread.edge.loopback import Loopback
from tests.browser.conftest import TESTED_APP
from tests.bundle.conftest import encode, make_pixels

# Names of formats, advice in messages, and a viewer that jsPDF could open in a window of its own: no page
# asks for it, and the policy would refuse it.
_ONLY_NAMES = re.compile(
    r"https?://(www\.w3\.org/|localhost\b|jspdf\.default\.namespaceuri/|web\.dev/cross-origin-isolation-guide"
    r"|rolldown\.rs/|cdnjs\.cloudflare\.com/ajax/libs/pdfobject/)"
)
_TRIES = {
    "fetch": "fetch(URL)",
    "beacon": "Promise.reject(navigator.sendBeacon(URL))",  # says nothing; that nothing came is seen below
    "image": "new Promise((y, n) => Object.assign(new Image(), {onload: y, onerror: n}).src = URL)",
    "script": """new Promise((y, n) => document.head.append(Object.assign(document.createElement('script'),
        {onload: y, onerror: n, src: URL + 'a.js'})))""",
    "module": "import(URL + 'a.js')",
    "style": """new Promise((y, n) => document.head.append(Object.assign(document.createElement('link'),
        {rel: 'stylesheet', onload: y, onerror: n, href: URL + 'a.css'})))""",
    "frame": """new Promise((y, n) => { document.addEventListener('securitypolicyviolation', n, {once: true});
        document.body.append(Object.assign(document.createElement('iframe'), {src: URL})); })""",
    "worker": """new Promise((y, n) => {
        const code = "fetch(URL).then(() => postMessage('reached'), () => postMessage('refused'))";
        const made = new Worker(window.URL.createObjectURL(new Blob([code])));
        made.onmessage = (said) => (said.data === 'reached' ? y() : n()); })""",
}


def test_the_built_pages_name_no_other_host() -> None:
    read = {".css", ".html", ".js", ".json", ".mjs", ".svg", ".webmanifest"}
    for path in sorted(TESTED_APP.rglob("*")):
        if path.suffix in read:
            found = re.findall(r"https?://[^\s\"'`\\)]+", path.read_text("utf-8"))
            assert [one for one in found if not _ONLY_NAMES.match(one)] == [], path.name
            assert not re.search(r"(src|href)=[\"']?//", path.read_text("utf-8")), path.name


@pytest.mark.browser
def test_a_visit_to_every_place_asks_only_the_site(
    chromium: Any,
    site: Path,
    serve_site: Callable[[Path], AbstractContextManager[str]],
    open_app: Callable[[Any, str], None],
    go_to: Callable[[Any, str], None],
) -> None:
    with serve_site(site) as url:
        context = chromium.new_context(viewport={"width": 390, "height": 844})
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        open_app(page, url)
        page.wait_for_selector("html[data-self-test=passed]", state="attached")
        photograph = {"name": "a.png", "mimeType": "image/png", "buffer": encode(make_pixels(1))}
        page.locator("input[data-source=files]").first.set_input_files(photograph)
        page.wait_for_selector(".scores strong")
        for place in ("history", "about", "settings", "read"):
            go_to(page, f"{url}#{place}")
        context.close()
    assert len(asked) > 8
    assert [one for one in asked if not one.startswith((url, f"blob:{url}", "data:"))] == []


@pytest.mark.browser
@pytest.mark.parametrize("isolated", [True, False])
def test_the_policy_lets_neither_page_nor_reader_reach_another_host(
    chromium: Any, site: Path, open_app: Callable[[Any, str], None], isolated: bool
) -> None:
    """Also where the host sends no headers: there the service worker adds them."""
    with Loopback(site, isolated=isolated) as here, Loopback(site, isolated=False) as elsewhere:
        context = chromium.new_context()
        page = context.new_page()
        open_app(page, here.url)
        for name, code in _TRIES.items():
            code = re.sub(r"(?<!\.)\bURL\b", f"'{elsewhere.url}'", code)
            got = page.evaluate(f"() => ({code}).then(() => 'reached', () => 'refused')")
            assert got == "refused", name
        readers = [one for one in page.workers if "/assets/worker-" in one.url]
        assert readers
        for reader in readers:
            reached = f"fetch('{elsewhere.url}').then(() => 'reached', () => 'refused')"
            assert reader.evaluate(reached) == "refused"
        context.close()
        assert elsewhere.sent.paths == set()
