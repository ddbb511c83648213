"""What one browser showed of a site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from overread.edge.check.answer import Answer


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
