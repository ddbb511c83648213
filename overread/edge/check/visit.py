"""One browser opens a site as a person would: it reads, then loses the network and reads again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from overread.edge.browsers import BrowserName
from overread.edge.check import page as asking
from overread.edge.check.answer import NO_ANSWER
from overread.edge.check.browser_report import BrowserReport
from overread.edge.check.elsewhere import foreign, refused_in
from overread.edge.check.launch import launched
from overread.edge.check.page import STEP_SECONDS, StepError
from overread.edge.check.photograph import Photograph
from overread.edge.loopback import Loopback

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_MOST_FAILURES = 3
"""Readings that come to nothing before a browser is given up."""


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
        async with launched(name, executable) as browser:
            report.version = browser.version
            with _problems_go_to(report):
                page = await _open(browser, server, report)
                with _problems_go_to(report):
                    report.selftest = await asking.run_self_test(page)
                    # A way that failed the test is left for a slower one: this is what reads.
                    report.runtime = report.selftest.pop("runtime", report.runtime)
                with _problems_go_to(report):
                    await _read_all(page, photographs, report, advance=advance)
                with _problems_go_to(report):
                    report.foreign |= foreign(await asking.refused_addresses(page), own=server.url)
                await _lose_the_network(page, server, report, probe=probe)
    report.answers += [NO_ANSWER] * (len(photographs) - len(report.answers))
    return report


@contextmanager
def _problems_go_to(report: BrowserReport) -> Iterator[None]:
    """What one step comes to does not keep the next from being tried."""
    from playwright.async_api import Error

    try:
        yield
    except StepError as error:
        report.problems.append(str(error))
    except Error as error:
        report.problems.append(error.message.splitlines()[0])


async def _open(browser: Browser, server: Loopback, report: BrowserReport) -> Page:
    context = await browser.new_context(service_workers="allow")
    context.set_default_timeout(STEP_SECONDS * 1000)
    context.on("request", lambda asked: report.foreign.update(foreign([asked.url], own=server.url)))
    await context.add_init_script(asking.LISTEN)
    page = await context.new_page()
    page.on("pageerror", lambda error: report.problems.append(f"the page stumbled: {error.message}"))
    page.on("console", lambda said: report.foreign.update(foreign(refused_in(said.text), own=server.url)))
    await page.goto(server.url)
    report.runtime = await asking.wait_until_open(page, step="opening")
    report.opened = True
    return page


async def _read_all(
    page: Page, photographs: Sequence[Photograph], report: BrowserReport, *, advance: Callable[[], None]
) -> None:
    times: list[float] = []
    failures: list[str] = []
    for photograph in photographs:
        try:
            answer, milliseconds = await asking.read(page, photograph)
        except StepError as error:
            failures.append(str(error))
            if len(failures) == _MOST_FAILURES:
                raise
            answer, milliseconds = NO_ANSWER, None
        report.answers.append(answer)
        times += [] if milliseconds is None else [milliseconds]
        advance()
    report.problems += failures[:1]
    report.read_ms = median(times) if times else None


async def _lose_the_network(
    page: Page, server: Loopback, report: BrowserReport, *, probe: Photograph
) -> None:
    from playwright.async_api import Error

    try:
        await asking.keep(page)
    finally:
        report.first_load_bytes = server.sent.bytes
    before, _ = await asking.read(page, probe)
    server.close()
    with suppress(Error):  # not every browser can be told; without a server it comes to the same
        await page.context.set_offline(True)
    await page.reload()
    await asking.wait_until_open(page, step="opening without the network")
    after, _ = await asking.read(page, probe)
    report.offline = before == after and bool(after.scores)
    if not report.offline:
        raise StepError("reads otherwise without the network than with it")
