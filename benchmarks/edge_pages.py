"""Pages that read photographs: ours and the peer's, open in real browsers and timed in turn."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_peer

from overread.edge.browsers import BrowserName, find_browser, launch_options
from overread.edge.loopback import Loopback

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SLOWED = 4  # times; what the DevTools call a mid-tier phone
_OPEN_SECONDS = 120

# Milliseconds as the page sees them: the way to the worker and back is in them.
_READ = """async (content) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const file = new Blob([bytes], { type: "image/jpeg" });
  const begun = performance.now();
  const said = await window.overread.reader.read(file, { anyway: true });
  const { decodeMs, preprocessMs, networkMs } = said.timing;
  return { ms: performance.now() - begun, parts: [decodeMs, preprocessMs, networkMs],
           value: said.scores[0], decision: said.decision };
}"""
_READ_PEER = """async (content) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const begun = performance.now();
  const { value, ms } = await window.peer.read(bytes);
  return { ms: performance.now() - begun, parts: ms, value };
}"""
_OPENED = """() => window.overread.opened.then(
  ({ runtime }) => runtime, (problem) => { throw new Error(JSON.stringify(problem)); })"""


@dataclass
class OpenPage:
    """A page that reads.

    Attributes:
        page: Playwright's.
        script: What reads one photograph in it.
        runtime: What it says of itself.
        clock: Seconds of processor that pages took so far; None where the browser does not say.
    """

    page: Any
    script: str
    runtime: dict[str, Any]
    clock: Callable[[], float] | None

    def read(self, photograph: bytes) -> dict[str, Any]:
        """Milliseconds and score of one photograph."""
        found: dict[str, Any] = self.page.evaluate(self.script, base64.b64encode(photograph).decode())
        return found

    def read_many(self, photographs: Sequence[bytes]) -> float:
        """Milliseconds of processor an image, of all threads of the page's process; NaN where none tells."""
        if self.clock is None:
            return math.nan
        begun = self.clock()
        for photograph in photographs:
            self.read(photograph)
        return 1000 * (self.clock() - begun) / len(photographs)


@contextmanager
def browsers(names: Sequence[BrowserName]) -> Iterator[dict[BrowserName, Any]]:
    """Those of the browsers that this machine has, running."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, ExitStack() as stack:
        running = {}
        for name in names:
            executable = find_browser(name)
            if executable:
                running[name] = getattr(playwright, name).launch(**launch_options(name, executable))
                stack.callback(running[name].close)
        yield running


@contextmanager
def our_page(browser: Any, site: Path, *, threads: int) -> Iterator[OpenPage]:
    """The app on a site; more threads than one need a host that isolates the page."""
    with Loopback(site, isolated=threads > 1) as host:
        # A service worker would isolate the page on any host.
        context = browser.new_context(service_workers="block")
        page = context.new_page()
        try:
            page.goto(host.url)
            yield OpenPage(page, _READ, page.evaluate(_OPENED), _clock(browser))
        finally:
            context.close()


@contextmanager
def peer_page(browser: Any, model: Path, *, threads: int) -> Iterator[OpenPage]:
    """TensorFlow.js with the same layers."""
    with edge_peer.serving(model, isolated=threads > 1) as url:
        context = browser.new_context()
        page = context.new_page()
        try:
            page.goto(url)
            runtime = page.evaluate("(threads) => window.peer.open(threads)", threads)
            yield OpenPage(page, _READ_PEER, runtime, _clock(browser))
        finally:
            context.close()


def _clock(browser: Any) -> Callable[[], float] | None:
    """Processor time of all pages' processes: only one page works at a time."""
    if browser.browser_type.name != "chromium":
        return None
    tools = browser.new_browser_cdp_session()

    def spent() -> float:
        processes = tools.send("SystemInfo.getProcessInfo")["processInfo"]
        return sum(_processor_seconds(one) for one in processes if one["type"] == "renderer")

    return spent


def _processor_seconds(process: dict[str, Any]) -> float:
    """Of all threads; Linux counts nanoseconds, the browser itself hundredths of a second."""
    counts = list(Path(f"/proc/{process['id']}/task").glob("*/schedstat"))
    if not counts:
        return float(process["cpuTime"])
    seconds = 0.0
    for count in counts:
        with suppress(OSError):  # a thread that has just ended
            seconds += int(count.read_text("ascii").split()[0]) / 1e9
    return seconds


def first_answer(browser: Any, site: Path, photograph: bytes) -> dict[str, float]:
    """Seconds to the first answer on the phone profile, and what the first visit loads.

    Returns:
        "first_visit_s" from an empty cache, "s" in a new page afterwards, with the host shut down;
        "bytes" of the first visit as they went over the wire.
    """
    found: dict[str, float] = {}
    with ExitStack() as stack:
        host = stack.enter_context(Loopback(site))
        context = browser.new_context(**PHONE)
        stack.callback(context.close)
        found["first_visit_s"] = _answer(context, host.url, photograph, kept=True)
        found["bytes"] = host.sent.bytes
        context.set_offline(True)
        found["s"] = _answer(context, host.url, photograph, kept=False)
    return found


def _answer(context: Any, url: str, photograph: bytes, *, kept: bool) -> float:
    """Seconds from the address to the first reading on the page, of a photograph that is chosen at once.

    `kept`: then wait until the site is kept for offline use and has passed its self-test.
    """
    page = context.new_page()
    slow = context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    file = {"name": "photograph.jpg", "mimeType": "image/jpeg", "buffer": photograph}
    patience = 1000 * _OPEN_SECONDS
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator("input[data-source=files]").first.set_input_files(file, timeout=patience)
    page.wait_for_selector("article.reading, .retake", timeout=patience)
    seconds = time.perf_counter() - begun
    if kept:
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        for state in ("offline=kept", "self-test=passed"):
            page.wait_for_selector(f"html[data-{state}]", state="attached", timeout=patience)
    page.close()
    return seconds
