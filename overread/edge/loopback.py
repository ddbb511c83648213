"""A site on this machine alone, for as long as a check lasts, with a count of the bytes that it sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from overread.edge.serve import site_app
from overread.errors import OverreadError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_START_SECONDS = 30


@dataclass
class Sent:
    """What a server sent so far.

    Args:
        bytes: Of bodies, as they went over the wire (compressed where they were).
        paths: Asked for, each once.
    """

    bytes: int = 0
    paths: set[str] = field(default_factory=set)


class Loopback:
    """A server of one site on 127.0.0.1, at a port that was free.

    Args:
        folder: The site.
        isolated: Whether to send the headers that threads need; a plain static host does not.
    """

    def __init__(self, folder: Path, *, isolated: bool = True) -> None:
        import uvicorn

        self.sent = Sent()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        config = uvicorn.Config(
            _counted(site_app(folder, isolated=isolated), self.sent),
            log_level="critical",
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="edge-loopback", daemon=True
        )

    def __enter__(self) -> Loopback:
        self._thread.start()
        for _ in range(_START_SECONDS * 50):
            if self._server.started:
                return self
            self._thread.join(0.02)
        self.close()
        raise OverreadError("the site could not be served on 127.0.0.1", todo="run the command again")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering: from here on a browser has only what it kept."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_START_SECONDS)
        self._socket.close()


@contextmanager
def serve_site(folder: Path, *, isolated: bool = True) -> Iterator[str]:
    """A site's address for as long as the context lasts."""
    with Loopback(folder, isolated=isolated) as server:
        yield server.url


def _counted(app: ASGIApp, sent: Sent) -> ASGIApp:
    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.body":
                sent.bytes += len(message.get("body", b""))
            await send(message)

        sent.paths.add(scope.get("path", ""))
        await app(scope, receive, count)

    return counted
