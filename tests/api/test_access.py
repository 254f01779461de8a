"""API keys: what each permission allows, and that no request avoids the check."""

import io
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from PIL import Image

from avatar_gen.errors import StartupError
from avatar_gen.security.api_keys import hash_of, new_key
from tests.conftest import MakeApp, MakeService, Service, assert_failure
from tests.servers.net import Proxy, exchange
from tests.servers.postgres import PASSWORD, Postgres

HASH = "0" * 64
KEYS = {name: new_key() for name in ("all", "write", "list", "delete")}
OPERATIONS = {
    ("POST", "/api/generate"): "write",
    ("POST", "/api/v1/generate"): "write",
    ("POST", "/api/v2/generate"): "write",
    ("POST", "/api/upload"): "write",
    ("PUT", "/api/upload"): "write",
    ("POST", "/api/picker-links"): "write",
    ("PUT", "/api/identities/{hash}"): "write",
    ("POST", "/api/jobs"): "write",
    ("GET", "/api/jobs/{id}"): "write",
    ("GET", "/api/jobs/{id}/events"): "write",
    ("GET", "/api/jobs/{id}/result"): "write",
    ("DELETE", "/api/jobs/{id}"): "write",
    ("GET", "/api/list"): "list",
    ("GET", "/api/identities/{hash}"): "list",
    ("DELETE", "/api/identities/{hash}"): "delete",
    ("DELETE", "/api/{id}"): "delete",
}
"""All that is guarded, and by which right."""

WITH_TOKEN = {"/api/picker", "/api/picker/generate", "/api/picker/upload"}
"""Operations that take the token of a picker's link, with keys or without."""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one avatar, whose client bears no key."""
    entries: list[object] = [hash_of(KEYS["all"])]
    entries += [
        {"name": right, "sha256": hash_of(KEYS[right]), "may": [right]}
        for right in ("write", "list", "delete")
    ]
    service = Service(
        tmp_path_factory.mktemp("guarded"),
        {"auth": {"api_keys": entries, "signing_key": "k" * 32}, "logging": {"level": "trace"}, "cors": True},
    ).start()
    assert service.client.post("/api/generate", headers=bearer(KEYS["all"])).status_code == 201
    yield service
    assert service.stop() == 0
    log = service.log.read_text()
    assert "Traceback" not in log
    # Whatever the tests below have sent: no log has a key, or what would tell one.
    for key in KEYS.values():
        assert key not in log
        assert hash_of(key) not in log
    service.client.close()


def listed(service: Service) -> list[str]:
    answer = service.client.get("/api/list?pick=100", headers=bearer(KEYS["list"]))
    assert answer.status_code == 200
    return [each["id"] for each in answer.json()["data"]["avatars"]]


def ask(service: Service, method: str, path: str, key: str | None) -> httpx.Response:
    """A valid request of an operation, but for what it is about."""
    path = path.format(hash=HASH, id="00000000-0000-4000-8000-000000000000")
    body: object = {"avatarId": "00000000-0000-4000-8000-000000000000"}
    if "generate" in path:
        body = {"type": "gradient", "angle": 10}
    if path == "/api/jobs":
        body = [{"seed": "ada"}]
    if path == "/api/picker-links":
        body = {"identity": HASH}
    if path == "/api/upload":
        return _upload(service, method, bearer(key) if key else {})
    return service.client.request(
        method,
        path,
        json=body if method in {"POST", "PUT"} else None,
        headers=bearer(key) if key else {},
    )


def _upload(service: Service, method: str, headers: dict[str, str]) -> httpx.Response:
    photograph = io.BytesIO()
    Image.new("RGB", (64, 64)).save(photograph, "JPEG")
    if method == "PUT":
        return service.client.put("/api/upload", content=photograph.getvalue(), headers=headers)
    return service.client.post("/api/upload", files={"file": photograph.getvalue()}, headers=headers)


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("DELETE", "/api/nope", "delete"),
        ("GET", "/api/jobs/nope", "write"),
        ("GET", "/api/jobs/nope/events", "write"),
        ("GET", "/api/jobs/nope/result", "write"),
        ("DELETE", "/api/jobs/nope", "write"),
        ("GET", "/api/identities/nope", "list"),
        ("DELETE", "/api/identities/nope", "delete"),
    ],
)
def test_an_id_that_is_no_uuid_takes_the_same_key(
    guarded: Service, method: str, path: str, right: str
) -> None:
    for unknown in (None, new_key()):
        assert_failure(ask(guarded, method, path, unknown), 401)
    for other in {"write", "list", "delete"} - {right}:
        assert_failure(ask(guarded, method, path, KEYS[other]), 403)
    assert ask(guarded, method, path, KEYS[right]).status_code in {400, 404}


@pytest.mark.parametrize(("operation", "right"), OPERATIONS.items())
def test_each_operation_takes_a_key_that_may(
    guarded: Service, operation: tuple[str, str], right: str
) -> None:
    for unknown in (None, new_key(), hash_of(KEYS["all"])):
        refused = ask(guarded, *operation, unknown)
        assert_failure(refused, 401, mentions="Authorization: Bearer KEY")
        assert refused.headers["www-authenticate"] == "Bearer"
    for other in {"write", "list", "delete"} - {right}:
        refused = ask(guarded, *operation, KEYS[other])
        assert_failure(refused, 403, mentions=f"may not {right}.")
        assert "www-authenticate" not in refused.headers
    for allowed in (right, "all"):
        answer = ask(guarded, *operation, KEYS[allowed])
        assert answer.status_code in {200, 201, 202, 404}
        if answer.status_code == 202:
            # The events end when the job does. Until then it adds an avatar to the lists of other tests.
            job = answer.json()["data"]["id"]
            guarded.client.get(f"/api/jobs/{job}/events", headers=bearer(KEYS["write"]))


def test_the_document_says_which_and_no_operation_that_changes_anything_is_open(guarded: Service) -> None:
    document = guarded.client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    said = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path in WITH_TOKEN:
                assert {"401", "403"} <= set(operation["responses"])
            elif "security" in operation:
                said.add((method.upper(), path))
                assert {"401", "403"} <= set(operation["responses"])
            else:
                assert method in {"get", "head"}
                assert not {"401", "403"} & set(operation["responses"])
    assert said == set(OPERATIONS)


def test_without_keys_every_client_is_allowed_and_the_document_names_none(service: Service) -> None:
    """Also a client that sends a key."""
    for headers in ({}, bearer(new_key()), {"Authorization": "Basic eDp5"}):
        assert service.client.post("/api/generate", headers=headers).status_code == 201
        assert service.client.get("/api/list", headers=headers).status_code == 200
    document = service.client.get("/openapi.json").text
    assert "securitySchemes" not in document
    for path, operations in service.client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            assert path in WITH_TOKEN or "401" not in operation["responses"]


def test_pictures_and_what_a_page_needs_are_open(guarded: Service) -> None:
    (avatar, *_) = listed(guarded)
    for address in (
        f"/api/{avatar}",
        "/api/render/pixelize/ada.png",
        f"/avatar/{HASH}",
        "/10.x/lorelei/svg",
        "/api/styles",
        "/api/palettes",
        "/api/color-schemes",
        "/api/health",
        "/api/health/live",
        "/api/health/ready",
        "/swagger",
        "/swagger-json",
    ):
        for headers in ({}, {"Authorization": "Bearer nonsense"}):
            assert guarded.client.get(address, headers=headers).status_code == 200, address


def test_a_page_of_another_origin_asks_without_a_key_and_may_send_one(guarded: Service) -> None:
    asking = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    spec = {**asking, "Access-Control-Request-Headers": "authorization,content-type"}
    assert guarded.client.options("/api/generate", headers=spec).status_code == 200
    refused = guarded.client.post("/api/generate", headers={"Origin": "https://a.example"})
    assert_failure(refused, 401)
    assert refused.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Authorization: Bearer {key}", 200),
        ("AUTHORIZATION: bearer {key}", 200),
        ("authorization: BEARER  {key}", 200),
        ("Authorization:Bearer {key} ", 200),
        ("Authorization: Bearer {key}x", 401),
        ("Authorization: Bearer x{key}", 401),
        ("Authorization: Bearer {upper}", 401),
        ("Authorization: Bearer {short}", 401),
        ("Authorization: Bearer\t{key}", 401),
        ("Authorization: Bearer{key}", 401),
        ("Authorization: Bearer ", 401),
        ("Authorization: Bearer", 401),
        ("Authorization:", 401),
        ("Authorization: {key}", 401),
        ("Authorization: Basic {key}", 401),
        ("Authorization: Token {key}", 401),
        ('Authorization: Bearer "{key}"', 401),
        ("Authorization: Bearer {key}, Bearer {key}", 401),
        ("Authorization: Bearer {key} {key}", 401),
        ("Authorization: Bearer {key};a=b", 401),
        ("Authorization: Bearer {key}\r\nAuthorization: Bearer {key}", 401),
        ("Authorization: Bearer x\r\nAuthorization: Bearer {key}", 401),
        ("Authorization: Bearer {key}\r\nAuthorization:", 401),
        ("Authorization: Bearer é{key}", 401),
        ("Authorization: Bearer \xff\xfe", 401),
        ("Authorization: Bearer " + "x" * 8192, 401),
        ("Authorization: Bearer {hash}", 401),
        ("Proxy-Authorization: Bearer {key}", 401),
        ("X-Authorization: Bearer {key}", 401),
        ("X-API-Key: {key}", 401),
        ("Cookie: Authorization=Bearer {key}; key={key}", 401),
        ("Authorization : Bearer {key}", 400),
        ("Authorization: Bearer\r\n {key}", 400),
        ("Authorization: Bearer {key}\0", 400),
    ],
)
def test_what_is_a_key_and_what_is_not(guarded: Service, header: str, status: int) -> None:
    key = KEYS["list"]
    line = header.format(key=key, upper=key.upper(), short=key[:-1], hash=hash_of(key))
    head = f"GET /api/list HTTP/1.1\r\nHost: x\r\n{line}\r\nConnection: close\r\n\r\n"
    answer = exchange(guarded.port, head.encode("latin-1"))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert key.encode() not in answer


def test_a_key_in_the_query_is_none(guarded: Service) -> None:
    assert_failure(guarded.client.get("/api/list?key=x&access_token=y"), 401)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /api/list HTTP/1.1",
        "GET /api/list HTTP/1.0",
        "HEAD /api/list HTTP/1.1",
        "GET /api/list? HTTP/1.1",
        "GET /api/list# HTTP/1.1",
        "GET /api/list/ HTTP/1.1",
        "GET //api/list HTTP/1.1",
        "GET /api//list HTTP/1.1",
        "GET /api/./list HTTP/1.1",
        "GET /api/x/../list HTTP/1.1",
        "GET /api/health/../list HTTP/1.1",
        "GET /api/%6cist HTTP/1.1",
        "GET /%61pi/list HTTP/1.1",
        "GET /api%2flist HTTP/1.1",
        "GET /api/%256cist HTTP/1.1",
        "GET /api/list%00 HTTP/1.1",
        "GET /api/list%0a HTTP/1.1",
        "GET /api/list%20 HTTP/1.1",
        "GET /api/list;x=1 HTTP/1.1",
        "GET /api/LIST HTTP/1.1",
        "GET /API/list HTTP/1.1",
        "GET \\api\\list HTTP/1.1",
        "GET http://x/api/list HTTP/1.1",
        "GET http://x:1/%61pi/list HTTP/1.1",
        "GET https://user:password@x/api/list HTTP/1.1",
        "OPTIONS /api/list HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "TRACE /api/list HTTP/1.1",
        "QUERY /api/list HTTP/1.1",
        "PROPFIND /api/list HTTP/1.1",
        "CONNECT x:1 HTTP/1.1",
        "get /api/list HTTP/1.1",
        "POST /api/list HTTP/1.1",
        "POST /api/generate HTTP/1.1",
        "POST /api/generate HTTP/1.0",
        "POST /api/generate/ HTTP/1.1",
        "POST //api/generate HTTP/1.1",
        "POST /api/v1/%67enerate HTTP/1.1",
        "POST http://x/api/v2/generate HTTP/1.1",
        "PUT /api/generate HTTP/1.1",
        "GET /api/generate HTTP/1.1",
        "DELETE /api/{id} HTTP/1.1",
        "DELETE /api/{upper} HTTP/1.1",
        "DELETE /api/{plain} HTTP/1.1",
        "DELETE /api/{id}/ HTTP/1.1",
        "DELETE http://x/api/{id} HTTP/1.1",
        "DELETE /api/%2e/{id} HTTP/1.1",
        "PATCH /api/{id} HTTP/1.1",
        "POST /api/{id} HTTP/1.1",
        "GET /api/{id}?_method=DELETE HTTP/1.1",
        "PUT /api/identities/{hash} HTTP/1.1",
        "DELETE /api/identities/{hash} HTTP/1.1",
        "GET /api/identities/{hash} HTTP/1.1",
        "PUT /avatar/{hash} HTTP/1.1",
    ],
)
@pytest.mark.parametrize(
    "extra",
    [
        "",
        (
            "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\n"
            "X-Original-URL: /api/list\r\nX-Rewrite-URL: /api/list\r\nX-Forwarded-Prefix: /api\r\n"
            "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n"
            "Origin: null\r\nAccess-Control-Request-Method: GET\r\n"
        ),
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ],
    ids=["plain", "hints", "upgrade"],
)
def test_no_request_avoids_the_keys(guarded: Service, request_line: str, extra: str) -> None:
    before = listed(guarded)
    identity = before[0]
    line = request_line.format(
        id=identity, upper=identity.upper(), plain=identity.replace("-", ""), hash=HASH
    )
    body = json.dumps({"avatarId": identity}) if line.startswith("PUT") else ""
    body_headers = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{line}\r\nHost: x\r\n{extra}{body_headers}Connection: close\r\n\r\n{body}"
    answer = exchange(guarded.port, head.encode())
    status = int(answer.split()[1])
    a_picture = line.startswith(("GET /api/" + identity,))
    a_preflight = line.startswith("OPTIONS") and "Origin" in extra
    if not a_picture and not a_preflight:
        assert status in {400, 401, 404, 405}, answer[:200]
    assert not any(each.encode() in answer for each in before if not a_picture)
    assert listed(guarded) == before
    assert guarded.client.get(f"/avatar/{HASH}?d=404").status_code == 404


def test_the_body_of_a_request_without_a_key_is_not_read(guarded: Service) -> None:
    """The service does not wait for it, and does not report errors in it or in the query."""
    head = b"POST /api/generate%s HTTP/1.1\r\nHost: x\r\nX-Request-ID: same\r\nConnection: close\r\n%s\r\n"
    answers = {
        exchange(guarded.port, head % (query, headers) + body, seconds=2)
        for query, headers, body in (
            (b"", b"", b""),
            (b"?x=1", b"", b""),
            (b"", b"Authorization: Bearer x\r\n", b""),
            (b"", b"Content-Length: 100000000\r\n", b""),
            (b"", b"Content-Length: 5\r\nContent-Type: text/plain\r\n", b"{{{{{"),
            (b"", b"Transfer-Encoding: chunked\r\n", b""),
        )
    }
    (answer,) = {answer.split(b"\r\n", 2)[0] + answer.split(b"\r\n\r\n")[1] for answer in answers}
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized{")


def test_a_page_that_sends_a_large_body_comes_to_read_that_it_was_refused(guarded: Service) -> None:
    answer = guarded.client.post("/api/generate", content=b" " * 5_000_000)
    assert_failure(answer, 401)
    assert guarded.client.get("/api/health/live").status_code == 200


def test_the_log_knows_keys_by_their_names(guarded: Service) -> None:
    guarded.client.get("/api/list", headers=bearer(KEYS["list"]) | {"X-Request-ID": "by-list"})
    guarded.client.get("/api/list", headers=bearer(KEYS["all"]) | {"X-Request-ID": "by-all"})
    guarded.client.get("/api/list", headers=bearer(new_key()) | {"X-Request-ID": "by-no-key"})
    log = guarded.wait_for_log("by-no-key")
    lines = [json.loads(line) for line in log[: log.rindex("\n")].splitlines()]
    names = {line.get("requestId"): line.get("key") for line in lines if line["message"] == "request"}
    assert names["by-list"] == "list"
    assert names["by-all"] == hash_of(KEYS["all"])[:8]
    assert names["by-no-key"] is None


class TestFiles:
    @pytest.mark.parametrize("environ", [False, True])
    def test_keys_may_stand_in_a_file(self, make_app: MakeApp, tmp_path: Path, *, environ: bool) -> None:
        plain, hashed, reader, inline = (new_key() for _ in range(4))
        path = tmp_path / "keys"
        path.write_text(
            f"\ufeff# who may\n{plain}\n\nweb {hash_of(hashed)} # the page\r\n  reader\t{reader}  list\n"
        )
        settings: dict[str, object] = {"api_keys": [hash_of(inline)]}
        app = make_app(
            {"auth": settings if environ else settings | {"api_keys_file": str(path)}},
            {"AUTH_API_KEYS_FILE": str(path)} if environ else {},
        ).start()
        assert app.client.post("/api/generate").status_code == 401
        for key in (plain, hashed, inline):
            assert app.client.post("/api/generate", headers=bearer(key)).status_code == 201
        assert app.client.get("/api/list", headers=bearer(reader)).status_code == 200
        assert_failure(app.client.post("/api/generate", headers=bearer(reader)), 403)

    @pytest.mark.parametrize("how", ["folder", "binary"])
    def test_one_that_cannot_be_read_is_an_error(self, make_app: MakeApp, tmp_path: Path, how: str) -> None:
        path = tmp_path / "keys"
        if how == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"\xff\xfe\0")
        with pytest.raises(StartupError) as error:
            make_app({"auth": {"api_keys_file": str(path)}}).start()
        assert str(error.value).startswith(f"{path}: the API keys cannot be read: ")
        assert "\n" not in str(error.value)

    def test_one_that_is_absent_stops_the_start_of_all_workers(self, make_service: MakeService) -> None:
        service = make_service({"auth": {"api_keys_file": "keys"}, "server": {"workers": 2}})
        result = service.run("serve", check=False)
        assert result.returncode == 1
        assert result.stderr.startswith("Error: keys: the API keys cannot be read: ")
        assert result.stderr.count("\n") == 1


def test_a_key_that_the_command_makes_is_let_in_where_it_says(make_app: MakeApp) -> None:
    app = make_app()
    made = app.run("keys", "new", "board", "--may", "list", "--may", "write")
    key = made.stdout.strip()
    entry = json.loads(made.stderr.partition("- ")[2])
    assert entry == {"name": "board", "sha256": hash_of(key), "may": ["list", "write"]}
    guarded = make_app({"auth": {"api_keys": [entry]}}).start()
    avatar = guarded.client.post("/api/generate", headers=bearer(key)).json()["data"]["id"]
    assert_failure(guarded.client.delete(f"/api/{avatar}", headers=bearer(key)), 403)
    assert app.run("keys", "new").stdout != made.stdout
    wrong = app.run("keys", "new", "a name", check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_secrets_are_in_no_log_and_no_answer(
    make_service: MakeService, postgres: Postgres, tmp_path: Path
) -> None:
    """Whatever happens, at the most talkative level: also when the database goes away."""
    postgres.new_database()
    proxy = Proxy(postgres.port)
    key = new_key()
    path = tmp_path / "keys"
    path.write_text(f"canary {key}\n")
    service = make_service(
        {"logging": {"level": "trace"}, "auth": {"api_keys_file": str(path)}},
        {"DATABASE_URL": postgres.url(postgres.last_database, proxy.port)},
    ).start()
    seen: list[httpx.Response] = []
    with closing(socket.create_connection(("127.0.0.1", service.port))) as rude:
        rude.sendall(f"GET /api/list HTTP/1.1\r\nAuthorization: Bearer {key}\r\nHost".encode())

        def ask_all() -> None:
            addresses = ("/api/list", "/api/list?pick=x", "/api/health", "/openapi.json", "/swagger")
            seen.extend(service.client.get(address, headers=bearer(key)) for address in addresses)
            seen.append(service.client.post("/api/generate", headers=bearer(key), content=b"{"))
            seen.append(service.client.post("/api/generate", headers=bearer(key)))
            seen.append(service.client.delete(f"/api/{HASH}", headers=bearer(key)))

        ask_all()
        assert {answer.status_code for answer in seen} == {200, 201, 400, 404}
        seen.clear()
        proxy.close()
        with postgres.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'av%'"
            )
        ask_all()
    assert 503 in {answer.status_code for answer in seen}
    service.stop()
    text = service.log.read_text() + "".join(f"{answer.headers}{answer.text}" for answer in seen)
    assert "database is" in text.lower()
    assert '"key": "canary"' in text
    for secret in (key, key[4:], hash_of(key), PASSWORD, "s3cret"):
        assert secret not in text
