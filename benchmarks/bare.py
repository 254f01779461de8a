"""The least that a server can do: uvicorn, and an application that answers from memory."""

import sys
from typing import Any

import uvicorn

BODY = b"x" * 300
HEADERS = [(b"content-type", b"image/png"), (b"content-length", b"300"), (b"etag", b'"bare"')]


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's dictionaries
    """Read the request, send 300 bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
