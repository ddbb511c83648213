from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
from starlette.testclient import TestClient

from overread.edge import load_site, write_site
from overread.edge.serve import CONTENT_SECURITY_POLICY, ISOLATION, SAFETY, accepted, find_file, site_app
from overread.edge.site import APP
from tests.edge.conftest import RUNTIME, SCRIPT

ROOT = Path(__file__).parents[2]
BOTH = {"accept-encoding": "gzip, deflate, br"}
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture(scope="module")
def visitor(made_site: Path) -> Iterator[TestClient]:
    with TestClient(site_app(made_site)) as client:
        yield client


def test_every_file_is_sent_as_it_is(visitor: TestClient, made_site: Path) -> None:
    for one in load_site(made_site).files:
        answer = visitor.get(f"/{one.path}", headers=PLAIN)
        assert answer.status_code == 200, one.path
        assert answer.content == (made_site / one.path).read_bytes()
        assert "content-encoding" not in answer.headers
    assert visitor.get("/").content == (made_site / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        (f"/{SCRIPT}", "text/javascript; charset=utf-8"),
        (f"/{RUNTIME}", "application/wasm"),
        ("/bundle/preprocess.onnx", "application/octet-stream"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/site.json", "application/json"),
        ("/icons/icon.svg", "image/svg+xml"),
    ],
)
def test_browsers_are_told_the_kind_that_they_ask_for(visitor: TestClient, path: str, kind: str) -> None:
    assert visitor.get(path).headers["content-type"] == kind


def test_the_compressed_file_is_sent_where_it_is_understood(visitor: TestClient, made_site: Path) -> None:
    answer = visitor.get(f"/{RUNTIME}", headers=BOTH)
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["content-type"] == "application/wasm"
    assert int(answer.headers["content-length"]) == (made_site / f"{RUNTIME}.br").stat().st_size
    assert answer.content == (made_site / RUNTIME).read_bytes()
    assert brotli.decompress((made_site / f"{RUNTIME}.br").read_bytes()) == answer.content
    assert (
        visitor.get(f"/{RUNTIME}", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    )
    assert "accept-encoding" in answer.headers["vary"].lower()


@pytest.mark.parametrize(
    ("header", "br", "gz"),
    [
        ("", False, False),
        ("br", True, False),
        ("gzip;q=1.0, br;q=0", False, True),
        ("BR , GZIP", True, True),
        ("*", True, True),
        ("*;q=0, gzip", False, True),
        ("gzip;q=oops", False, True),
        ("brotli, gzipped", False, False),
    ],
)
def test_what_a_browser_accepts_is_read_as_the_standard_says(header: str, br: bool, gz: bool) -> None:
    assert (accepted(header, "br"), accepted(header, "gzip")) == (br, gz)


def test_a_part_of_a_file_is_one_of_the_file_itself(visitor: TestClient, made_site: Path) -> None:
    answer = visitor.get(f"/{RUNTIME}", headers={**BOTH, "range": "bytes=10-19"})
    assert answer.status_code == 206
    assert answer.content == (made_site / RUNTIME).read_bytes()[10:20]


def test_headers_of_isolation_and_safety_are_on_every_answer(visitor: TestClient) -> None:
    tag = visitor.get("/site.json").headers["etag"]
    answers = [
        visitor.get("/"),
        visitor.get(f"/{RUNTIME}"),
        visitor.get("/nothing.here"),
        visitor.get("/site.json", headers={"if-none-match": tag}),
        visitor.head("/sw.js"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 304, 200]
    for answer in answers:
        for name, value in (ISOLATION | SAFETY).items():
            assert answer.headers[name] == value


def test_a_plain_host_sends_none_of_them(made_site: Path) -> None:
    with TestClient(site_app(made_site, isolated=False)) as visitor:
        for path in ("/", f"/{RUNTIME}", "/nothing.here"):
            assert not {name.lower() for name in ISOLATION | SAFETY} & set(visitor.get(path).headers)


def test_only_names_with_a_hash_in_them_are_kept_unasked(visitor: TestClient) -> None:
    assert "immutable" in visitor.get(f"/{SCRIPT}").headers["cache-control"]
    for path in ("/", "/index.html", "/sw.js", "/site.json", "/bundle/bundle.json", "/manifest.webmanifest"):
        assert visitor.get(path).headers["cache-control"] == "no-cache", path


def test_what_a_browser_has_is_not_sent_again_and_a_new_version_is(
    made_site: Path, made_bundle: Path, made_app: Path, tmp_path: Path
) -> None:
    shutil.copytree(made_site, tmp_path / "site")
    with TestClient(site_app(tmp_path / "site")) as visitor:
        for path in ("/site.json", "/bundle/bundle.json"):
            packed, plain = visitor.get(path, headers=BOTH), visitor.get(path, headers=PLAIN)
            assert packed.headers["etag"] != plain.headers["etag"], "two bodies must not share a tag"
            again = visitor.get(path, headers={**BOTH, "if-none-match": f'"other", {packed.headers["etag"]}'})
            assert (again.status_code, again.content) == (304, b"")
        tags = {path: visitor.get(path).headers["etag"] for path in ("/site.json", "/bundle/bundle.json")}
        write_site(made_bundle, tmp_path / "site", network="full", app=made_app)
        fresh = visitor.get("/site.json", headers={"if-none-match": tags["/site.json"]})
        same = visitor.get("/bundle/bundle.json", headers={"if-none-match": tags["/bundle/bundle.json"]})
        assert (fresh.status_code, same.status_code) == (200, 304)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "assets/../../secret.txt",
        "/etc/passwd",
        ".stamp",
        ".git/HEAD",
        "assets",
        "assets/",
        "link.txt",
        "index.html.br",
        "a\\b",
        "a\0b",
        "x" * 300,
    ],
)
def test_nothing_beside_the_site_is_shown(made_site: Path, tmp_path: Path, path: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(made_site, site)
    (tmp_path / "secret.txt").write_text("of a patient")
    (site / ".stamp").write_text("0123")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert find_file(site, path) is None
    assert find_file(site, "sw.js") == site / "sw.js"
    with TestClient(site_app(site)) as visitor:
        quoted = path.replace("\0", "%00").replace("..", "%2e%2e")
        assert visitor.get(f"/{quoted}").status_code == 404


def test_nothing_can_be_sent_to_it(visitor: TestClient) -> None:
    assert visitor.post("/").status_code == 405
    assert visitor.put("/bundle/bundle.json").status_code == 405


def test_the_page_itself_forbids_what_the_header_forbids() -> None:
    page = (ROOT / "web" / "src" / "edge" / "index.html").read_text("utf-8")
    [told] = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', page)
    assert " ".join(told.split()) == CONTENT_SECURITY_POLICY
    added = (ROOT / "web" / "src" / "sw" / "headers.ts").read_text("utf-8")
    assert CONTENT_SECURITY_POLICY in re.sub(r'"\s*\+\s*"', "", added), "the service worker's is another"
    assert "unsafe-inline" not in told
    assert "'unsafe-eval'" not in told


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "apache.htaccess", "_headers"])
def test_the_examples_of_other_servers_send_the_same(name: str) -> None:
    text = (ROOT / "examples" / "edge" / name).read_text("utf-8")
    for header, value in (ISOLATION | SAFETY).items():
        assert re.search(rf"{header}\W+{re.escape(value)}", text), header
    assert "application/wasm" in text
    assert "immutable" in text
    assert "no-cache" in text


def test_the_built_app_is_what_index_html_was_built_of() -> None:
    if not (APP / "index.html").is_file():
        pytest.skip("the pages are not built: make web")
    assert CONTENT_SECURITY_POLICY in " ".join((APP / "index.html").read_text("utf-8").split())
