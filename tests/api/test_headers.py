"""What every answer tells browsers and caches, whoever gives it."""

import re

import httpx
import pytest

from avatar_gen.security.headers import PROTECTION
from tests.conftest import MakeApp, Service
from tests.servers.net import exchange

ANSWERS = [
    ("GET", "/api/render/pixelize/ada.png", 200),
    ("HEAD", "/api/render/pixelize/ada.png", 200),
    ("GET", "/api/render/pixelize/ada.svg", 200),
    ("GET", "/10.x/lorelei/svg", 200),
    ("GET", f"/avatar/{'0' * 32}", 200),
    ("GET", "/api/list", 200),
    ("GET", "/api/styles", 200),
    ("GET", "/api/health", 200),
    ("POST", "/api/generate", 201),
    ("GET", "/swagger", 200),
    ("GET", "/swagger-assets/swagger-ui.css", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/api/render/pixelize/ada.png?size=x", 400),
    ("GET", "/api/list?x", 400),
    ("GET", "/api/x", 404),
    ("GET", "/x", 404),
    ("GET", "/swagger-assets/x", 404),
    ("DELETE", "/api/00000000-0000-4000-8000-000000000000", 404),
    ("PUT", "/api/list", 405),
    ("PUT", "/api/render/pixelize/ada.png", 405),
    ("PUT", "/swagger-assets/swagger-ui.css", 405),
]


def assert_protected(answer: httpx.Response) -> None:
    for name, value in PROTECTION:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


@pytest.mark.parametrize(("method", "address", "status"), ANSWERS)
def test_every_answer_is_protected_and_no_error_is_kept(
    client: httpx.Client, method: str, address: str, status: int
) -> None:
    answer = client.request(method, address)
    assert answer.status_code == status
    assert_protected(answer)
    if status >= 400:
        assert answer.headers["cache-control"] == "no-store"
    if answer.headers["content-type"].startswith(("text/html", "image/svg+xml")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")


def test_so_is_what_is_refused_before_it_is_a_request(service: Service) -> None:
    answer = exchange(service.port, b"nonsense\r\n\r\n")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    for name, value in [*PROTECTION, (b"cache-control", b"no-store")]:
        assert head.count(b"\r\n%s: %s" % (name, value.lower())) == 1


def test_a_picture_that_the_client_has_is_protected_too(client: httpx.Client) -> None:
    address = "/api/render/pixelize/ada.png"
    etag = client.get(address).headers["etag"]
    answer = client.get(address, headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert_protected(answer)


def test_the_response_to_an_error_of_the_service_is_not_cached(make_app: MakeApp) -> None:
    service = make_app().start()
    identity = service.generate()
    service.object(identity).write_bytes(b"rubbish")
    answer = service.client.get(f"/api/{identity}")
    assert answer.status_code == 500
    assert answer.headers["cache-control"] == "no-store"
    assert_protected(answer)


def test_the_docs_run_no_script_but_their_own(client: httpx.Client) -> None:
    answer = client.get("/swagger")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", policy["script-src"])
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
