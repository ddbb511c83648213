from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from overread.edge.serve import site_app
from overread.edge.token import new_token, with_token

TOKEN = "kept-between-us"


@pytest.fixture
def visitor(made_site: Path) -> Iterator[TestClient]:
    with TestClient(with_token(site_app(made_site), TOKEN, secure=False), follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/", "/site.json", "/bundle/network.small.onnx", "/sw.js", "/?token=", "/?token=wrong", "/?tok=1"],
)
def test_without_the_token_nothing_is_shown(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 401
    assert "address with its token" in answer.text
    assert "skin" not in answer.text
    assert not answer.cookies


def test_the_token_opens_it_and_does_not_stay_in_the_address(visitor: TestClient) -> None:
    first = visitor.get(f"/?token={TOKEN}")
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert visitor.get("/").status_code == 200
    assert visitor.get("/bundle/bundle.json").status_code == 200


def test_the_rest_of_the_address_stays(visitor: TestClient) -> None:
    first = visitor.get(f"/index.html?language=de&token={TOKEN}&a=1%262")
    assert first.headers["location"] == "/index.html?language=de&a=1%262"


def test_it_leads_nowhere_else(visitor: TestClient) -> None:
    first = visitor.get(f"http://testserver//elsewhere.example/?token={TOKEN}")
    assert first.headers["location"] == "/elsewhere.example/"


def test_scripts_cannot_read_the_cookie_and_other_sites_do_not_send_it(made_site: Path) -> None:
    for secure in (False, True):
        app = with_token(site_app(made_site), TOKEN, secure=secure)
        with TestClient(app, follow_redirects=False) as visitor:
            told = visitor.get(f"/?token={TOKEN}").headers["set-cookie"].lower()
        assert "httponly" in told
        assert "samesite=lax" in told
        assert ("secure" in told) is secure


def test_a_cookie_of_another_token_is_refused(visitor: TestClient, made_site: Path) -> None:
    with TestClient(with_token(site_app(made_site), "another", secure=False)) as other:
        other.get("/?token=another", follow_redirects=False)
        assert other.get("/").status_code == 200
        cookies = dict(other.cookies)
    name = next(iter(cookies))
    for value in (cookies[name], "", "ü", f"{TOKEN} "):
        answer = visitor.get("/", headers={"cookie": f"{name}={value}".encode()})
        assert answer.status_code == 401


def test_what_browsers_ask_for_without_cookies_is_open(visitor: TestClient) -> None:
    assert visitor.get("/manifest.webmanifest").status_code == 200
    assert visitor.get("/icons/icon.svg").status_code == 200
    assert visitor.get("/icons/../site.json").status_code == 401
    assert visitor.get("/icons/%2e%2e/site.json").status_code in {401, 404}


def test_tokens_cannot_be_guessed_and_stand_in_an_address_as_they_are() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) >= 22 and one.replace("-", "").replace("_", "").isalnum() for one in made)
