"""Serve a site to people until Ctrl-C: this machine alone, or a network behind a token."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from overread.edge.serve import site_app
from overread.edge.site import load_site
from overread.edge.token import PARAMETER, new_token, with_token
from overread.errors import OverreadError, UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# What stands in an address and in a cookie as it is.
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
_EVERYWHERE = {"0.0.0.0", "::"}
# Of a documentation's network: nothing is sent, the system only says which of its addresses it would use.
_SOMEWHERE = ("192.0.2.1", 9)


class Hosted:
    """A site that waits for visitors as soon as `run` is called; the port is taken already.

    Args:
        app: What answers.
        url: What to open, with the token where there is one.
        hint: A sentence about what will not work this way, or "".
        token: What a visit must bring; None: anyone may open it.
        listening: Where it listens.
        certificate: For https.
        key: Of the certificate.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        url: str,
        hint: str,
        token: str | None,
        listening: socket.socket,
        certificate: Path | None,
        key: Path | None,
    ) -> None:
        import uvicorn

        self.url, self.hint, self.token = url, hint, token
        self._socket = listening
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="critical",  # no addresses of visitors, no names of files
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=2,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

    def run(self) -> None:
        """Answer until Ctrl-C or `close`."""
        try:
            with closing(self._socket):
                self._server.run(sockets=[self._socket])
        except KeyboardInterrupt:
            return

    def close(self) -> None:
        """Stop answering; a `run` in another thread ends."""
        self._server.should_exit = True
        if not self._server.started:
            self._socket.close()


def host_site(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Hosted:
    """Make ready to serve a site.

    Args:
        folder: The site.
        host: Address to listen on; on any but this machine's own, visits need a token.
        port: 0: one that is free.
        token: The token; None makes one where one is needed.
        certificate: PEM file for https, which phones ask for.
        key: PEM file of its key, where the certificate's file does not hold it.

    Raises:
        BundleError: It is no site.
        UsageError: An address, token or certificate that cannot be used.
        OverreadError: The port is taken.
    """
    load_site(folder)
    _check_certificate(certificate, key)
    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError("expected letters, digits, - _ . or ~", where="the token", todo="leave --token out")
    alone = _is_this_machine(host)
    token = token or (None if alone else new_token())
    listening = _listen(host, port)
    shown = _address() if host in _EVERYWHERE else host
    url = f"{'https' if certificate else 'http'}://{_bracketed(shown)}:{listening.getsockname()[1]}/"
    hint = (
        ""
        if alone or certificate
        else "browsers let a page work offline, and use more than one core, over https only: "
        "give phones --certificate and --key"
    )
    app: ASGIApp = site_app(folder)
    return Hosted(
        with_token(app, token, secure=certificate is not None) if token else app,
        url=f"{url}?{PARAMETER}={token}" if token else url,
        hint=hint,
        token=token,
        listening=listening,
        certificate=certificate,
        key=key,
    )


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None:
        if key is not None:
            raise UsageError("a key needs its certificate", where=f"'{key}'", todo="give --certificate too")
        return
    try:
        # An empty password: a locked key must fail here, not ask at the terminal of a server.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except FileNotFoundError as error:
        missing = certificate if not certificate.is_file() else key
        raise UsageError("there is no such file", where=f"'{missing}'", todo="check the path") from error
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(
            "expected a certificate in PEM and its unlocked key",
            where=f"'{certificate}'",
            todo="give both, --certificate and --key",
        ) from error


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    where = f"address '{host}', port {port}"
    try:
        socket.getaddrinfo(host, port, family)
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(
                "is no address of this machine", where=f"'{host}'", todo="try 0.0.0.0"
            ) from error
        what = (
            "is taken"
            if error.errno == errno.EADDRINUSE
            else f"cannot be used ({str(error.strerror).lower()})"
        )
        raise OverreadError(what, where=where, todo="choose another with --port or --host") from error


def _address() -> str:
    """The address under which this machine is seen by its network, as far as it knows."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(_SOMEWHERE)
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
