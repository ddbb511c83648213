"""A kept site in real browsers: without a network, with a new version, a changed byte, on a plain host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overread.bundle import Bundle
from overread.edge import load_site
from overread.edge.browsers import find_browser, launch_options
from overread.edge.loopback import Loopback
from overread.edge.serve import site_app
from overread.edge.token import with_token
from tests.browser.conftest import MakeSite
from tests.bundle.conftest import encode, make_pixels

pytestmark = pytest.mark.browser

KEPT = "html[data-self-test=passed][data-offline=kept]"
READS = "html[data-self-test=passed]"
REFUSES = "html[data-reader=problem]"
_READ = """async (bytes) => {
  const { reader } = window.overread;
  return (await reader.read(new Blob([new Uint8Array(bytes)]), { anyway: true })).scores;
}"""
_OPENED = (
    "async () => { const { site, runtime } = await window.overread.opened; return [site.bundle, runtime]; }"
)
_LIST = """async () => {
  const names = (await caches.keys()).filter((name) => name.includes("version"));
  return Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length));
}"""
_LOOK_FOR_NEW = """async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  return registration.update().then(() => true, () => false);
}"""


@pytest.fixture(scope="module")
def newer(make_site: MakeSite) -> Path:
    """The next version of `site`: other weights."""
    return make_site(seed=1, version="1.1.0")


@pytest.fixture
def host(site: Path, tmp_path: Path) -> Path:
    """A copy of the site whose files a test may change while they are served."""
    return Path(shutil.copytree(site, tmp_path / "host"))


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """A browser profile of one's own: nothing is kept in it yet."""
    made = chromium.new_context(locale="en-GB")
    yield made
    made.close()


def put(source: Path, host: Path) -> None:
    """What the host serves from now on."""
    shutil.rmtree(host)
    shutil.copytree(source, host)


def change_a_byte(path: Path) -> bytes:
    """The last one; returns what it was. A host that compresses by itself has no compressed files beside."""
    for suffix in (".br", ".gz"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return content


def scores_of(page: Any) -> list[float]:
    return [float(one) for one in page.evaluate(_READ, list(PICTURE))]


PICTURE = encode(make_pixels(3))


def test_reads_without_a_network_and_with_threads_though_the_host_sends_no_headers(
    site: Path, tmp_path: Path, context: Any
) -> None:
    page = context.new_page()
    loaded: list[str] = []
    page.on("domcontentloaded", lambda _: loaded.append(page.url))
    with Loopback(site, isolated=False) as host:
        page.goto(host.url)
        page.wait_for_selector(KEPT)
        assert loaded == [host.url] * 2  # again, once, to have threads
        before = scores_of(page)
        assert all(host.sent.paths >= {f"/{one.path}"} for one in load_site(site).files if one.precache)
    page.reload()
    page.wait_for_selector(KEPT)
    bundle, runtime = page.evaluate(_OPENED)
    assert page.evaluate("crossOriginIsolated")
    assert (bundle, runtime["isolated"], runtime["threads"] > 1) == ("skin@1.0.0", True, True)
    assert scores_of(page) == before
    read = Bundle.load(site.parent / "bundle").read([_written(tmp_path)])
    assert before == pytest.approx(list(read[0].scores), abs=1e-5)


def _written(folder: Path) -> Path:
    path = folder / "picture.png"
    path.write_bytes(PICTURE)
    return path


@pytest.mark.firefox
@pytest.mark.parametrize("isolated", [pytest.param(True, marks=pytest.mark.exhaustive), False])
def test_firefox_reads_without_a_network_and_with_threads_too(
    isolated: bool, site: Path, firefox: Any
) -> None:
    context = firefox.new_context()
    page = context.new_page()
    with Loopback(site, isolated=isolated) as host:
        page.goto(host.url)
        page.wait_for_selector(KEPT)
        before = scores_of(page)
    page.reload()
    page.wait_for_selector(KEPT)
    assert page.evaluate("crossOriginIsolated")
    assert scores_of(page) == before
    context.close()


def test_reads_with_one_thread_and_never_loads_again_where_no_service_worker_may_run(
    site: Path, chromium: Any
) -> None:
    context = chromium.new_context(service_workers="block")
    page = context.new_page()
    loaded: list[str] = []
    page.on("domcontentloaded", lambda _: loaded.append(page.url))
    with Loopback(site, isolated=False) as host:
        page.goto(host.url)
        page.wait_for_selector(READS)
        assert page.evaluate(_OPENED)[1]["threads"] == 1
        assert loaded == [host.url]
    context.close()


def test_a_new_version_waits_until_it_is_accepted(host: Path, newer: Path, context: Any) -> None:
    with Loopback(host) as server:
        first = context.new_page()
        first.goto(server.url)
        first.wait_for_selector(KEPT)
        old = scores_of(first)
        put(newer, host)
        first.reload()
        first.get_by_role("button", name="Use it now").wait_for()
        assert "skin@1.1.0 can take the place of skin@1.0.0" in first.inner_text("main")
        assert scores_of(first) == old
        # Closing every page is no consent.
        first.close()
        first, second = context.new_page(), context.new_page()
        for page in (first, second):
            page.goto(server.url)
            page.wait_for_selector(KEPT)
            assert page.evaluate(_OPENED)[0] == "skin@1.0.0"
        second.get_by_role("button", name="Later").click()
        with first.expect_navigation():
            first.get_by_role("button", name="Use it now").click()
        first.wait_for_selector(KEPT)
        assert first.evaluate(_OPENED)[0] == "skin@1.1.0"
        assert scores_of(first) != old
        assert first.get_by_role("button", name="Use it now").count() == 0
        # The other tab goes on with what it has, and can still fetch its own scripts.
        second.get_by_text("A new version is in use in another tab.").wait_for()
        assert scores_of(second) == old
        assert len(first.evaluate(_LIST)) == 2
        with second.expect_navigation():
            second.get_by_role("button", name="Load it here too").click()
        second.wait_for_selector(KEPT)
        assert second.evaluate(_OPENED)[0] == "skin@1.1.0"
        first.close()
    second.reload()
    second.wait_for_selector(KEPT)
    assert second.evaluate(_OPENED)[0] == "skin@1.1.0"
    assert second.evaluate(_LIST) == [sum(one.precache for one in load_site(newer).files) + 1]


def test_a_new_version_with_a_changed_byte_is_not_taken(host: Path, newer: Path, context: Any) -> None:
    with Loopback(host) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(KEPT)
        put(newer, host)
        changed = load_site(host).network
        change_a_byte(host / changed)
        page.reload()
        page.get_by_text(f"A new version could not be kept, as the file {changed} is not the one").wait_for()
        page.wait_for_selector(KEPT)
        assert page.evaluate(_OPENED)[0] == "skin@1.0.0"


@pytest.mark.parametrize(
    "which",
    [
        "bundle/network.onnx",
        "*.wasm",
        *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("bundle/bundle.json", "index.html")),
    ],
)
def test_a_changed_byte_is_refused_by_name_until_the_host_has_mended_it(
    which: str, host: Path, context: Any
) -> None:
    path = next(one for one in sorted(host.rglob("*")) if one.match(which))
    content = change_a_byte(path)
    with Loopback(host) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(REFUSES)
        refusal = page.get_by_role("alert")
        assert f"The file {path.relative_to(host).as_posix()} is not the one" in refusal.inner_text()
        assert page.locator("input[type=file]").count() == 0
        path.write_bytes(content)
        with page.expect_navigation():
            page.get_by_role("button", name="Load it again").click()
        page.wait_for_selector(KEPT)


def test_a_byte_changed_on_the_device_is_refused_and_mended(site: Path, context: Any) -> None:
    with Loopback(site) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(KEPT)
        page.evaluate(
            """async () => {
              const name = (await caches.keys()).find((one) => one.includes("version"));
              const cache = await caches.open(name);
              const address = new URL("bundle/network.onnx", document.baseURI).href;
              const bytes = new Uint8Array(await (await cache.match(address)).arrayBuffer());
              bytes[bytes.length - 1] ^= 1;
              await cache.put(address, new Response(bytes));
            }"""
        )
        page.reload()
        page.wait_for_selector(REFUSES)
        assert "bundle/network.onnx" in page.get_by_role("alert").inner_text()
        with page.expect_navigation():
            page.get_by_role("button", name="Load it again").click()
        page.wait_for_selector(KEPT)


def test_without_https_it_reads_and_says_what_to_do(site: Path, playwright: Any) -> None:
    executable = find_browser("chromium")
    assert executable is not None
    options = launch_options("chromium", executable)
    options["args"] = [*options["args"], "--host-resolver-rules=MAP clinic.test 127.0.0.1"]
    browser = playwright.chromium.launch(**options)
    try:
        page = browser.new_page(locale="en-GB")
        with Loopback(site) as server:
            page.goto(server.url.replace("127.0.0.1", "clinic.test"))
            page.wait_for_selector(f"{READS}[data-offline=insecure]")
            assert not page.evaluate("isSecureContext")
            page.get_by_text("ask whoever runs this site for an https address").first.wait_for()
            assert len(scores_of(page)) == 1
    finally:
        browser.close()


def test_an_address_with_a_token_reaches_the_host_though_the_site_is_kept(
    site: Path, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ["first"]

    def guarded(folder: Path, **settings: bool) -> Any:
        async def answer(*call: Any) -> None:
            await with_token(site_app(folder, **settings), token[0], secure=False)(*call)

        return answer

    monkeypatch.setattr("overread.edge.loopback.site_app", guarded)
    page = context.new_page()
    with Loopback(site) as server:
        page.goto(f"{server.url}?token=first")
        page.wait_for_selector(KEPT)
        token[0] = "second"
        page.goto(server.url)  # the cookie counts no more, the kept site does
        page.wait_for_selector(KEPT)
        assert not page.evaluate(_LOOK_FOR_NEW)
        page.goto(f"{server.url}?token=second")
        page.wait_for_selector(KEPT)
        assert page.url == server.url
        assert page.evaluate(_LOOK_FOR_NEW)


def test_can_be_installed(site: Path, context: Any) -> None:
    with Loopback(site) as server:
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_selector(KEPT)
        asked = context.new_cdp_session(page)
        errors = asked.send("Page.getInstallabilityErrors")["installabilityErrors"]
        manifest = asked.send("Page.getAppManifest")
        assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []
        assert manifest["errors"] == []
        assert '"short_name": "skin"' in manifest["data"]
