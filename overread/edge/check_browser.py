"""One browser opens a site as a person would: it reads, then loses the network and reads again."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from overread.edge.browsers import BrowserName, launch_options
from overread.edge.check_parity import NO_ANSWER, Answer, Photograph
from overread.edge.loopback import Loopback
from overread.errors import DecodeError, OverreadError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_SECONDS = 180
"""For one step; much patience, for a machine that has other things to do."""

_MOST_FAILURES = 3
"""Readings that come to nothing before a browser is given up."""

_ADDRESS = re.compile(r"(?:https?|wss?)://[^\s'\"\\)]+")

# What a page's own rules stop never becomes a request.
_LISTEN = """
  const refused = (self.overreadRefused = []);
  addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
"""
_REFUSED = """() => self.overreadRefused"""
_OPENED = """() => window.overread.opened.then(({ runtime }) => runtime)"""
_KEPT = """() => navigator.serviceWorker
  ? navigator.serviceWorker.ready.then(() => "")
  : Promise.resolve("this browser has no service workers")"""
# What the page throws across threads is a plain object, which Playwright would call "[object Object]".
_CAREFULLY = """async (given) => {
  try {
    return { value: await (%s)(given) };
  } catch (thrown) {
    const { problem, where, detail } = thrown ?? {};
    return { thrown: problem ? `${problem}: ${where} ${detail}` : String(thrown) };
  }
}"""
_SELF_TEST = """() => window.overread.reader.selfTest()"""
_READ = """async ([base64, type]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const said = await window.overread.reader.read(new Blob([bytes], { type }), { anyway: true });
  return { ...said, saliency: null };
}"""


class _StepError(Exception):
    """A step that came to nothing, in a sentence."""


@dataclass
class BrowserReport:
    """What one browser showed; filled in step by step, so that a failure leaves what came before.

    Args:
        version: Of the browser.
        opened: Whether the page's reader opened.
        runtime: What the page says of it: threads, backend, decoder, …
        selftest: What the page says of its self-test.
        offline: Whether it read after a reload without the network, as before.
        first_load_bytes: That the host sent until the site was kept for offline use.
        foreign: Addresses elsewhere that the page tried to reach.
        answers: One a photograph.
        read_ms: Median milliseconds of a photograph, from its bytes to its reading.
        problems: What went wrong, a sentence each.
    """

    version: str = ""
    opened: bool = False
    runtime: dict[str, Any] = field(default_factory=dict)
    selftest: dict[str, Any] = field(default_factory=dict)
    offline: bool = False
    first_load_bytes: int = 0
    foreign: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    read_ms: float | None = None
    problems: list[str] = field(default_factory=list)


async def look(
    name: BrowserName,
    executable: str,
    *,
    folder: Path,
    photographs: Sequence[Photograph],
    probe: Photograph,
    advance: Callable[[], None],
) -> BrowserReport:
    """Let a browser open a site and read.

    Args:
        name: Which.
        executable: Its path.
        folder: The site.
        photographs: To be read.
        probe: The picture that is read again without the network.
        advance: Called after each photograph.

    Raises:
        OverreadError: The browser does not start.
    """
    report = BrowserReport()
    with Loopback(folder) as server:
        async with _running(name, executable) as browser:
            report.version = browser.version
            with _problems_go_to(report):
                page = await _open(browser, server, report)
                with _problems_go_to(report):
                    report.selftest = await _ask(page, _SELF_TEST, step="testing itself")
                    # A way that failed the test is left for a slower one: this is what reads.
                    report.runtime = report.selftest.pop("runtime", report.runtime)
                with _problems_go_to(report):
                    await _read_all(page, photographs, report, advance=advance)
                with _problems_go_to(report):
                    refused = await _ask(page, _REFUSED, step="asking what was stopped")
                    _note_foreign(refused, own=server.url, foreign=report.foreign)
                await _lose_the_network(page, server, report, probe=probe)
    report.answers += [NO_ANSWER] * (len(photographs) - len(report.answers))
    return report


@contextmanager
def _problems_go_to(report: BrowserReport) -> Iterator[None]:
    """What one step comes to does not keep the next from being tried."""
    from playwright.async_api import Error

    try:
        yield
    except _StepError as error:
        report.problems.append(str(error))
    except Error as error:
        report.problems.append(error.message.splitlines()[0])


async def _open(browser: Browser, server: Loopback, report: BrowserReport) -> Page:
    context = await browser.new_context(service_workers="allow")
    context.set_default_timeout(_SECONDS * 1000)
    seen = partial(_note_foreign, own=server.url, foreign=report.foreign)
    context.on("request", lambda asked: seen([asked.url]))
    await context.add_init_script(_LISTEN)
    page = await context.new_page()
    page.on("pageerror", lambda error: report.problems.append(f"the page stumbled: {error.message}"))
    page.on("console", lambda message: seen(_refused(message.text)))
    await page.goto(server.url)
    report.runtime = await _ask(page, _OPENED, step="opening")
    report.opened = True
    return page


async def _read_all(
    page: Page, photographs: Sequence[Photograph], report: BrowserReport, *, advance: Callable[[], None]
) -> None:
    times: list[float] = []
    failures: list[str] = []
    for photograph in photographs:
        try:
            answer, milliseconds = await _read(page, photograph)
        except _StepError as error:
            failures.append(str(error))
            if len(failures) == _MOST_FAILURES:
                raise
            answer, milliseconds = NO_ANSWER, []
        report.answers.append(answer)
        times += milliseconds
        advance()
    report.problems += failures[:1]
    report.read_ms = median(times) if times else None


async def _lose_the_network(
    page: Page, server: Loopback, report: BrowserReport, *, probe: Photograph
) -> None:
    from playwright.async_api import Error

    kept = await _ask(page, _KEPT, step="keeping the site for offline use")
    report.first_load_bytes = server.sent.bytes
    if kept:
        raise _StepError(f"cannot keep the site for offline use: {kept}")
    before, _ = await _read(page, probe)
    server.close()
    with suppress(Error):  # not every browser can be told; without a server it comes to the same
        await page.context.set_offline(True)
    await page.reload()
    await _ask(page, _OPENED, step="opening without the network")
    after, _ = await _read(page, probe)
    report.offline = before == after and bool(after.scores)
    if not report.offline:
        raise _StepError("reads otherwise without the network than with it")


@asynccontextmanager
async def _running(name: BrowserName, executable: str) -> AsyncIterator[Browser]:
    from playwright.async_api import Error, async_playwright

    # A home of its own: in containers it often cannot be written to, or is another's, and Firefox gives up.
    with TemporaryDirectory(prefix="overread-", ignore_cleanup_errors=True) as home:
        async with async_playwright() as playwright:
            kind = playwright.chromium if name == "chromium" else playwright.firefox
            try:
                browser = await kind.launch(
                    **launch_options(name, executable),
                    env={**os.environ, "HOME": home},
                    timeout=_SECONDS * 1000,
                )
            except Error as error:
                raise OverreadError(
                    f"does not start ({error.message.splitlines()[0]})", where=f"browser '{executable}'"
                ) from error
            try:
                yield browser
            finally:
                with suppress(Exception):  # gone already: Ctrl-C reaches Playwright's process too
                    await browser.close()


async def _read(page: Page, photograph: Photograph) -> tuple[Answer, list[float]]:
    """The page's answer, and how many milliseconds it says that a reading took."""
    try:
        content = photograph.content()
    except DecodeError as error:  # no browser can be given it either
        return Answer(reject=error.reason), []
    given = [base64.b64encode(content).decode(), photograph.media_type]
    told = await _ask(page, _READ, given, step="reading")
    if told["kind"] == "reading":
        answer = Answer(
            decision=told["decision"],
            scores=tuple(float(score) for score in told["scores"]),
            sha256=told["sha256"],
            novelty=float(told["novelty"]),
            quality=tuple(told["quality"]),
        )
        return answer, [float(sum(told["timing"].values()))]
    return Answer(reject=told["reason"]), []


async def _ask(page: Page, script: str, given: object = None, *, step: str) -> Any:
    asked = asyncio.ensure_future(page.evaluate(_CAREFULLY % script, given))
    # Where nobody waits any longer, what it ends with when the browser closes is no news.
    asked.add_done_callback(lambda one: one.cancelled() or one.exception())
    done, _ = await asyncio.wait({asked}, timeout=_SECONDS)
    if not done:
        raise _StepError(f"{step} took more than {_SECONDS} seconds")
    told = asked.result()
    if "thrown" in told:
        raise _StepError(f"{step} failed ({told['thrown'].strip()})")
    return told["value"]


def _note_foreign(urls: Iterable[str], *, own: str, foreign: set[str]) -> None:
    foreign.update(url for url in urls if _ADDRESS.match(url) and not url.startswith(own))


def _refused(text: str) -> list[str]:
    """What was stopped in a worker is said on the console alone."""
    named = "Content Security Policy" in text or "Content-Security-Policy" in text
    return [url.rstrip(".,;") for url in _ADDRESS.findall(text)] if named else []
