"""Running the page's server until the work is finished."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from configs.errors import UsageError
from stages.drawing.server import application
from stages.drawing.studio import Studio
from stages.runtime.progress import say

LOOPBACK = "127.0.0.1"


def serve(
    studio: Studio,
    *,
    port: int = 0,
    browse: bool = True,
    tell: Callable[[str], None] = say,
) -> None:
    """Serve the page on loopback until it says that the work is finished.

    port: 0 takes a free one. browse: open the page in the default browser. tell: is given the
    lines with the page's address. Raises UsageError where the port is taken; KeyboardInterrupt
    where it is interrupted before anything was saved.
    """
    token = secrets.token_urlsafe(24)

    def done() -> None:
        server.should_exit = True

    config = uvicorn.Config(
        application(studio, token, done),
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(config)
    with _listening(port) as listener:
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/{token}/"
        tell(f"fsrvos: draw at {address}")
        tell("fsrvos: the page ends the program; Ctrl-C does, too")
        if browse:
            webbrowser.open(address)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            if not studio.book.saved:
                raise
        finally:
            studio.close()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()  # from now on nobody who has the address is turned away
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}); leave out --port for a free one"
        ) from None
    return listener
