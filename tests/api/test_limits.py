"""Limits, on a real server: who is refused, when, and what everybody is told."""

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import httpx
import pytest

from avatar_gen.security.api_keys import hash_of, new_key
from tests.api.test_access import bearer
from tests.conftest import App, MakeApp, Service, assert_failure

PICTURE = "/api/render/pixelize/ada.png"
PROXIED = {"trusted_proxies": ["127.0.0.1"]}


def limited(make_app: MakeApp, settings: Mapping[str, Any]) -> App:
    """A service that knows clients by what we say of them, and one of its avatars."""
    app = make_app({"server": PROXIED, **settings}).start()
    app.client.headers["X-Forwarded-For"] = "203.0.113.254"
    return app


def of(client: str) -> dict[str, str]:
    return {"X-Forwarded-For": client}


def fields(answer: httpx.Response) -> dict[str, tuple[int, int]]:
    """`RateLimit` by policy: what remains, and the seconds in which it is no more."""
    items = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    return {name: (int(remaining), int(seconds)) for name, remaining, seconds in items}


def test_without_limits_nothing_is_counted_and_nothing_said(service: Service) -> None:
    for answer in [service.client.get(PICTURE) for _ in range(300)]:
        assert answer.status_code == 200
        assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)
    assert '"429"' not in service.client.get("/openapi.json").text


def test_too_many_requests_get_429_and_the_seconds_to_wait(make_app: MakeApp) -> None:
    service = limited(make_app, {"limits": {"client": "1/s burst 3"}, "cors": True})
    answers = [
        service.client.get(PICTURE, headers=of("192.0.2.1") | {"Origin": "https://a.example"})
        for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [fields(answer)["client"][0] for answer in answers] == [2, 1, 0, 0]
    refused = answers[-1]
    assert_failure(refused, 429, mentions="Too many requests. Try again in 1 second.")
    assert refused.headers["ratelimit-policy"] == '"client";q=3;w=3'
    assert refused.headers["access-control-allow-origin"] == "*"
    assert refused.headers["access-control-expose-headers"] == "*"
    assert refused.headers["x-request-id"]
    # Nobody else has to wait, and he no longer than he was told.
    assert service.client.get(PICTURE, headers=of("192.0.2.2")).status_code == 200
    time.sleep(int(refused.headers["retry-after"]))
    assert service.client.get(PICTURE, headers=of("192.0.2.1")).status_code == 200


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", PICTURE),
        ("HEAD", PICTURE),
        ("GET", f"/avatar/{'0' * 32}"),
        ("GET", "/10.x/lorelei/svg"),
        ("GET", "/api/00000000-0000-4000-8000-000000000000"),
        ("GET", "/api/list"),
        ("GET", "/api/styles"),
        ("GET", "/openapi.json"),
        ("GET", "/nothing"),
        ("POST", "/api/generate"),
        ("PUT", PICTURE),
        ("DELETE", "/api/00000000-0000-4000-8000-000000000000"),
        ("OPTIONS", "/api/generate"),
        ("GET", "/api/health/../list"),
        ("GET", "/api//health"),
        ("GET", "/api/health//"),
    ],
)
def test_every_route_counts(counted: Service, method: str, address: str) -> None:
    client = of(f"2001:db8:{crc32(f'{method} {address}'.encode()) & 0xFFFF:x}::1")
    statuses = [counted.client.request(method, address, headers=client).status_code for _ in range(3)]
    assert 429 not in statuses[:2]
    assert statuses[2] == 429


def test_but_health(counted: Service) -> None:
    for address in ("/api/health", "/api/health/live", "/api/health/ready"):
        for _ in range(5):
            answer = counted.client.get(address, headers=of("192.0.2.3"))
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    service = Service(
        tmp_path_factory.mktemp("counted"), {"server": PROXIED, "limits": {"client": "1/hour burst 2"}}
    )
    service.start()
    yield service
    assert service.stop() == 0
    service.client.close()


def test_the_document_says_so(counted: Service) -> None:
    document = counted.client.get("/openapi.json", headers=of("192.0.2.4")).json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("429" in operation["responses"]) != path.startswith("/api/health")
    headers = document["paths"]["/api/list"]["get"]["responses"]["429"]["headers"]
    assert set(headers) == {"RateLimit", "RateLimit-Policy", "Retry-After"}


def test_an_ipv6_network_is_one_client_even_if_it_claims_to_be_another(counted: Service) -> None:
    for number in range(2):
        assert counted.client.get(PICTURE, headers=of(f"2001:db8:aaaa:1::{number}")).status_code == 200
    assert counted.client.get(PICTURE, headers=of("2001:db8:aaaa:1:ffff::")).status_code == 429
    assert counted.client.get(PICTURE, headers=of("2001:db8:aaaa:2::")).status_code == 200
    for number in range(2):
        forged = of(f"198.51.100.{number}, 192.0.2.50")
        assert counted.client.get(PICTURE, headers=forged).status_code == 200
    assert counted.client.get(PICTURE, headers=of("192.0.2.51, 192.0.2.50")).status_code == 429


def test_without_trusted_proxies_the_address_of_the_connection_counts(make_app: MakeApp) -> None:
    service = make_app({"limits": {"client": "1/hour burst 50"}}).start()
    statuses = []
    for number in range(51):
        headers = of(f"192.0.2.{number}") | {"X-Real-IP": f"192.0.2.{number}", "Forwarded": "for=192.0.2.1"}
        statuses.append(service.client.get(PICTURE, headers=headers).status_code)
    assert statuses == [200] * 50 + [429]


def test_writes_have_a_limit_of_their_own(make_app: MakeApp) -> None:
    service = limited(make_app, {"limits": {"client": "100/s", "writes": "1/hour burst 2"}})
    answers = [service.client.post("/api/generate", headers=of("192.0.2.1")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[0].headers["ratelimit-policy"] == '"client";q=100;w=1, "writes";q=2;w=7200'
    # Rounding may add a second. A client that waits for it is served.
    assert fields(answers[0])["writes"] in {(1, 3600), (1, 3601)}
    assert 3500 < int(answers[2].headers["retry-after"]) <= 3601
    reading = service.client.get(PICTURE, headers=of("192.0.2.1"))
    assert reading.status_code == 200
    assert set(fields(reading)) == {"client"}


def test_a_key_is_counted_for_itself_wherever_it_is_used(make_app: MakeApp) -> None:
    one, other = new_key(), new_key()
    service = limited(
        make_app,
        {
            "limits": {"client": "1/hour burst 3", "key": "1/hour burst 2"},
            "auth": {"api_keys": [hash_of(one), hash_of(other)]},
        },
    )

    def ask(client: str, key: str) -> httpx.Response:
        return service.client.get("/api/list", headers=of(client) | bearer(key))

    assert [ask(f"192.0.2.{number}", one).status_code for number in range(3)] == [200, 200, 429]
    assert ask("192.0.2.1", one).headers["ratelimit-policy"] == '"key";q=2;w=7200'
    assert ask("192.0.2.1", other).status_code == 200
    # Who guesses is counted as a client, and soon told nothing more.
    guesses = [ask("192.0.2.9", new_key()).status_code for _ in range(5)]
    assert guesses == [401, 401, 401, 429, 429]
    assert ask("192.0.2.9", other).status_code == 200


def test_the_body_of_a_refused_request_is_not_read(make_app: MakeApp) -> None:
    """It stores nothing, and costs the client nothing of what it has left."""
    service = limited(make_app, {"limits": {"writes": "1/s burst 5"}})

    def generate() -> int:
        return service.client.post("/api/generate", headers=of("192.0.2.1")).status_code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: generate(), range(200)))
    assert set(answers) == {201, 429}
    assert answers.count(201) < 20
    total = service.client.get("/api/list").json()["data"]["pagination"]["total"]
    assert total == answers.count(201)
    time.sleep(1)
    assert generate() == 201


def test_proxies_can_be_set_in_the_environment(make_app: MakeApp) -> None:
    service = make_app(
        {"limits": {"client": "1/hour burst 9"}}, {"TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"}
    ).start()
    for number in range(20):
        assert service.client.get(PICTURE, headers=of(f"192.0.2.{number}")).status_code == 200
