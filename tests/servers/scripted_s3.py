"""An HTTP server with the errors that a real S3 server returns only under load or when it fails."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


class ScriptedS3:
    """Answers each request as the test has set."""

    def __init__(self) -> None:
        self.requests = 0
        """Requests so far."""
        self.pages: list[str] = []
        """The requested pages of the list."""
        self._status, self._code, self._left = 200, "", 0
        self._listed = 0
        self._released = threading.Event()
        self._released.set()
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                script.requests += 1
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                script._released.wait(30)
                status, code = script._next()
                body = f"<Error><Code>{code}</Code></Error>" if status != 200 else script._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", '"tag"')
                self.end_headers()
                self.wfile.write(body.encode())

            do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, status: int, code: str, *, times: int = 10**9) -> None:
        """Answer the next requests with this error, and later ones with 200."""
        self._status, self._code, self._left = status, code, times

    def hang(self) -> None:
        """Answer nothing."""
        self._released.clear()

    def list_objects(self, count: int) -> None:
        """List so many objects of avatars, 1,000 on each page as S3 does."""
        self._listed = count

    def give_credentials(self, access_key: str, secret_key: str) -> str:
        """Give credentials at the URL that is returned, as a container's agent does."""
        keys = {"AccessKeyId": access_key, "SecretAccessKey": secret_key, "Token": ""}
        self._credentials = json.dumps({**keys, "RoleArn": "a-role", "Expiration": "2100-01-01T00:00:00Z"})
        return f"http://127.0.0.1:{self._server.server_port}/credentials"

    def section(self) -> dict[str, object]:
        """Return a section `s3` of the settings."""
        endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return {"endpoint": endpoint, "bucket": "b", "access_key": "a", "secret_key": "b"}

    def _answer(self, path: str) -> str:
        if path == "/credentials":
            return self._credentials
        query = parse_qs(urlsplit(path).query)
        if "list-type" not in query:
            return ""
        start = int(query.get("continuation-token", ["0"])[0])
        self.pages.append(str(start))
        return _page(start, min(start + 1000, self._listed), is_last=start + 1000 >= self._listed)

    def _next(self) -> tuple[int, str]:
        self._left -= 1
        return (self._status, self._code) if self._left >= 0 else (200, "")


def _page(start: int, end: int, *, is_last: bool) -> str:
    entries = "".join(
        f"<Contents><Key>objects/{number:08x}-0000-4000-8000-000000000000.zip</Key><Size>5</Size>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>tag</ETag></Contents>"
        for number in range(start, end)
    )
    more = "" if is_last else f"<NextContinuationToken>{end}</NextContinuationToken>"
    is_truncated = str(not is_last).lower()
    return f"<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>{more}{entries}</ListBucketResult>"
