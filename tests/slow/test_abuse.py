"""What no honest client sends, to the service and through the gateway; docs/hardening.md has the table."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from avatar_gen.settings.schema import Settings
from tests.api.test_faults import in_process
from tests.conftest import Service
from tests.servers.gateway import NGINX, ROOT, Gateway
from tests.servers.net import exchange

CANARY = b"canary7f3a"
ALIVE = b"GET /api/health/live HTTP/1.1\r\n"
HOST = b"Host: x\r\nConnection: close\r\n"
POST = b"POST /api/generate HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

DOORS = ("direct", "gateway")


class Case(NamedTuple):
    """A request, and the statuses that it gets, of the service and of the gateway."""

    words: str
    request: bytes
    direct: int
    gateway: int


def get(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, HOST)


def body(content: bytes) -> bytes:
    return POST + b"Content-Length: %d\r\n\r\n" % len(content) + content


CASES = [
    Case("no request line", b"canary7f3a\r\n\r\n", 400, 400),
    Case("one header of 1 MB", ALIVE + HOST + b"X: " + CANARY * 100_000, 431, 400),
    Case("20,000 headers", ALIVE + HOST + b"A: b\r\n" * 20_000 + b"\r\n", 431, 400),
    Case("11,000 headers, slightly more than 64 KB", ALIVE + HOST + b"A: b\r\n" * 11_000 + b"\r\n", 431, 400),
    Case("10,000 headers, almost 64 KB", ALIVE + HOST + b"A: b\r\n" * 10_000 + b"\r\n", 431, 400),
    Case("a URL of 100 KB", b"GET /api/" + CANARY * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, 414),
    Case("a URL of 1 MB", b"GET /api/" + CANARY * 100_000, 414, 414),
    Case("a URL of 8 KB", get(b"/api/" + b"x" * 8_000), 414, 414),
    Case("no Host", ALIVE + b"Connection: close\r\n\r\n", 400, 400),
    Case("two Host headers", ALIVE + b"Host: y\r\n" + HOST + b"\r\n", 400, 400),
    Case("no Host in HTTP/1.0, which does not require it", ALIVE.replace(b"1.1", b"1.0") + b"\r\n", 200, 200),
    Case("a foreign Host", ALIVE + HOST.replace(b"x", CANARY + b".example") + b"\r\n", 421, 421),
    Case("an invalid Host", ALIVE + HOST.replace(b"x", b"\x01 /" + CANARY) + b"\r\n", 400, 400),
    Case(
        "a URL with a foreign host",
        ALIVE.replace(b" /", b" http://y.example/") + HOST + b"\r\n",
        200,
        200,
    ),
    Case("HTTP/9.9", ALIVE.replace(b"1.1", b"9.9") + HOST + b"\r\n", 400, 400),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 400),
    Case("bare LF", (ALIVE + HOST + b"\r\n").replace(b"\r", b""), 400, 200),
    Case("bare CR", (ALIVE + HOST + b"\r\n").replace(b"\n", b""), 400, 400),
    Case("a space before a colon", ALIVE + b"X : y\r\n" + HOST + b"\r\n", 400, 400),
    Case("a folded header", ALIVE + b"X: y\r\n z\r\n" + HOST + b"\r\n", 400, 400),
    Case("NUL in a header", ALIVE + b"X: y\0z\r\n" + HOST + b"\r\n", 400, 400),
    Case("NUL in a URL", get(b"/api/\0"), 400, 400),
    Case("bytes above 127 in a header", ALIVE + b"X: \x80\xff\r\n" + HOST + b"\r\n", 200, 200),
    Case("bytes above 127 in a URL", get(b"/api/\xff\xfe"), 400, 400),
    Case("an unknown method", ALIVE.replace(b"GET", b"CANARY7F3A") + HOST + b"\r\n", 400, 400),
    Case("TRACE", ALIVE.replace(b"GET", b"TRACE") + HOST + b"\r\n", 405, 400),
    Case(
        "Content-Length and Transfer-Encoding",
        POST + b"Content-Length: 2\r\n" + CHUNKED[len(POST) :],
        400,
        400,
    ),
    Case(
        "two values of Content-Length", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400, 400
    ),
    Case("a negative Content-Length", POST + b"Content-Length: -2\r\n\r\n{}", 400, 400),
    Case("a Content-Length of 23 digits", POST + b"Content-Length: " + b"9" * 23 + b"\r\n\r\n{}", 400, 400),
    Case("a transfer encoding other than chunked", POST + b"Transfer-Encoding: gzip\r\n\r\n{}", 400, 400),
    Case("a chunk whose size is not a number", CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400, 400),
    Case("a chunk longer than its size", CHUNKED + b"2\r\n{}canary7f3a\r\n0\r\n\r\n", 400, 400),
    Case("a chunk of 2^72 bytes", CHUNKED + b"f" * 18 + b"\r\n{}", 400, 400),
    Case("chunks that end in bare LF", CHUNKED + b"2\n{}\n0\n\n", 400, 201),
    Case(
        "a declared body of 10 MB", POST + b"Content-Length: 10000000\r\n\r\n" + CANARY * 1_000_000, 413, 413
    ),
    Case("a chunked body of 10 MB", CHUNKED + b"8000\r\n%b\r\n" % (b" " * 0x8000) * 306, 413, 413),
    Case("a body of 64 KB", body(b"{}".ljust(65_536)), 201, 201),
    Case("a body of 64 KB and one byte", body(b"{}".ljust(65_537)), 413, 413),
    Case("JSON with 100,000 levels", body(b"[" * 100_000), 413, 413),
    Case("JSON with 60,000 levels", body(b"[" * 60_000), 400, 400),
    Case("NaN", body(b'{"type": "gradient", "angle": NaN}'), 400, 400),
    Case("1e400", body(b'{"type": "gradient", "angle": 1e400}'), 400, 400),
    Case("a number of 5,000 digits", body(b'{"type": "gradient", "angle": %b}' % (b"9" * 5_000)), 400, 400),
    Case("a lone surrogate", body(b'{"seed": "\\ud800canary7f3a"}'), 400, 400),
    Case("invalid UTF-8", body(b'{"seed": "\xffcanary7f3a"}'), 400, 400),
    Case("a byte order mark", body(b"\xef\xbb\xbf{}"), 201, 201),
    Case("NUL in a seed", body(b'{"seed": "canary7f3a\\u0000"}'), 400, 400),
    Case("a repeated key", body(b'{"seed": "x", "seed": "y"}'), 400, 400),
    Case("an unknown key", body(b'{"canary7f3a": 1}'), 400, 400),
]
"""A new one is a line here, and one in docs/hardening.md."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One of its own, for the database has no part in this."""
    service = Service(tmp_path_factory.mktemp("abused"), {"logging": {"level": "error"}}).start()
    yield service
    assert service.stop() == 0
    assert service.log.read_text() == ""
    service.client.close()


@pytest.fixture(scope="module")
def ports(service: Service) -> Iterator[dict[str, int]]:
    """Where each door is."""
    if not NGINX:
        yield {"direct": service.port}
        return
    gateway = Gateway(service.port).start()
    yield {"direct": service.port, "gateway": gateway.port}
    gateway.stop()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, ports: dict[str, int]) -> str:
    name: str = request.param
    if name not in ports:
        pytest.skip("there is no nginx here, so the gateway is not tested: apt-get install nginx-light")
    return name


def assert_says_so(answer: bytes, status: int) -> None:
    """The status that was expected, an error in the envelope, nothing of what was sent, no second answer."""
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:500]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert CANARY not in answer.lower()
    if status >= 400:
        assert len(answer) < 1000
        assert b"content-type: application/json" in head.lower()
        assert json.loads(content)["statusCode"] == status


_numbers = count(2)


@pytest.fixture
def source() -> str:
    """Where a test comes from: the gateway counts requests by address, and Linux has many of its own."""
    return f"127.0.{next(_numbers)}.1" if sys.platform == "linux" else "127.0.0.1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_each_gets_what_the_table_says(ports: dict[str, int], door: str, case: Case, source: str) -> None:
    answer = exchange(ports[door], case.request, source=source)
    assert_says_so(answer, {"direct": case.direct, "gateway": case.gateway}[door])


def test_the_table_in_the_docs_is_this_one() -> None:
    page = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8").partition("Further tests:")[0]
    rows = [f"| {case.words} | {case.direct} | {case.gateway} |" for case in CASES]
    assert re.findall(r"^\| .* \| [0-9]{3} \| [0-9]{3} \|$", page, re.MULTILINE) == rows


PLACES = (
    *("/api/{}", "/api/render/pixelize/{}", "/api/render/{}/ada.png", "/api/render/lorelei/{}", "/{}"),
    *("/avatar/{}", "/api/identities/{}", "/10.x/lorelei/{}", "/10.x/{}/svg", "/swagger-assets/{}"),
    *("/api/render/initials.png?seed={}", "/10.x/lorelei/png?seed={}", "/api/list?pick={}"),
    *(f"/avatar/{'0' * 32}?d={{}}", f"/avatar/{'0' * 32}?d=initials&name={{}}"),
)
ODD = (
    *("..", "../../secret", "..%2f..%2fsecret", "%2e%2e%2fsecret", "%252e%252e%252fsecret", "....//secret"),
    *("..%5c..%5csecret", "%c0%ae%c0%ae%2fsecret", "%ff", "%00", "secret%00.png", "%0a", "%0d%0aX-Evil:%201"),
    *("{root}/secret", "/{root}/secret", "%2f{root}%2fsecret", "file:///{root}/secret", "%", "%zz", "%u002e"),
    *("%ed%a0%80", "C:%5csecret", "secret", "~root", "*", "%7b%7d", "%24%7bjndi:x%7d"),
)


@pytest.mark.parametrize("place", PLACES)
def test_no_id_and_no_seed_leads_out_of_the_storage(
    service: Service, ports: dict[str, int], door: str, place: str, source: str
) -> None:
    for folder in (service.folder, service.folder / "storage", service.folder / "storage" / "avatars"):
        (folder / "secret").write_bytes(CANARY)
    root = str(service.folder / "storage" / "avatars")
    for odd in ODD:
        target = place.replace("{}", odd.replace("{root}", root)).encode()
        answer = exchange(ports[door], get(target), source=source)
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")), (
            target,
            answer[:200],
        )
        assert CANARY not in answer


def test_nothing_is_opened_but_what_is_the_service_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    opened: list[str] = []
    watching = False

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[0], str):
            opened.append(os.path.realpath(arguments[0]))

    sys.addaudithook(note)

    async def scenario() -> None:
        nonlocal watching
        async with in_process(Settings()) as (client, _):
            avatar = (await client.post("/api/generate")).json()["data"]["id"]
            watching = True
            for place in (*PLACES, f"/api/{avatar}?x={{}}"):
                for odd in ODD:
                    url = httpx.URL("http://test", raw_path=place.replace("{}", odd).encode())
                    await client.get(url)
            await client.get(f"/api/{avatar}")
            watching = False

    asyncio.run(scenario())
    ours = (str(tmp_path / "storage"), str(ROOT), sys.prefix, sys.base_prefix)
    assert any(path.startswith(ours[0]) for path in opened)
    assert [path for path in opened if not path.startswith(ours)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux for the memory of a process")
def test_bodies_of_10_mb_take_no_memory(service: Service) -> None:
    requests = [case.request for case in CASES if "10 MB" in case.words]
    assert len(requests) == 2
    for _ in range(5):
        ask_all(service, requests)
    before = resident(service, "VmRSS")
    # Since here.
    Path(f"/proc/{pid_of(service)}/clear_refs").write_text("5")
    for _ in range(5):
        ask_all(service, requests)
    assert resident(service, "VmHWM") - before < 5_000_000


def ask_all(service: Service, requests: list[bytes]) -> None:
    for request in requests:
        assert_says_so(exchange(service.port, request), 413)


def pid_of(service: Service) -> int:
    assert service.process
    return service.process.pid


def resident(service: Service, name: str) -> int:
    """Bytes of memory that the process has (VmRSS), or has had (VmHWM)."""
    status = Path(f"/proc/{pid_of(service)}/status").read_text()
    found = re.search(rf"{name}:\s+([0-9]+) kB", status)
    assert found
    return int(found[1]) * 1024
