"""What is asked of a site's page while a browser shows it, and what the page answers."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from overread.edge.check.answer import Answer
from overread.edge.check.photograph import Photograph
from overread.errors import DecodeError

if TYPE_CHECKING:
    from playwright.async_api import Page

STEP_SECONDS = 180
"""For one step; much patience, for a machine that has other things to do."""

LISTEN = """
  const refused = (self.overreadRefused = []);
  addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
"""
"""Before the page's own scripts: what its own rules stop never becomes a request."""

_REFUSED = """() => self.overreadRefused"""
_OPENED = """() => window.overread.opened.then(({ runtime }) => runtime)"""
# Where it cannot be kept, nothing is ever ready: but the page says so on its root element.
_KEPT = """() => new Promise((resolve) => {
  const root = document.documentElement;
  const hindrances = {
    unsupported: "the browser does not take its service worker",
    failed: "not every file could be kept",
  };
  const look = () => hindrances[root.dataset.offline] && resolve(hindrances[root.dataset.offline]);
  look();
  new MutationObserver(look).observe(root, { attributes: true });
  navigator.serviceWorker?.ready.then(() => resolve(""));
})"""
_SELF_TEST = """() => window.overread.reader.selfTest()"""
_READ = """async ([base64, type]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const said = await window.overread.reader.read(new Blob([bytes], { type }), { anyway: true });
  return { ...said, saliency: null };
}"""
# What the page throws across threads is a plain object, which Playwright would call "[object Object]".
_CAREFULLY = """async (given) => {
  try {
    return { value: await (%s)(given) };
  } catch (thrown) {
    const { problem, where, detail } = thrown ?? {};
    return { thrown: problem ? `${problem}: ${where} ${detail}` : String(thrown) };
  }
}"""


class StepError(Exception):
    """A step that came to nothing, in a sentence."""


async def wait_until_open(page: Page, *, step: str) -> dict[str, Any]:
    """Wait until the page's reader is open; what it says of itself: threads, backend, decoder, …"""
    told: dict[str, Any] = await _ask(page, _OPENED, step=step)
    return told


async def run_self_test(page: Page) -> dict[str, Any]:
    """The page's self-test, run anew."""
    told: dict[str, Any] = await _ask(page, _SELF_TEST, step="testing itself")
    return told


async def read(page: Page, photograph: Photograph) -> tuple[Answer, float | None]:
    """The page's answer, and how many milliseconds it says that a reading took; None where there was none."""
    try:
        content = photograph.content()
    except DecodeError as error:  # no browser can be given it either
        return Answer(reject=error.reason), None
    given = [base64.b64encode(content).decode(), photograph.media_type]
    told = await _ask(page, _READ, given, step="reading")
    if told["kind"] != "reading":
        return Answer(reject=told["reason"]), None
    answer = Answer(
        decision=told["decision"],
        scores=tuple(float(score) for score in told["scores"]),
        sha256=told["sha256"],
        novelty=float(told["novelty"]),
        quality=tuple(told["quality"]),
    )
    return answer, float(sum(told["timing"].values()))


async def refused_addresses(page: Page) -> list[str]:
    """What the page asked for and its own rules stopped; LISTEN must have run."""
    told: list[str] = await _ask(page, _REFUSED, step="asking what was stopped")
    return told


async def keep(page: Page) -> None:
    """Wait until the browser keeps the site for offline use.

    Raises:
        StepError: It cannot.
    """
    hindrance = await _ask(page, _KEPT, step="keeping the site for offline use")
    if hindrance:
        raise StepError(f"cannot keep the site for offline use: {hindrance}")


async def _ask(page: Page, script: str, given: object = None, *, step: str) -> Any:
    asked = asyncio.ensure_future(page.evaluate(_CAREFULLY % script, given))
    # Where nobody waits any longer, what it ends with when the browser closes is no news.
    asked.add_done_callback(lambda one: one.cancelled() or one.exception())
    done, _ = await asyncio.wait({asked}, timeout=STEP_SECONDS)
    if not done:
        raise StepError(f"{step} took more than {STEP_SECONDS} seconds")
    told = asked.result()
    if "thrown" in told:
        raise StepError(f"{step} failed ({told['thrown'].strip()})")
    return told["value"]
