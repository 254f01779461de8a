"""What pages of other origins, and under foreign host names, can do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from avatar_gen.app import create_app
from avatar_gen.services.avatars import Avatars
from avatar_gen.settings.schema import Settings
from tests.conftest import assert_failure

ORIGIN = "https://a.example"
PICTURES = [
    "/api/render/pixelize/ada.png",
    "/api/render/pixelize/ada.svg",
    "/10.x/lorelei/svg",
    f"/avatar/{'0' * 32}",
    "/api/{id}",
]
NO_AVATAR = "00000000-0000-4000-8000-000000000000"

Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings.model_validate(settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.api.router.lifespan_context(app.api),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


def run(scenario: Scenario, **settings: object) -> None:
    async def whole() -> None:
        async with serving(**settings) as client:
            await scenario(client)

    asyncio.run(whole())


async def granted(
    client: httpx.AsyncClient, path: str, origin: str = ORIGIN, method: str = "GET", **headers: str
) -> dict[str, str]:
    answer = await client.request(method, path, headers={"Origin": origin, **headers})
    prefix = "access-control-"
    return {name[len(prefix) :]: value for name, value in answer.headers.items() if name.startswith(prefix)}


READABLE = {"allow-origin": "*", "expose-headers": "*"}


def preflight(method: str, names: str) -> dict[str, str]:
    return {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}


class TestPictures:
    @pytest.mark.parametrize(
        "settings",
        [{}, {"cors": True}, {"cors": True, "corsEnabled": [ORIGIN]}, {"corsEnabled": ["https://b.example"]}],
    )
    def test_all_pages_can_read_them(self, settings: dict[str, object]) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            identity = (await client.post("/api/generate")).json()["data"]["id"]
            for path in (each.replace("{id}", identity) for each in PICTURES):
                for method in ("GET", "HEAD"):
                    for query in ("", "?x=1"):
                        fields = await granted(client, path + query, method=method)
                        assert fields == READABLE, (path, query)
                answer = await client.get(path)
                assert answer.headers["access-control-allow-origin"] == "*"
                etag = {"If-None-Match": answer.headers["etag"]}
                assert await granted(client, path, **etag) == READABLE

        run(scenario, **settings)

    @pytest.mark.parametrize(
        "settings", [{}, {"cors": True, "corsEnabled": [ORIGIN]}, {"corsEnabled": ["https://b.example"]}]
    )
    def test_all_pages_can_read_why_there_is_none(self, settings: dict[str, object]) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            await client.get("/api/list")
            for path in (each.replace("{id}", NO_AVATAR) for each in PICTURES):
                for method in ("GET", "HEAD"):
                    for status, headers in ((421, {"Host": "evil.example"}), (429, {})):
                        answer = await client.request(method, path, headers={"Origin": ORIGIN, **headers})
                        assert answer.status_code == status
                        assert answer.headers.get_list("access-control-allow-origin") == ["*"], path
                        assert answer.headers.get_list("x-robots-tag") == ["noindex"], path
                        assert "access-control-allow-credentials" not in answer.headers
            for path in ("/", "/api/list", "/swagger-assets/swagger-ui.css"):
                answer = await client.get(path)
                assert answer.status_code == 429
                assert "x-robots-tag" not in answer.headers

        run(scenario, limits={"client": "1/hour"}, **settings)

    def test_all_pages_can_read_that_the_service_has_failed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError

        async def scenario(client: httpx.AsyncClient) -> None:
            monkeypatch.setattr(Avatars, "find", fail)
            answer = await client.get(f"/api/{NO_AVATAR}", headers={"Origin": ORIGIN})
            assert_failure(answer, 500)
            assert answer.headers.get_list("access-control-allow-origin") == ["*"]

        run(scenario)

    def test_nothing_else_is_open(self) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            for path in ("/", "/api/list", "/api/health", "/api/palettes", "/swagger", "/x"):
                assert await granted(client, path) == {}
            assert await granted(client, "/api/generate", method="POST") == {}
            assert await granted(client, PICTURES[0], method="PUT") == {}

        run(scenario)


class TestPreflights:
    @pytest.mark.parametrize(
        "names", ["X-Requested-With", "if-none-match, content-type", "x-anything", "a, , b,"]
    )
    @pytest.mark.parametrize("origins", [[ORIGIN], []])
    def test_any_header_can_be_asked_for(self, names: str, origins: list[str]) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            fields = await granted(client, "/api/list", method="OPTIONS", **preflight("DELETE", names))
            assert fields["allow-headers"] == names
            assert "DELETE" in fields["allow-methods"]
            assert fields["allow-origin"] == (ORIGIN if origins else "*")

        run(scenario, cors=True, corsEnabled=origins)

    @pytest.mark.parametrize(
        ("origin", "method", "names", "reason"),
        [
            ("https://b.example", "GET", "x", "this origin may not"),
            (ORIGIN, "PATCH", "x", "may use GET, HEAD"),
            (ORIGIN, "GET", "a b", "must be a list of names"),
            (ORIGIN, "GET", "x\x80", "must be a list of names"),
        ],
    )
    def test_a_refused_one_says_why_in_the_envelope(
        self, origin: str, method: str, names: str, reason: str
    ) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            headers = {"Origin": origin, **preflight(method, "")}
            raw = [*headers.items(), ("Access-Control-Request-Headers", names.encode("latin-1"))]
            sent = [(name, value) for name, value in raw if value != ""]
            answer = await client.request("OPTIONS", "/api/list", headers=sent)  # type: ignore[arg-type]
            assert_failure(answer, 400, mentions=reason)
            assert "access-control-allow-methods" not in answer.headers

        run(scenario, cors=True, corsEnabled=[ORIGIN])

    def test_an_options_request_that_is_no_preflight_is_handled_as_usual(self) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            answer = await client.options("/api/list", headers={"Origin": ORIGIN})
            assert_failure(answer, 405)

        run(scenario, cors=True)


@pytest.mark.parametrize(
    "written", ["https://a.example/", "HTTPS://A.example", "https://a.example:443", "https://a.example"]
)
def test_an_origin_is_written_in_any_way_that_means_it(written: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await granted(client, "/api/list"))["allow-origin"] == ORIGIN
        assert await granted(client, "/api/list", "https://a.example:444") == {}

    run(scenario, cors=True, corsEnabled=[written])


class TestHosts:
    def test_a_foreign_name_is_refused_before_anything_else(self) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            for method, path in (
                ("GET", "/api/list"),
                ("DELETE", "/api/x"),
                ("GET", "/"),
                ("PUT", PICTURES[0]),
            ):
                headers = {"Host": "evil.example", "Origin": ORIGIN}
                answer = await client.request(method, path, headers=headers)
                assert_failure(answer, 421, mentions="ALLOWED_HOSTS")
                assert "evil" not in answer.text
                assert not [name for name in answer.headers if name.startswith(("access-", "ratelimit"))]

        run(scenario, cors=True, limits={"client": "1/hour"})

    def test_names_without_a_dot_and_ip_addresses_are_served(self) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            for host in ("localhost:3000", "127.0.0.1", "[::1]:3000", "avatar-backend", "a.example"):
                answer = await client.get("/api/list", headers={"Host": host})
                assert answer.status_code == 200

        run(scenario, server={"allowed_hosts": ["a.example"]})

    def test_with_keys_all_names_are_served(self) -> None:
        async def scenario(client: httpx.AsyncClient) -> None:
            answer = await client.get("/api/palettes", headers={"Host": "any.example"})
            assert answer.status_code == 200

        run(scenario, auth={"api_keys": ["0" * 64]})
