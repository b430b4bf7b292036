"""The page's server: routes under a secret, answered by the studio.

It listens on loopback. The first part of every path is a token that only the printed address
has; and a name server that points somebody's page here (DNS rebinding) fails at the Host header.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from configs.errors import DataError, FsrvosError, MissingError
from stages.drawing.masks import mask_for_page
from stages.drawing.studio import Studio

HOSTS = ("127.0.0.1", "localhost")
MOST_BYTES = 32 << 20  # of a drawing: a 4K mask takes a hundredth of it
QUALITY = 92  # of the JPEG pictures that are drawn on; what is saved is lossless
SMALL_QUALITY = 80

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def application(studio: Studio, token: str, done: Callable[[], None]) -> Starlette:
    """The server's routes. done: called when the page says that the work is finished."""
    routes = _Routes(studio, done)
    return Starlette(
        routes=[Mount("/{token}", routes=routes.all())],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
            Middleware(_Secret, token=token),
        ],
        exception_handlers={FsrvosError: _refusal},
    )


class _Secret:
    """Answers 404 to whoever does not know the token, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = scope["path"].removeprefix("/").partition("/")[0].encode(errors="replace")
        if not secrets.compare_digest(given, self.token):
            await Response("not found", 404)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self.app(scope, receive, with_headers)


class _Routes:
    """One method a route. What computes runs beside the event loop."""

    def __init__(self, studio: Studio, done: Callable[[], None]) -> None:
        self.studio, self.done = studio, done

    def all(self) -> list[Route]:
        film, sketch = "/films/{key}/{number:int}", "/kept/{name}"
        return [
            Route("/", self.page),
            Route("/{file}.{kind:str}", self.page),
            Route("/state", self.state),
            Route(f"{film}/small", self.small),
            Route(f"{film}/picture", self.film_picture),
            Route(f"{film}/refine", self.film_refine, methods=["POST"]),
            Route(film, self.film_keep, methods=["PUT"]),
            Route(f"{sketch}/picture", self.sketch_picture),
            Route(f"{sketch}/mask", self.sketch_mask),
            Route(f"{sketch}/refine", self.sketch_refine, methods=["POST"]),
            Route(sketch, self.sketch_keep, methods=["PUT"]),
            Route(sketch, self.sketch_remove, methods=["DELETE"]),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/tried/{index:int}", self.tried),
            Route("/save", self.save, methods=["POST"]),
            Route("/done", self.finish, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("file", "page")
        kind = request.path_params.get("kind", "html")
        file = resources.files("stages.drawing") / "page" / f"{name}.{kind}"
        if kind not in _TYPES or not str(name).isalpha() or not file.is_file():
            raise HTTPException(404)
        return Response(file.read_bytes(), media_type=_TYPES[kind])

    async def state(self, request: Request) -> Response:
        return JSONResponse(self.studio.state())

    async def small(self, request: Request) -> Response:
        film, number = self._film(request)
        frame = film.small(number)
        if frame is None:
            raise HTTPException(404)
        return await run_in_threadpool(_picture, frame, SMALL_QUALITY)

    async def film_picture(self, request: Request) -> Response:
        film, number = self._film(request)
        return await run_in_threadpool(lambda: _picture(film.frame(number)))

    async def film_refine(self, request: Request) -> Response:
        film, number = self._film(request)
        drawn = await _body(request)
        return await run_in_threadpool(lambda: _mask(self.studio.refine(film.frame(number), drawn)))

    async def film_keep(self, request: Request) -> Response:
        key, number = request.path_params["key"], request.path_params["number"]
        drawn = await _body(request)
        name = await run_in_threadpool(self.studio.keep_frame, key, number, drawn)
        return JSONResponse({"name": name})

    async def sketch_picture(self, request: Request) -> Response:
        return Response(self._sketch(request).picture, media_type="image/png")

    async def sketch_mask(self, request: Request) -> Response:
        return await run_in_threadpool(_mask, self._sketch(request).mask)

    async def sketch_refine(self, request: Request) -> Response:
        sketch, drawn = self._sketch(request), await _body(request)
        return await run_in_threadpool(lambda: _mask(self.studio.refine(sketch.frame, drawn)))

    async def sketch_keep(self, request: Request) -> Response:
        sketch, drawn = self._sketch(request), await _body(request)
        name = await run_in_threadpool(self.studio.keep_sketch, sketch.name, drawn)
        return JSONResponse({"name": name})

    async def sketch_remove(self, request: Request) -> Response:
        self.studio.book.remove(request.path_params["name"])
        return JSONResponse({})

    async def predict(self, request: Request) -> Response:
        said = await _said(request)
        sentence, asked = said.get("sentence", ""), said.get("asked", "")
        await run_in_threadpool(self.studio.predict, str(sentence), str(asked))
        return JSONResponse({})

    async def tried(self, request: Request) -> Response:
        trial, index = self.studio.trial, request.path_params["index"]
        if trial is None or index >= len(trial.frames):
            raise HTTPException(404)
        return await run_in_threadpool(_mask, trial.frames[index].mask)

    async def save(self, request: Request) -> Response:
        said = await _said(request)
        await run_in_threadpool(self.studio.save, str(said.get("sentence", "")))
        return JSONResponse({"saved": self.studio.book.saved})

    async def finish(self, request: Request) -> Response:
        self.done()
        return JSONResponse({})

    def _film(self, request: Request) -> tuple[Any, int]:
        return self.studio.film(request.path_params["key"]), request.path_params["number"]

    def _sketch(self, request: Request) -> Any:
        return self.studio.book.get(request.path_params["name"])


async def _body(request: Request) -> bytes:
    """What was sent; DataError, before all of it is read, where it is too much."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise DataError(f"more than {MOST_BYTES >> 20} MB were sent; draw on a smaller video")
    return bytes(content)


async def _said(request: Request) -> Mapping[str, Any]:
    try:
        said = json.loads(await _body(request))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise DataError("expected a JSON object; load the page again")
    return said


async def _refusal(request: Request, error: Exception) -> Response:
    """One line for the page to show."""
    status = 404 if isinstance(error, MissingError) else 400
    return JSONResponse({"error": " ".join(str(error).split())}, status)


def _picture(frame: NDArray[np.uint8], quality: int = QUALITY) -> Response:
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Response(content.tobytes(), media_type="image/jpeg")


def _mask(mask: NDArray[np.bool_]) -> Response:
    return Response(mask_for_page(mask), media_type="image/png")
