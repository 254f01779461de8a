"""Pictures from other avatar servers, against a real HTTP server."""

import asyncio
import io
import shutil
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import libravatar
import pytest
from PIL import Image

from avatar_gen.errors import SettingsError
from avatar_gen.runtime.http_client import FetchError, fetch, is_public, public_addresses
from avatar_gen.services.health import DependencyState, HealthReport
from avatar_gen.services.identities import IdentityPicture
from avatar_gen.services.photos import Photos
from avatar_gen.services.upstreams import (
    ERRORS_TO_OPEN,
    KNOWN,
    MAX_ASKED,
    MAX_BYTES,
    MISS_SECONDS,
    RETRY_SECONDS,
    Upstreams,
)
from avatar_gen.settings.pictures import Libravatar
from avatar_gen.telemetry.metrics_collector import Sources, collect
from avatar_gen.telemetry.request_statistics import RequestStatistics
from tests.conftest import App, MakeApp
from tests.servers import upstream as server
from tests.servers.upstream import Behaviour, UpstreamServer, found, picture, status

FAST = 0.3
"""Seconds: short for a test, and long enough for an upstream that answers nothing."""


def hash_of(name: object) -> str:
    return sha256(str(name).encode()).hexdigest()


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as started:
        yield started


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Photos]:
    """The decoder of an application that is running."""
    app = App(tmp_path_factory.mktemp("decoding")).start()
    application = app.client._transport._transport.app  # type: ignore[attr-defined]
    yield application.api.state.photos
    app.close()


class Asked:
    """Upstreams on a clock that the test moves, asked one hash after the other."""

    def __init__(self, photos: Photos, *urls: str, **settings: float) -> None:
        self.now = 1000.0
        self.counts = RequestStatistics()
        section = Libravatar.model_validate({"upstreams": list(urls), **settings})
        self.upstreams = Upstreams(section, photos, self.counts, lambda: self.now)

    async def colour(self, identity: str) -> tuple[int, ...] | None:
        """Return the colour of the picture, or None if there is none."""
        prepared = await self.upstreams.picture(IdentityPicture(identity, 16, "png"))
        # A request can end a moment after the wait for it. In a test, its event loop would end before it.
        await asyncio.gather(*self.upstreams._asking.values())
        if prepared is None:
            return None
        pixel = Image.open(io.BytesIO(prepared.make())).convert("RGB").getpixel((8, 8))
        assert isinstance(pixel, tuple)
        return tuple(round(each / 32) for each in pixel)

    def outcomes(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, outcome), count in self.counts.upstreams.items():
            found[outcome] += count
        return found


RED, BLUE = (8, 0, 0), (0, 0, 8)


class TestAPicture:
    def test_is_fetched_once_and_served_in_every_size_and_format(
        self, make_app: MakeApp, upstream: UpstreamServer
    ) -> None:
        app = make_app({"libravatar": {"upstreams": [upstream.url]}}).start()
        upstream.answers[hash_of("ada")] = found(picture("red", "JPEG"), "image/jpeg; charset=x")
        for query, extension in (("", ""), ("?s=200", ".webp"), ("?s=1", ".jpg"), ("?d=404", ".avif")):
            answer = app.client.get(f"/avatar/{hash_of('ada')}{extension}{query}")
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=300"
            shown = Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel((0, 0))
            assert isinstance(shown, tuple)
            assert shown[0] > 240
            assert max(shown[1:]) < 15
        assert Image.open(io.BytesIO(answer.content)).size == (80, 80)
        again = app.client.get(
            f"/avatar/{hash_of('ada')}.avif", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
        assert len(upstream.requests) == 1

    def test_is_fetched_without_a_trace_of_the_visitor(
        self, make_app: MakeApp, upstream: UpstreamServer
    ) -> None:
        app = make_app({"libravatar": {"upstreams": [f"{upstream.url}/some/avatar/"]}}).start()
        visitor = {
            "X-Forwarded-For": "203.0.113.9",
            "Referer": "https://example.org/x",
            "Cookie": "a=b",
            "User-Agent": "Visitor",
            "Accept-Language": "tlh",
        }
        app.client.get(f"/avatar/{hash_of('ada').upper()}?s=40&d=identicon&name=Ada", headers=visitor)
        (request,) = upstream.requests
        assert request.path == f"/some/avatar/{hash_of('ada')}?s=512&d=404"
        assert {name.lower() for name in request.headers} == {
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "connection",
        }
        assert request.headers["user-agent"].startswith("avatar-gen/")
        assert request.headers["host"] == upstream.label

    def test_of_a_linked_hash_is_the_linked_one(self, make_app: MakeApp, upstream: UpstreamServer) -> None:
        app = make_app({"libravatar": {"upstreams": [upstream.url]}}).start()
        avatar = app.generate(seed="ada")
        assert (
            app.client.put(f"/api/identities/{hash_of('ada')}", json={"avatarId": avatar}).status_code == 200
        )
        for path in (hash_of("ada"), f"{hash_of('bob')}?f=y", "", "abc"):
            assert app.client.get(f"/avatar/{path}").status_code == 200
        assert not upstream.requests

    def test_is_not_fetched_by_default(self, app_off: httpx.Client, upstream: UpstreamServer) -> None:
        assert app_off.get(f"/avatar/{hash_of('ada')}").status_code == 200
        assert not upstream.requests

    def test_comes_from_the_first_upstream_that_has_one(
        self, photos: Photos, upstream: UpstreamServer
    ) -> None:
        with UpstreamServer() as second:
            asked = Asked(photos, upstream.url, second.url, upstream_timeout=5)
            upstream.answers[hash_of("both")] = found(picture("red"))
            second.every = found(picture("blue"))
            upstream.answers[hash_of("broken")] = status(500)
            assert asyncio.run(asked.colour(hash_of("both"))) == RED
            assert not second.requests
            assert asyncio.run(asked.colour(hash_of("missing"))) == BLUE
            assert asyncio.run(asked.colour(hash_of("broken"))) == BLUE
        assert asked.counts.upstreams == {
            (upstream.label, "found"): 1,
            (upstream.label, "missing"): 1,
            (upstream.label, "failed"): 1,
            (second.label, "found"): 2,
        }

    def test_is_fetched_once_for_requests_at_the_same_time(
        self, make_app: MakeApp, upstream: UpstreamServer
    ) -> None:
        app = make_app({"libravatar": {"upstreams": [upstream.url], "upstream_timeout": 30}}).start()

        def answer(handler: server.Handler) -> None:
            upstream.released.wait()
            found(picture("red"))(handler)

        upstream.every = answer
        with ThreadPoolExecutor(8) as threads:
            url = f"/avatar/{hash_of('ada')}"
            answers = [threads.submit(app.client.get, url) for _ in range(8)]
            upstream.wait_for_requests(1)
            upstream.released.set()
            contents = {each.result().content for each in answers}
        assert len(contents) == 1
        assert len(upstream.requests) == 1


@pytest.fixture(scope="module")
def app_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("off")).start()
    yield app.client
    app.close()


REFUSED: dict[str, Behaviour] = {
    "a redirect": status(302, Location="http://127.0.0.1:1/elsewhere"),
    "a permanent redirect": status(301, Location="/avatar/other"),
    "a page": found(b"<html>", "text/html"),
    "no type": lambda handler: handler.reply(200, picture()),
    "an SVG": found(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    "a page that claims to be a picture": found(b"<html>", "image/png"),
    "a broken picture": found(picture()[:500], "image/png"),
    "nothing": found(b""),
    "a picture that is too small": found(picture(px=8)),
    "a huge answer by its length": server.huge_by_its_length,
    "a huge answer in pieces": server.huge_in_pieces,
    "an endless answer": server.endless,
    "forbidden": status(403),
    "not found": status(404),
    "gone": status(410),
}
FAILED: dict[str, Behaviour] = {
    "an error": status(500),
    "too many requests": status(429),
    "an answer that is cut": server.cut,
    "another protocol": server.garbage,
    "a switch to another protocol": server.another_protocol,
    "a length that is no number": lambda handler: handler.reply(200, Content_Length="many"),
    "a length of too many digits": lambda handler: handler.reply(200, Content_Length="9" * 5000),
    "too many headers": lambda handler: handler.reply(200, X_Long="x" * 200_000),
    "a closed connection": server.hang_up,
    "no answer": server.hang,
    "a head that never ends": server.drip_the_head,
    "a body that never ends": server.drip_the_body,
    "information that never ends": server.drip_information,
}


class TestWhatIsNoPicture:
    @pytest.mark.parametrize("name", REFUSED)
    def test_is_not_asked_for_again_for_an_hour(
        self, photos: Photos, upstream: UpstreamServer, name: str
    ) -> None:
        asked = Asked(photos, upstream.url, upstream_timeout=30)
        upstream.every = REFUSED[name]
        assert asyncio.run(asked.colour(hash_of("ada"))) is None
        asked.now += MISS_SECONDS - 1
        assert asyncio.run(asked.colour(hash_of("ada"))) is None
        assert len(upstream.requests) == 1
        assert asked.outcomes() == {"missing" if name in {"not found", "gone"} else "refused": 1}
        if "huge" in name or "endless" in name:
            upstream.wait_until_given_up()
        upstream.every = found(picture("red"))
        asked.now += 2
        assert asyncio.run(asked.colour(hash_of("ada"))) == RED

    @pytest.mark.parametrize("name", FAILED)
    def test_is_asked_for_again_soon_after_an_error(
        self, photos: Photos, upstream: UpstreamServer, name: str
    ) -> None:
        takes_long = name.startswith("no ") or name.endswith("never ends")
        asked = Asked(photos, upstream.url, upstream_timeout=FAST if takes_long else 30)
        upstream.every = FAILED[name]
        assert asyncio.run(asked.colour(hash_of("ada"))) is None
        assert asyncio.run(asked.colour(hash_of("ada"))) is None
        # On a busy machine, a short time may end before the request arrives.
        assert len(upstream.requests) <= 1
        assert asked.outcomes() == {"failed": 1}
        if name.endswith("never ends") and upstream.requests:
            upstream.wait_until_given_up()

    @pytest.mark.parametrize(
        ("behaviour", "seconds"), [(REFUSED["a redirect"], 30), (status(404), 30), (server.hang, FAST)]
    )
    def test_leaves_the_default_of_the_client(
        self,
        make_app: MakeApp,
        app_off: httpx.Client,
        upstream: UpstreamServer,
        behaviour: Behaviour,
        seconds: float,
    ) -> None:
        settings = {"upstreams": [upstream.url], "upstream_timeout": seconds}
        app = make_app({"libravatar": settings}).start()
        upstream.every = behaviour
        for default in ("identicon", "mp", "404"):
            path = f"/avatar/{hash_of('ada')}?d={default}"
            answer, expected = app.client.get(path), app_off.get(path)
            assert (answer.status_code, answer.content) == (expected.status_code, expected.content)
        assert len(upstream.requests) <= 1


class TestAnUpstreamThatFails:
    def test_is_left_alone_for_a_while(self, photos: Photos, upstream: UpstreamServer) -> None:
        asked = Asked(photos, upstream.url, upstream_timeout=30)
        upstream.every = status(503)
        for number in range(ERRORS_TO_OPEN + 3):
            assert asyncio.run(asked.colour(hash_of(number))) is None
        assert len(upstream.requests) == ERRORS_TO_OPEN
        assert asked.outcomes() == {"failed": ERRORS_TO_OPEN, "skipped": 3}
        # One request finds out that it still fails, and the next pause begins.
        asked.now += RETRY_SECONDS + 1
        for number in range(100, 103):
            assert asyncio.run(asked.colour(hash_of(number))) is None
        assert len(upstream.requests) == ERRORS_TO_OPEN + 1
        asked.now += RETRY_SECONDS + 1
        upstream.every = found(picture("red"))
        for number in range(200, 203):
            assert asyncio.run(asked.colour(hash_of(number))) == RED

    def test_costs_a_visitor_a_bounded_time_and_others_nothing(
        self, photos: Photos, upstream: UpstreamServer
    ) -> None:
        with UpstreamServer() as second:
            upstream.every = second.every = server.hang
            asked = Asked(photos, upstream.url, second.url, upstream_timeout=FAST)

            async def ask() -> float:
                loop = asyncio.get_running_loop()
                start = loop.time()
                assert await asked.colour(hash_of("ada")) is None
                return loop.time() - start

            # A hanging server would answer nothing for 30 seconds.
            assert FAST <= asyncio.run(ask()) < 15

    def test_leaves_a_picture_that_was_fetched_before(self, photos: Photos, upstream: UpstreamServer) -> None:
        asked = Asked(photos, upstream.url, upstream_timeout=30, upstream_max_age=100)
        upstream.every = found(picture("red"))
        assert asyncio.run(asked.colour(hash_of("ada"))) == RED
        asked.now += 99
        upstream.every = status(500)
        assert asyncio.run(asked.colour(hash_of("ada"))) == RED
        assert len(upstream.requests) == 1
        asked.now += 2
        assert asyncio.run(asked.colour(hash_of("ada"))) == RED
        assert len(upstream.requests) == 2
        upstream.every = status(404)
        asked.now += RETRY_SECONDS + 1
        assert asyncio.run(asked.colour(hash_of("ada"))) is None

    def test_takes_a_bounded_number_of_requests(self, make_app: MakeApp, upstream: UpstreamServer) -> None:
        app = make_app({"libravatar": {"upstreams": [upstream.url], "upstream_timeout": 30}}).start()
        upstream.every = server.hang
        with ThreadPoolExecutor(MAX_ASKED) as threads:
            waiting = [
                threads.submit(app.client.get, f"/avatar/{hash_of(number)}") for number in range(MAX_ASKED)
            ]
            upstream.wait_for_requests(MAX_ASKED)
            default = app.client.get(f"/avatar/{hash_of('ada')}")
            assert default.status_code == 200
            assert len(upstream.requests) == MAX_ASKED
            upstream.released.set()
            assert {each.result().content for each in waiting} == {default.content}


def test_the_memory_of_fetched_pictures_is_bounded(photos: Photos, upstream: UpstreamServer) -> None:
    asked = Asked(photos, upstream.url, upstream_timeout=30, upstream_cache=1)
    for number in range(9):
        upstream.answers[hash_of(number)] = found(noise(number))
        assert asyncio.run(asked.colour(hash_of(number))) is not None
    assert 700_000 < asked.upstreams.cache.size <= 1_000_000
    before = len(upstream.requests)
    asyncio.run(asked.colour(hash_of(8)))
    assert len(upstream.requests) == before
    asyncio.run(asked.colour(hash_of(0)))
    assert len(upstream.requests) == before + 1


def noise(seed: int) -> bytes:
    """Return a picture that takes much room."""
    file = io.BytesIO()
    Image.effect_noise((512, 512), 60 + seed).save(file, "JPEG", quality=85)
    return file.getvalue()


def test_requests_to_upstreams_are_counted_in_the_metrics(photos: Photos, upstream: UpstreamServer) -> None:
    asked = Asked(photos, upstream.url, upstream_timeout=30)
    upstream.answers = {hash_of("ada"): found(picture()), hash_of("page"): REFUSED["a page"]}
    for name in ("ada", "page", "missing"):
        asyncio.run(asked.colour(hash_of(name)))
    asyncio.run(asked.colour(hash_of("ada")))

    async def healthy() -> HealthReport:
        return HealthReport({"database": DependencyState(up=True, kind="sqlite")}, 0, None)

    caches = {"upstreams": asked.upstreams.cache}
    sources = Sources(asked.counts, healthy, {}, caches, lambda: 0)
    samples = [sample for metric in asyncio.run(collect(sources)) for sample in metric.samples]
    counted = {
        sample.labels["outcome"]: sample.value
        for sample in samples
        if sample.name == "avatar_upstream_requests_total" and sample.labels["upstream"] == upstream.label
    }
    assert counted == {"found": 1, "refused": 1, "missing": 1}
    assert ("avatar_cache_hits_total", {"cache": "upstreams"}, 1) in [sample[:3] for sample in samples]


class TestAHost:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",  # noqa: S104 - nothing listens
            "224.0.0.1",
            "::1",
            "fe80::1%eth0",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "ff02::1",
        ],
    )
    def test_must_not_be_private(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
    def test_may_be_public(self, address: str) -> None:
        assert is_public(address)

    def test_by_name_must_not_lead_to_a_private_address(
        self, photos: Photos, upstream: UpstreamServer
    ) -> None:
        upstream.every = found(picture("red"))
        asked = Asked(photos, f"http://localhost:{upstream.port}", upstream_timeout=30)
        assert asyncio.run(asked.colour(hash_of("ada"))) is None
        assert asked.outcomes() == {"failed": 1}
        assert not upstream.requests
        with pytest.raises(FetchError, match="only private addresses"):
            asyncio.run(public_addresses("localhost", 80))

    def test_by_name_must_exist(self) -> None:
        with pytest.raises(FetchError, match="its name has no address"):
            asyncio.run(public_addresses("nothing.invalid", 80))

    def test_is_tried_at_each_of_its_addresses(self, upstream: UpstreamServer) -> None:
        upstream.every = found(b"here")

        async def addresses(_host: str, _port: int) -> list[str]:
            return ["127.0.0.99", "127.0.0.1"]

        url = f"http://upstream.test:{upstream.port}/x"
        answer = asyncio.run(fetch(url, seconds=30, max_bytes=100, resolve=addresses))
        assert answer.body == b"here"
        assert upstream.requests[0].headers["host"] == f"upstream.test:{upstream.port}"

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
    def test_must_prove_its_name(self, tmp_path: Path) -> None:
        key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            f" -keyout {key} -out {certificate} -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        )
        subprocess.run(command.split(), check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with UpstreamServer(context) as secure:
            secure.every = found(picture("red"))
            url = secure.url.replace("http:", "https:")
            with pytest.raises(FetchError, match=r"the connection failed: .*certificate"):
                asyncio.run(fetch(url, seconds=30, max_bytes=100))
            assert not secure.requests


@pytest.mark.parametrize(
    "name",
    [
        "ftp://example.org",
        "gravatar.com",
        "https://example.org/?x=1",
        "https://a b",
        "https://u:p@example.org",
        "",
    ],
)
def test_a_name_that_is_no_upstream_stops_the_start(make_app: MakeApp, name: str) -> None:
    with pytest.raises(SettingsError, match=r"libravatar\.upstreams"):
        make_app({"libravatar": {"upstreams": [name]}}).start()


def test_the_security_page_names_the_limits() -> None:
    page = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    seconds = Libravatar().upstream_timeout
    assert f"the answer is limited to {MAX_BYTES // 10**6} MB and {seconds:g} s" in " ".join(page.split())


def test_the_known_upstreams_are_those_of_their_clients() -> None:
    assert KNOWN["libravatar"].startswith(f"{libravatar.SECURE_BASE_URL}{{hash}}?")
    assert KNOWN["gravatar"].startswith("https://secure.gravatar.com/avatar/{hash}?")
