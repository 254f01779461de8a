"""Traces, as a real collector receives them: OTLP over HTTP."""

import gzip
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.conftest import App, MakeApp, MakeService
from tests.servers.redis import Redis, needs_redis

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector:
    """A collector that stores what it receives."""

    def __init__(self) -> None:
        received: SimpleQueue[ExportTraceServiceRequest] = SimpleQueue()
        self._received = received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                received.put(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever).start()

    def spans(self) -> list[Span]:
        """Return all spans that were received."""
        requests = []
        try:
            while True:
                requests.append(self._received.get_nowait())
        except Empty:
            resources = [each for request in requests for each in request.resource_spans]
            for each in resources:
                values = {pair.key: pair.value.string_value for pair in each.resource.attributes}
                assert values["service.name"] == "avatar-gen"
            return [span for each in resources for scope in each.scope_spans for span in scope.spans]

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.close()


def stopped(app: App, collector: Collector) -> list[Span]:
    """Stop an application, which sends its last spans. Return all of them."""
    app.stop()
    return collector.spans()


def values(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def tree(spans: list[Span]) -> dict[str, set[str]]:
    """Return the names of the spans below each request, by the name of the request."""
    by_id = {span.span_id: span for span in spans}

    def root(span: Span) -> Span:
        while span.parent_span_id in by_id:
            span = by_id[span.parent_span_id]
        return span

    found: dict[str, set[str]] = {}
    for span in spans:
        names = found.setdefault(root(span).name, set())
        if root(span) is not span:
            names.add(span.name)
            assert span.trace_id == root(span).trace_id
    return found


@needs_redis
def test_a_request_has_a_span_for_each_call_that_it_waits_for(
    make_app: MakeApp, collector: Collector, redis: Redis
) -> None:
    settings = {"limits": {"client": "1000/s"}}
    app = make_app(settings, {"TRACES_ENDPOINT": collector.url, "REDIS_URL": redis.url}).start()
    avatar_id = app.generate(seed="ada")
    link = f"/api/identities/{'0' * 64}"
    assert app.client.get(f"/api/{avatar_id}?format=avif").status_code == 200
    assert app.client.get("/api/render/smile/a@example.org.png?hue=7").status_code == 200
    assert app.client.put(link, json={"avatarId": avatar_id}).status_code == 200
    assert app.client.get("/api/list").status_code == 200
    assert app.client.delete(link).status_code == 200
    assert app.client.delete(f"/api/{avatar_id}").status_code == 200
    assert app.client.get("/api/health").status_code == 200
    spans = stopped(app, collector)
    found = tree(spans)
    assert not any("health" in name for name in found)
    assert found["POST /api/generate"] == {"redis ask", "batch", "store put", "database add"}
    assert found["GET /api/{id}"] == {"redis ask", "store open", "render encode", "render run"}
    assert found["GET /api/render/{style}/{seed}"] == {"redis ask", "render encode"}
    assert found["GET /api/list"] == {"redis ask", "database page"}
    assert {"database remove", "store removing"} <= found["DELETE /api/{id}"]
    assert "store put" in found["PUT /api/identities/{hash}"]
    assert "ada" not in str(spans), "names of people stay here"
    assert "example.org" not in str(spans)
    picture = next(span for span in spans if span.name == "GET /api/{id}")
    assert picture.kind == Span.SPAN_KIND_SERVER
    assert values(picture).items() >= {
        ("http.request.method", "GET"),
        ("http.route", "/api/{id}"),
        ("http.response.status_code", 200),
    }
    assert not picture.parent_span_id


def test_a_trace_goes_on_from_its_client_into_the_log(
    make_service: MakeService, collector: Collector
) -> None:
    service = make_service(environ={"TRACES_ENDPOINT": collector.url}).start()
    service.client.get("/api/list", headers=TRACEPARENT)
    service.client.get("/api/render/pixelize/ada.png")
    service.client.get("/api/list", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert service.stop() == 0
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    lines = [line for line in lines if line["message"] == "request" and "health" not in line["path"]]
    spans = [span for span in collector.spans() if span.kind == Span.SPAN_KIND_SERVER]
    assert [span.trace_id.hex() for span in spans] == [line["traceId"] for line in lines[:2]]
    assert (spans[0].trace_id.hex(), spans[0].parent_span_id.hex()) == (TRACE, PARENT)
    assert lines[2]["traceId"] == TRACE, "its client asked that this one is not recorded"
    assert values(spans[0])["request.id"] == lines[0]["requestId"]


def test_requests_of_one_batch_each_have_its_spans(make_app: MakeApp, collector: Collector) -> None:
    app = make_app(environ={"TRACES_ENDPOINT": collector.url}).start()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: app.generate(seed=str(number)), range(48)))
    spans = stopped(app, collector)
    traces = {span.trace_id for span in spans if span.name == "POST /api/generate"}
    assert len(traces) == 48
    for name in ("batch", "store put", "database add"):
        assert sorted(span.trace_id for span in spans if span.name == name) == sorted(traces)


def test_errors_are_marked_without_their_text(
    make_app: MakeApp, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(environ={"TRACES_ENDPOINT": collector.url}).start()
    avatar_id = app.generate()
    app.object(avatar_id).write_bytes(b"damaged")
    assert app.client.get(f"/api/{avatar_id}").status_code == 500
    assert app.client.get("/api/nothing").status_code == 404
    monkeypatch.setattr("avatar_gen.database.repository._page", lambda **_: 1 / 0)
    assert app.client.get("/api/list").status_code == 500
    spans = {span.name: span for span in stopped(app, collector)}
    assert spans["GET /api/{id}"].status.code == Status.STATUS_CODE_ERROR
    assert spans["GET"].status.code == Status.STATUS_CODE_UNSET, "404 is an error of the client"
    page = spans["database page"]
    assert page.status.code == Status.STATUS_CODE_ERROR
    assert values(page)["error.type"] == "ZeroDivisionError"
    assert not page.status.message


def test_a_collector_that_hangs_holds_up_nothing_and_is_warned_of_once(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = make_app(environ={"TRACES_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}).start()
        deadline = time.monotonic() + 30
        while not caplog.messages:
            assert app.client.get("/api/list").status_code == 200
            assert time.monotonic() < deadline
        started = time.monotonic()
        app.stop()
        assert time.monotonic() - started < 10
    assert caplog.messages == ["The collector of traces does not take spans. They are dropped until it does"]


def test_without_the_packages_the_start_says_what_to_install(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "avatar_gen.telemetry.tracing", raising=False)
    with pytest.raises(Exception, match="Run: pip install opentelemetry-sdk"):
        make_app(environ={"TRACES_ENDPOINT": "http://127.0.0.1:4318"}).start()


@pytest.mark.parametrize("url", ["localhost:4318", "http://", "ftp://host", "http://host?a=b"])
def test_an_endpoint_is_a_url(make_app: MakeApp, url: str) -> None:
    with pytest.raises(Exception, match=re.escape("expected a URL such as http://collector.example:4318")):
        make_app(environ={"TRACES_ENDPOINT": url}).start()
