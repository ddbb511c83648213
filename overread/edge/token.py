"""Who may open a site that is served to a network: whoever was given its address with the token in it.

The first visit, `…/?token=TOKEN`, is answered with a cookie and the clean address; then the cookie is enough.
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE, PARAMETER = "overread-site", "token"
_LASTS_SECONDS = 180 * 24 * 3600
# Browsers ask for these without cookies; they hold the bundle's name and our drawing.
_OPEN = ("/manifest.webmanifest", "/icons/")
_REFUSAL = (
    b"This page needs the address with its token (\xe2\x80\xa6/?token=\xe2\x80\xa6) "
    b"that `overread edge --serve` showed.\n"
)


def new_token() -> str:
    """A token that cannot be guessed: 128 bits, in letters that stand in a URL as they are."""
    return secrets.token_urlsafe(16)


def with_token(app: ASGIApp, token: str, *, secure: bool) -> ASGIApp:
    """An ASGI app that hands on only what comes with the token.

    Args:
        app: What is behind it.
        token: The secret.
        secure: Whether the site is served over https, so that the cookie never travels without.
    """
    # Two sites on one machine differ in their ports, which cookies do not: each keeps its own.
    cookie = f"{COOKIE}-{hmac.new(token.encode(), b'name', 'sha256').hexdigest()[:8]}"

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import RedirectResponse, Response

        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == PARAMETER), None)
        response: ASGIApp
        if given is not None and _equal(given, token):
            rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
            clean = "/" + quote(scope["path"].lstrip("/"))  # never another host's address
            response = RedirectResponse(f"{clean}?{rest}" if rest else clean, 303)
            response.headers["Cache-Control"] = "no-store"
            response.set_cookie(
                cookie, token, max_age=_LASTS_SECONDS, httponly=True, samesite="lax", secure=secure
            )
        elif scope["path"].startswith(_OPEN) or _equal(_cookies(scope).get(cookie, ""), token):
            response = app
        else:
            kind, headers = "text/plain; charset=utf-8", {"Cache-Control": "no-store"}
            response = Response(_REFUSAL, 401, media_type=kind, headers=headers)
        await response(scope, receive, send)

    return guarded


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _cookies(scope: Scope) -> dict[str, str]:
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    try:
        return {name: one.value for name, one in SimpleCookie("; ".join(told)).items()}
    except CookieError:
        return {}
