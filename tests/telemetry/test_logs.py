import asyncio
import json
import logging
import os
import re
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from avatar_gen.api.request_log import RequestLog
from avatar_gen.errors import StartupError
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.settings.schema import Logging
from avatar_gen.telemetry.logs import JsonFormatter, PrettyFormatter, configure_logs, request_id
from avatar_gen.telemetry.request_statistics import RequestStatistics
from tests.conftest import MakeService, Service
from tests.servers.net import exchange, free_port

NASTY = 'a\nb\r\x1b[31m\u2028"\\'


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("here", logging.WARNING, "", 0, message, (), None)
    made.fields = fields
    return made


def test_one_event_is_one_line_of_json() -> None:
    line = JsonFormatter().format(record(NASTY, seed=NASTY))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    event = json.loads(line)
    assert event["message"] == event["seed"] == NASTY
    assert event["level"] == "warn"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["time"])


def test_one_event_is_one_line_for_people() -> None:
    line = PrettyFormatter().format(record(NASTY, seed=NASTY))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert re.match(r"\d\d:\d\d:\d\d warn  a\\nb", line)


def test_a_traceback_is_part_of_its_event() -> None:
    try:
        int("the cause")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    assert "ValueError: invalid literal" in json.loads(JsonFormatter().format(made))["error"]
    assert PrettyFormatter().format(made).endswith("with base 10: 'the cause'")


def test_a_thread_knows_the_request_that_it_works_for() -> None:
    threads = DaemonThreads(1, "test")
    token = request_id.set("abc")
    try:
        assert threads.submit(request_id.get).result(timeout=30) == "abc"
    finally:
        request_id.reset(token)
    assert threads.submit(request_id.get).result(timeout=30) is None
    threads.shutdown()


@pytest.mark.parametrize(
    ("value", "trace"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", "a" * 32),
        (f"01-{'a' * 32}-{'b' * 16}-00", "a" * 32),
        (f"ff-{'a' * 32}-{'b' * 16}-01", None),
        (f"00-{'0' * 32}-{'b' * 16}-01", None),
        (f"00-{'a' * 32}-{'0' * 16}-01", None),
        (f"00-{'A' * 32}-{'b' * 16}-01", None),
        ('00-","x":"', None),
        ("", None),
    ],
)
def test_the_trace_of_a_request_is_in_the_log(value: str, trace: str | None) -> None:
    lines: list[dict[str, object]] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        lines.append(json.loads(JsonFormatter().format(record("x"))))

    async def ignore(_message: Message) -> None:
        pass

    headers = [(b"traceparent", value.encode())]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    asyncio.run(RequestLog(app, RequestStatistics())(scope, None, ignore))  # type: ignore[arg-type]
    assert [line.get("traceId") for line in lines] == [trace]


def test_an_event_knows_its_request() -> None:
    token = request_id.set("abc")
    try:
        assert json.loads(JsonFormatter().format(record("x")))["requestId"] == "abc"
        assert "id=abc" in PrettyFormatter().format(record("x"))
    finally:
        request_id.reset(token)


def events(service: Service) -> list[dict[str, object]]:
    return [json.loads(line) for line in service.log.read_text().splitlines()]


def test_every_request_is_one_line(make_service: MakeService) -> None:
    service = make_service().start()
    avatar = service.generate(seed=NASTY.replace("\u2028", ""))
    service.client.get(f"/api/{avatar}", headers={"X-Request-ID": "mine-1"})
    service.client.get("/api/list?pick=0", headers={"X-Request-ID": "mine-2"})
    service.client.head(f"/api/{avatar}", headers={"X-Request-ID": "mine-4"})
    service.client.get("/%0d%0aforged: line", headers={"X-Request-ID": "mine-3"})
    answer = service.client.post("/api/generate", json={"seed": "x" * 999})
    service.stop()
    requests = [event for event in events(service) if event["message"] == "request"]
    by_id = {event["requestId"]: event for event in requests}
    assert len(by_id) == len(requests)
    assert [event["requestId"] for event in requests].count("mine-1") == 1
    assert by_id["mine-1"]["route"] == "/api/{id}"
    assert by_id["mine-1"]["status"] == 200
    assert by_id["mine-1"]["method"] == "GET"
    ms = by_id["mine-1"]["ms"]
    assert isinstance(ms, float)
    assert 0 < ms < 1000
    assert (by_id["mine-2"]["route"], by_id["mine-2"]["status"]) == ("/api/list", 400)
    assert (by_id["mine-4"]["method"], by_id["mine-4"]["route"]) == ("HEAD", "/api/{id}")
    assert by_id["mine-3"]["route"] is None
    assert by_id["mine-3"]["status"] == 404
    assert by_id[answer.headers["x-request-id"]]["status"] == 400


def test_lines_of_requests_come_soon_and_before_what_is_said_later(make_service: MakeService) -> None:
    service = make_service().start()
    service.client.get("/api/health/live", headers={"X-Request-ID": "first"})
    service.wait_for_log("first")
    (service.folder / "storage" / "avatars").rename(service.folder / "gone")
    service.client.get("/api/health/live", headers={"X-Request-ID": "second"})
    assert service.client.get(f"/api/{uuid4()}", headers={"X-Request-ID": "third"}).status_code == 503
    service.wait_for_log("third")
    said = [event for event in events(service) if event.get("requestId") in ("second", "third")]
    assert [(event["requestId"], event["level"]) for event in said][:2] == [
        ("second", "info"),
        ("third", "error"),
    ]


def test_a_log_without_a_reader_costs_no_request(make_service: MakeService) -> None:
    service = make_service()
    os.mkfifo(service.log)
    reader = os.open(service.log, os.O_RDONLY | os.O_NONBLOCK)
    service.start()
    os.close(reader)
    for _ in range(3):
        assert service.client.get("/api/health/live").status_code == 200
        time.sleep(0.15)


def test_a_reader_that_stops_holds_up_nothing_and_lines_are_counted(make_service: MakeService) -> None:
    port = free_port()
    service = make_service({"metrics": {"port": port}})
    os.mkfifo(service.log)
    reader = os.open(service.log, os.O_RDONLY | os.O_NONBLOCK)
    service.start()
    get = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n"
    many = get + b"\r\n"
    answers = exchange(service.port, many * 8000 + get + b"Connection: close\r\n\r\n", seconds=60, whole=True)
    assert answers.count(b"HTTP/1.1 200 OK") == 8001
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    dropped = re.search(r"^avatar_log_lines_dropped_total{.*} (\S+)$", metrics, re.MULTILINE)
    assert dropped
    assert float(dropped[1]) > 100
    assert service.stop() == 0
    os.close(reader)


def test_the_level_and_the_look_are_the_settings(make_service: MakeService) -> None:
    quiet = make_service({"logging": {"level": "warn"}}).start()
    quiet.generate()
    quiet.stop()
    assert quiet.log.read_text() == ""
    pretty = make_service({"logging": {"level": "error", "verbose": True, "pretty": True}}).start()
    pretty.generate()
    pretty.stop()
    assert re.search(
        r"^\d\d:\d\d:\d\d info  request id=\w{16} method=POST", pretty.log.read_text(), re.MULTILINE
    )


def test_a_log_file_is_written_and_rotated(make_service: MakeService) -> None:
    file = {"path": "logs/avatars.log", "max_bytes": 4096, "backups": 2}
    service = make_service({"logging": {"pretty": True, "file": file}}).start()
    for _ in range(60):
        service.client.get("/api/health/live")
    service.stop()
    logs = service.folder / "logs"
    assert {path.name for path in logs.iterdir()} == {"avatars.log", "avatars.log.1", "avatars.log.2"}
    for path in logs.iterdir():
        assert path.stat().st_size <= 4096
        assert all(json.loads(line)["message"] for line in path.read_text().splitlines())


def test_a_log_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / "x.log")
    with pytest.raises(StartupError, match="the log file cannot be written"):
        configure_logs(Logging.model_validate({"file": {"path": path}}))


def test_no_secret_is_in_a_log_or_an_answer(make_service: MakeService) -> None:
    canary = "canary7f3a"
    url = f"file:./storage/{canary}.db?password={canary}"
    service = make_service({"logging": {"verbose": True}}, {"DATABASE_URL": url}).start()
    service.generate()
    answers = [
        service.client.get(path).text for path in ("/api/health", "/api/list", "/openapi.json", "/nope")
    ]
    service.stop()
    assert canary not in service.log.read_text()
    assert not any(canary in answer for answer in answers)
