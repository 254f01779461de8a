"""The lower bound: uvicorn, with an application that answers from memory."""

import os
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = b"x" * 300
HEADERS = [(b"content-type", b"image/png"), (b"content-length", b"300"), (b"etag", b'"bare"')]


async def asgi(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's dictionaries
    """Read the request, send 300 bytes."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def answer() -> Response:
    """Return the same answer through a framework."""
    return Response(BODY, media_type="image/png", headers={"ETag": '"bare"'})


async def _starlette(_request: Request) -> Response:
    return answer()


fastapi = FastAPI(openapi_url=None)


@fastapi.get("/")
async def _fastapi() -> Response:
    return answer()


APPS: dict[str, Any] = {
    "asgi": asgi,
    "starlette": Starlette(routes=[Route("/", _starlette)]),
    "fastapi": fastapi,
}

if __name__ == "__main__":
    uvicorn.run(
        APPS[sys.argv[1]],
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
