"""What a stock FastAPI falls into: each of these was a 500, an echo or a wrong answer there."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MakeApp, Service, assert_failure
from tests.servers.net import exchange
from tests.servers.service import Installation

JSON = {"Content-Type": "application/json"}
CANARY = "canary7f3a"


@pytest.mark.parametrize(
    "content",
    [
        b'{"seed": "\\ud800"}',
        b'{"seed": "\xed\xa0\x80"}',
        b'{"seed": "\xff"}',
        b'{"seed": NaN}',
        b'{"type": "gradient", "angle": NaN}',
        b'{"type": "gradient", "angle": Infinity}',
        b'{"type": "gradient", "angle": -Infinity}',
        b'{"type": "gradient", "angle": 1e400}',
        b'{"type": "gradient", "angle": ' + b"9" * 5000 + b"}",
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"NaN",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b"{}}",
        b'{"seed": "a", "seed": "a"}',
        b'{"seed": "canary7f3a", "se\\u0065d": "b"}',
        b'{"type": "lorelei", "options": {"flip": "none", "flip": "none"}}',
        b"{'seed': 'a'}",
        '{"seed": "a"}'.encode("utf-16"),
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"seed":' * 7_000 + b"1" + b"}" * 7_000,
        b"\0",
        b"canary7f3a",
        b'{"canary7f3a": 1}',
        b'{"seed": {"canary7f3a": 1}}',
        b'{"type": "canary7f3a", "colorScheme": "canary7f3a", "primaryColor": "canary7f3a"}',
    ],
)
def test_no_body_is_a_500_or_comes_back(client: httpx.Client, content: bytes) -> None:
    for address in ("/api/generate", "/api/v2/generate"):
        answer = client.post(address, content=content, headers=JSON)
        assert_failure(answer, 400)
        assert CANARY not in answer.text
        assert len(answer.content) < 2000


def test_a_field_that_is_given_twice_is_named_as_the_reason(client: httpx.Client) -> None:
    address = f"/api/identities/{'0' * 32}"
    for method, path in (("POST", "/api/generate"), ("POST", "/api/v2/generate"), ("PUT", address)):
        answer = client.request(method, path, content=b'{"seed": "a", "seed": "a"}', headers=JSON)
        assert_failure(answer, 400, mentions="body has a field more than once.")


def test_no_response_repeats_a_query_or_url(client: httpx.Client) -> None:
    for address in (f"/api/list?pick={CANARY}", f"/api/list?{CANARY}=1", f"/api/{CANARY}", f"/{CANARY}"):
        answer = client.get(address)
        assert answer.status_code in {400, 404}
        assert CANARY not in answer.text


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1])
def test_the_body_limit_is_exact(client: httpx.Client, size: int) -> None:
    content = b'{"seed": "a"}'.ljust(size)
    answer = client.post("/api/generate", content=content, headers=JSON)
    assert answer.status_code == (201 if size == 64 * 1024 else 413)


def test_a_client_that_leaves_before_its_body_does_no_harm(service: Service) -> None:
    with closing(socket.create_connection(("127.0.0.1", service.port))) as connection:
        connection.sendall(
            b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"seed":'
        )
    assert service.client.get("/api/health/live").status_code == 200
    assert "Traceback" not in service.log.read_text()


@given(st.binary(max_size=200))
def test_no_bytes_are_a_500(service: Service, content: bytes) -> None:
    answer = service.client.post("/api/generate", content=content, headers=JSON)
    assert answer.status_code in {201, 400}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
fields = st.sampled_from(["type", "primaryColor", "foreignColor", "colorScheme", "seed", "angle", "x"])


@given(st.dictionaries(fields, json_values, max_size=4) | json_values)
def test_no_json_is_a_500(service: Service, value: object) -> None:
    content = json.dumps(value).encode()
    answer = service.client.post("/api/generate", content=content, headers=JSON)
    assert answer.status_code in {201, 400}
    if answer.status_code == 400:
        assert_failure(answer, 400)


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["/api/list", "/api/health", "/api/x"]))
def test_no_query_is_a_500(service: Service, name: str, value: str, address: str) -> None:
    text = {name.encode("utf-8", "surrogatepass"): value.encode("utf-8", "surrogatepass")}
    answer = service.client.get(address, params=text)  # type: ignore[arg-type]
    assert answer.status_code in {200, 400, 404}


@given(st.binary(max_size=40), st.booleans())
def test_no_url_is_a_500(service: Service, path: bytes, slashes: bool) -> None:  # noqa: FBT001
    address = quote(path, safe="/" if slashes else "")
    assert service.client.get(f"/api/{address}").status_code in {200, 307, 400, 404, 405}


class TestUpgrades:
    """llhttp gives up behind a head that asks for another protocol: what follows was read as a request."""

    HEAD = b"POST /api/generate HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n"

    @pytest.mark.parametrize("pause", [0, 0.2])
    def test_a_body_behind_one_is_a_body(self, service: Service, pause: float) -> None:
        content = b'{"seed": "upgraded"}'
        with closing(socket.create_connection(("127.0.0.1", service.port), timeout=60)) as connection:
            connection.sendall(self.HEAD + b"Content-Length: %d\r\n\r\n" % len(content))
            time.sleep(pause)
            connection.sendall(content)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b'"seed":"upgraded"' in answer

    def test_a_chunked_body_behind_one_is_a_body(self, service: Service) -> None:
        answer = exchange(service.port, self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 201 ")

    def test_a_body_is_no_request(self, service: Service) -> None:
        avatar = service.generate()
        smuggled = b"DELETE /api/%s HTTP/1.1\r\nHost: x\r\n\r\n" % avatar.encode()
        head = self.HEAD.replace(b", close", b"") + b"Content-Length: %d\r\n\r\n" % len(smuggled)
        answer = exchange(service.port, head + smuggled, seconds=1)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert service.client.get(f"/api/{avatar}").status_code == 200

    def test_a_request_behind_one_is_answered_too(self, service: Service) -> None:
        get = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n"
        answer = exchange(
            service.port,
            get + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + get + b"Connection: close\r\n\r\n",
        )
        assert answer.count(b"HTTP/1.1 200 OK") == 2

    def test_many_behind_each_other_are_all_answered(self, service: Service) -> None:
        get = b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n"
        upgrade = get + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        answer = exchange(
            service.port, upgrade * 1500 + get + b"Connection: close\r\n\r\n", seconds=20, whole=True
        )
        assert answer.count(b"HTTP/1.1 200 OK") == 1501
        assert "RecursionError" not in service.log.read_text()

    def test_what_is_behind_a_last_one_is_passed_over(self, service: Service) -> None:
        get = (
            b"GET /api/health/live HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\n\r\n"
        )
        answer = exchange(service.port, get + b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")

    def test_this_is_no_proxy(self, service: Service) -> None:
        answer = exchange(service.port, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "path", ["/api/health", "/api/health/live", "/api/health/ready", "/api/list", "/api/palettes", "/swagger"]
)
def test_what_can_be_got_can_be_asked_about(client: httpx.Client, path: str) -> None:
    head, got = client.head(path), client.get(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]


def test_a_line_end_is_not_part_of_a_url(service: Service) -> None:
    avatar = service.generate()
    for method, path in (("GET", f"/api/{avatar}"), ("DELETE", f"/api/{avatar}"), ("GET", "/api/list")):
        assert_failure(service.client.request(method, f"{path}%0a"), 404)
    assert service.client.get(f"/api/{avatar}").status_code == 200


def test_a_name_is_not_what_lower_case_makes_of_it(client: httpx.Client) -> None:
    for body in ({"primaryColor": "blac\u212a"}, {"type": "W\u0410VE"}):
        assert_failure(client.post("/api/generate", json=body), 400)


def test_an_answer_does_not_grow_with_what_was_wrong(client: httpx.Client) -> None:
    content = json.dumps({f"f{i}": i for i in range(3000)}).encode()
    answer = client.post("/api/generate", content=content, headers=JSON)
    assert_failure(answer, 400)
    assert len(answer.content) < 1000


def test_every_line_of_if_none_match_counts(service: Service) -> None:
    avatar = service.generate()
    etag = service.client.get(f"/api/{avatar}").headers["etag"]
    headers = [("If-None-Match", '"other"'), ("If-None-Match", etag)]
    assert service.client.get(f"/api/{avatar}", headers=headers).status_code == 304


def test_a_request_id_is_kept_only_if_it_can_do_no_harm(client: httpx.Client) -> None:
    assert (
        client.get("/api/health/live", headers={"X-Request-ID": "a.b-C_9"}).headers["x-request-id"]
        == "a.b-C_9"
    )
    for sent in ("a b", "x" * 65, "a\tb", "", "é"):
        answer = client.get("/api/health/live", headers={b"X-Request-ID": sent.encode()})
        assert answer.headers["x-request-id"] != sent
        assert len(answer.headers["x-request-id"]) == 16


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        tmp_path_factory.mktemp("patient"), {"server": {"receive_timeout": 1, "idle_timeout": 1}}
    ).start()
    yield service
    service.stop()
    service.client.close()


def trickle(connection: socket.socket, data: bytes = b"G") -> None:
    for _ in range(100):
        connection.sendall(data)
        time.sleep(0.05)


class TestPatience:
    """uvicorn alone closes none of these connections, but for those that have had an answer."""

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"\r\n",
            b"GET /api/health/live HT",
            b"GET /api/health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            b'POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"se',
            b"POST /api/generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
            b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /api/he",
            b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\nxx",
        ],
    )
    def test_a_connection_that_keeps_us_waiting_is_closed(self, patient: Service, sent: bytes) -> None:
        started = time.monotonic()
        answer = exchange(patient.port, sent, seconds=6)
        assert 0.9 < time.monotonic() - started < 4
        if sent.strip() and not answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 413 ")):
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"The request took too long to arrive." in answer

    def test_a_byte_now_and_then_does_not_help(self, patient: Service) -> None:
        started = time.monotonic()
        with (
            closing(socket.create_connection(("127.0.0.1", patient.port), timeout=60)) as connection,
            pytest.raises(OSError, match=r"reset|[Bb]roken"),
        ):
            trickle(connection)
        assert time.monotonic() - started < 4

    def test_a_client_that_does_not_listen_is_not_waited_for(self, patient: Service) -> None:
        request = b"GET /swagger-assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
        with closing(socket.socket()) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", patient.port))
            with pytest.raises(ConnectionError):
                trickle(connection, request)

    def test_a_connection_in_use_stays(self, patient: Service) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{patient.port}", timeout=60) as client:
            for _ in range(6):
                assert client.get("/api/health/live").status_code == 200
                time.sleep(0.5)


def cors(service: Installation, origin: str, method: str = "GET", **headers: str) -> dict[str, str]:
    answer = service.client.request(method, "/api/list", headers={"Origin": origin, **headers})
    prefix = "access-control-"
    return {name[len(prefix) :]: value for name, value in answer.headers.items() if name.startswith(prefix)}


class TestPagesOfOtherOrigins:
    PREFLIGHT: ClassVar = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Authorization, content-type",
    }

    def test_are_not_let_in_by_default(self, make_app: MakeApp) -> None:
        service = make_app({"corsEnabled": ["https://a.example"]}).start()
        assert cors(service, "https://a.example") == {}
        assert cors(service, "https://a.example", "OPTIONS", **self.PREFLIGHT) == {}

    def test_are_let_in_with_credentials_where_they_are_named(self, make_app: MakeApp) -> None:
        service = make_app({"cors": True, "corsEnabled": ["https://a.example"]}).start()
        granted = cors(service, "https://a.example")
        assert granted.pop("expose-headers").startswith("ETag, RateLimit, ")
        assert granted == {"allow-origin": "https://a.example", "allow-credentials": "true"}
        answer = cors(service, "https://a.example", "OPTIONS", **self.PREFLIGHT)
        assert answer["allow-origin"] == "https://a.example"
        assert "Authorization" in answer["allow-headers"]
        for other in (
            "https://b.example",
            "http://a.example",
            "https://a.example:1",
            "null",
            "https://A.example",
        ):
            assert "allow-origin" not in cors(service, other)
            assert "allow-origin" not in cors(service, other, "OPTIONS", **self.PREFLIGHT)

    @pytest.mark.parametrize("origins", [[], ["*"], ["https://a.example", "*"]])
    def test_are_let_in_without_credentials_where_all_are(
        self, make_app: MakeApp, origins: list[str]
    ) -> None:
        service = make_app({"cors": True, "corsEnabled": origins}).start()
        for origin in ("https://a.example", "https://b.example", "null"):
            for answer in (
                cors(service, origin),
                cors(service, origin, Cookie="a=b"),
                cors(service, origin, "OPTIONS", **self.PREFLIGHT),
            ):
                assert answer["allow-origin"] == "*"
                assert "allow-credentials" not in answer
