"""What the gateway adds to the service: a real nginx with the gateway's own configuration."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.api.test_jobs import start
from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import MakeService, Service
from tests.servers.gateway import NGINX, ROOT, Gateway
from tests.servers.net import Proxy, exchange, free_port
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.skipif(not NGINX, reason="there is no nginx here: apt-get install nginx-light")

HASH = "0" * 31
ONE_SECOND = 1.0
"""How long the gateway keeps a stored picture."""


@pytest.fixture
def backend(make_service: MakeService) -> Service:
    return make_service(environ={"AUTH_SIGNING_KEY": "k" * 32}).start()


@pytest.fixture
def between(backend: Service) -> Iterator[Proxy]:
    """What lies between the gateway and the service, and counts connections."""
    proxy = Proxy(backend.port)
    yield proxy
    proxy.close()


@pytest.fixture
def gateway(between: Proxy) -> Iterator[Gateway]:
    running = Gateway(between.port).start()
    yield running
    running.stop()


def test_connections_to_the_service_are_kept(gateway: Gateway, between: Proxy) -> None:
    before = between.accepted
    for number in range(100):
        answer = gateway.client.get(f"/api/render/pixelize/{number}.png?size=16")
        assert answer.headers["X-Cache"] == "MISS"
    assert between.accepted - before <= 2


def test_a_deleted_avatar_is_gone_at_once(gateway: Gateway, backend: Service) -> None:
    avatar_id = backend.generate(seed="ada")
    addresses = [f"/api/{avatar_id}", f"/api/{avatar_id}?size=9&format=webp"]
    for address in addresses:
        assert gateway.client.get(address).status_code == 200
        assert gateway.client.get(address).headers["X-Cache"] == "HIT"
    gateway.client.delete(f"/api/{avatar_id}").raise_for_status()
    for address in addresses:
        wait_until(lambda address=address: gateway.client.get(address).status_code == 404)  # type: ignore[misc]
    assert_not_shown_while_the_storage_is_away(gateway, backend)
    # Not even while the service is away: the 404 has taken the picture's place in the cache.
    backend.stop()
    assert {gateway.client.get(address).status_code for address in addresses} <= {404, 503}


def assert_not_shown_while_the_storage_is_away(gateway: Gateway, backend: Service) -> None:
    """Delete an avatar that is in the cache of the gateway, before the gateway has asked for it again."""
    deleted, other = backend.generate(), backend.generate()
    for avatar_id in (deleted, other):
        assert gateway.client.get(f"/api/{avatar_id}").status_code == 200
    gateway.client.delete(f"/api/{deleted}").raise_for_status()
    avatars = backend.folder / "storage" / "avatars"
    away = avatars.rename(avatars.with_name("away"))
    wait_until(lambda: gateway.client.get(f"/api/{deleted}").status_code == 503)
    assert gateway.client.get(f"/api/{other}").status_code == 200
    away.rename(avatars)


def test_an_unchanged_picture_is_not_sent_again(gateway: Gateway, backend: Service) -> None:
    """The gateway asks by the ETag, and the service answers 304."""
    address = f"/api/{backend.generate(seed='ada')}"
    picture = gateway.client.get(address).content
    wait_until(lambda: gateway.client.get(address).headers["X-Cache"] == "REVALIDATED")
    assert gateway.client.get(address).content == picture


def test_a_replaced_identity_is_gone_at_once(gateway: Gateway, backend: Service) -> None:
    address = f"/avatar/{HASH}1?s=64"
    pictures: list[bytes] = []
    for seed in ("ada", "grace"):
        link = {"avatarId": backend.generate(seed=seed)}
        gateway.client.put(f"/api/identities/{HASH}1", json=link).raise_for_status()
        before = pictures[-1] if pictures else None
        wait_until(lambda before=before: gateway.client.get(address).content != before)  # type: ignore[misc]
        pictures.append(gateway.client.get(address).content)
        assert pictures[-1] == backend.client.get(address).content
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    ("path", "headers", "vary"),
    [
        ("/api/render/pixelize/ada", {"Accept": "image/webp"}, {"accept"}),
        ("/api/render/pixelize/ada.svg", {}, {"accept-encoding"}),
        ("/openapi.json", {}, {"accept-encoding"}),
        ("/api/render/pixelize/ada.png", {}, set()),
    ],
)
def test_there_is_one_vary(gateway: Gateway, path: str, headers: dict[str, str], vary: set[str]) -> None:
    for _ in range(2):  # the second comes from the cache
        answer = gateway.client.get(path, headers=headers)
        assert answer.status_code == 200
        fields = answer.headers.get_list("Vary")
        assert len(fields) == bool(vary)
        assert {name.strip().lower() for name in ",".join(fields).split(",")} - {""} == vary


def test_photographs_pass_and_other_bodies_stay_small(gateway: Gateway) -> None:
    link = gateway.client.post("/api/picker-links", json={"identity": f"{HASH}3"}).json()["data"]
    headers = {"Authorization": f"Bearer {link['url'].partition('#')[2]}"}
    # A JPEG file may have any bytes after its end.
    large = PHOTOGRAPH + b"\0" * 1_000_000
    for path in ("/api/upload", "/api/picker/upload"):
        answer = gateway.client.post(path, files={"file": large}, headers=headers)
        assert answer.status_code == 201, answer.text
    assert gateway.client.put("/api/upload", content=large).status_code == 201
    assert gateway.client.post("/api/generate", content=b" " * 100_000).status_code == 413


def test_jobs_pass_and_their_events_come_at_once(gateway: Gateway) -> None:
    """The first event comes while the job runs, which the gateway must not collect."""
    url = start(gateway.client, "seed\n" + "ada@example.org\n" * 6000)
    with gateway.client.stream("GET", f"{url}/events") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        first = next(line for line in answer.iter_lines() if line.startswith("data:"))
    assert json.loads(first.removeprefix("data:"))["total"] == 6000
    assert gateway.client.get(url).json()["data"]["endedAt"] is None
    assert gateway.client.delete(url).status_code == 200


def test_only_the_picker_may_be_framed_if_the_service_says_so(make_service: MakeService) -> None:
    for settings, expected in (({}, "DENY"), ({"picker": {"origins": ["https://example.org"]}}, None)):
        gateway = Gateway(make_service(settings).start().port).start()
        answers = {path: gateway.client.get(path) for path in ("/", "/pick", "/api/styles")}
        gateway.stop()
        assert answers.pop("/pick").headers.get("x-frame-options") == expected
        assert {answer.headers.get("x-frame-options") for answer in answers.values()} == {"DENY"}


def test_compression_by_the_service_passes_with_one_vary(make_service: MakeService) -> None:
    origin = "https://example.org"
    service = make_service({"cors": True, "corsEnabled": [origin]}).start()
    gateway = Gateway(service.port).start()
    styles = gateway.client.get("/api/styles", headers={"Origin": origin})
    plain = {"Accept-Encoding": "identity"}
    # Twice, so that the second answer comes from the cache.
    packed = [gateway.client.get("/api/render/lorelei/ada.svg") for _ in range(2)]
    other = gateway.client.get("/api/render/lorelei/ada.svg", headers=plain)
    gateway.stop()
    assert styles.headers["Content-Encoding"] == "gzip"
    assert styles.headers.get_list("Vary") == ["Accept-Encoding, Origin"]
    assert [answer.headers["X-Cache"] for answer in packed] == ["MISS", "HIT"]
    assert {answer.headers["Content-Encoding"] for answer in packed} == {"gzip"}
    assert "Content-Encoding" not in other.headers
    assert {answer.content for answer in packed} == {other.content}


def _contains(file: Path, text: str) -> bool:
    return text in file.read_text()


def test_no_log_has_a_seed_or_a_hash(gateway: Gateway, backend: Service) -> None:
    seed = "canary7f3a"
    client = gateway.client
    for address in (f"/api/render/pixelize.png?seed={seed}", f"/avatar/{HASH}2"):
        assert client.get(address).status_code == 200
    # So many at once, from the cache, that it is too many on a slow machine too.
    address = f"/api/render/pixelize/{seed}.png?size=16"
    many = f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 900
    assert b"HTTP/1.1 429" in exchange(gateway.port, many, whole=True, seconds=12)
    backend.stop()
    wait_until(lambda: client.get(f"/api/render/wave/{seed}-.png").status_code == 503)
    for part in ('"path":"/api/render/pixelize/-"', '"upstream_status":"502'):
        wait_until(partial(_contains, gateway.access_log, part))
    for text in (gateway.access_log.read_text(), gateway.log.read_text()):
        assert seed not in text
        assert HASH not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "BREW"])
def test_the_log_names_the_method_also_of_refused_requests(gateway: Gateway, method: str) -> None:
    answer = gateway.client.request(method, "/api/generate", content=b" " * 100_000)
    assert answer.status_code == 413
    expected = f'"method":"{method}","path":"/api/generate","status":413,'
    wait_until(lambda: expected in gateway.access_log.read_text(), explain=gateway.access_log.read_text)


def test_a_restart_of_the_service_costs_no_more_than_the_restart(gateway: Gateway, backend: Service) -> None:
    """As soon as the service answers, so does the gateway."""
    backend.stop()
    wait_until(lambda: gateway.client.get("/api/color-schemes").status_code == 503)
    answer = gateway.client.get("/api/color-schemes")
    assert answer.headers["Retry-After"] == "1"
    backend.start()
    assert gateway.client.get("/api/color-schemes").status_code == 200


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name of the base class

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A server that answers every request."""
    with HTTPServer(("127.0.0.1", port), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_a_backend_that_has_just_started_stands_in_for_another_that_stops() -> None:
    """Also if the gateway has asked it before it listened."""
    old, new = free_port(), free_port()
    gateway = Gateway(old, new)
    with ExitStack() as started:
        with answering(old):
            gateway.start()
            started.callback(gateway.stop)
            assert {gateway.client.get("/api/list").status_code for _ in range(4)} == {200}
            started.enter_context(answering(new))
        assert gateway.client.get("/api/list").status_code == 200
        assert gateway.client.post("/api/generate").status_code == 200


@pytest.fixture
def forgetful() -> Iterator[Gateway]:
    """A gateway of a server that answers nothing to the first request for each URL, and closes."""
    seen: set[str] = set()

    class Forgetful(Answering):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self.rfile.read(length)
            if self.path not in seen:
                seen.add(self.path)
                self.close_connection = True
                return
            super().do_GET()

        do_POST = do_GET  # noqa: N815 - the name of the base class

    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        running = Gateway(server.server_port).start()
        yield running
        running.stop()
        server.shutdown()


def test_only_a_request_that_reads_begins_again(forgetful: Gateway) -> None:
    """As when the name server drops a replica while a request waits for it: no other one is tried then."""
    assert forgetful.client.get("/api/list").status_code == 200
    assert forgetful.client.get("/api/render/pixelize/ada.png").status_code == 200
    assert forgetful.client.post("/api/generate").status_code == 503


def test_names_are_resolved_again_and_several_backends_are_used() -> None:
    """What nginx 1.22 of Debian cannot run is held against the text: `make image-test` runs it."""
    text = (ROOT / "backend/docker/gateway/nginx.conf").read_text(encoding="utf-8")
    assert re.search(r"server avatar-backend:3000 resolve max_fails=0;", text)
    assert "resolver 127.0.0.11 valid=1s" in text
