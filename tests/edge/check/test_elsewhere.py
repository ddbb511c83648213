"""What counts as an address elsewhere."""

from __future__ import annotations

import pytest

from overread.edge.check.elsewhere import foreign, refused_in

OWN = "http://127.0.0.1:8080/"


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.invalid/",
        "http://127.0.0.1:9090/",
        "wss://elsewhere.invalid/socket",
        "http://127.0.0.1/",
    ],
)
def test_another_host_or_port_is_elsewhere(url: str) -> None:
    assert foreign([f"{OWN}a.js", url], own=OWN) == {url}


@pytest.mark.parametrize(
    "url", [f"{OWN}bundle/bundle.json", f"blob:{OWN}0a1b", "data:image/png;base64,AA", "inline", ""]
)
def test_the_sites_own_files_and_what_the_page_made_itself_are_not(url: str) -> None:
    assert foreign([url], own=OWN) == set()


@pytest.mark.parametrize(
    "line",
    [
        "Refused to connect to 'https://b.invalid/x' as it violates the Content Security Policy.",
        "Content-Security-Policy: The page's settings blocked a resource at https://b.invalid/x.",
    ],
    ids=["chromium", "firefox"],
)
def test_what_a_browser_says_that_it_stopped_is_read_from_the_console(line: str) -> None:
    assert refused_in(line) == ["https://b.invalid/x"]


def test_an_address_in_another_message_is_no_request() -> None:
    assert refused_in("wasm: see https://b.invalid/ for more") == []
