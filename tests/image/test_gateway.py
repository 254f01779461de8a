"""The gateway by compose: nginx in front of the service, which is then the only way in."""

import json
import socket
import time
from threading import Thread

import httpx
import pytest

from tests.image.conftest import Container, Project, assert_confined, docker

GATEWAY = ("-f", "docker-compose.yml", "-f", "docker-compose.gateway.yml", "--profile", "gateway")


@pytest.mark.parametrize("service", ["avatar-backend", "postgres", "gateway"])
def test_every_service_is_confined(project: Project, service: str) -> None:
    up_with_gateway(project)
    with httpx.Client(timeout=60) as client:
        assert_confined(Container(project.container(service), client))


def up_with_gateway(project: Project, *options: str) -> None:
    """Start everything with the gateway, if its nginx is a current one."""
    project.compose(*GATEWAY, "build", "gateway")
    version = docker("run", "--rm", "--entrypoint", "nginx", "avatar-gateway:latest", "-v").stderr
    if [int(part) for part in version.strip().rpartition("/")[2].split(".")] < [1, 27, 3]:
        pytest.skip(f"the base image of the gateway has {version.strip()}, and `resolve` needs 1.27.3")
    project.compose(*GATEWAY, "up", "--build", "--detach", *options)


def test_one_of_several_backends_can_be_restarted_at_any_time(project: Project) -> None:
    up_with_gateway(project, "--scale", "avatar-backend=2")
    gateway = project.backend
    gateway.wait_until_ready()
    avatar_id = gateway.generate()
    answers: list[httpx.Response] = []
    for number in (1, 2):
        name = project.container("avatar-backend", number)
        restart = Thread(target=docker, args=("restart", "--time", "10", name))
        restart.start()
        while restart.is_alive() or not Container(name, gateway.client).listens():
            addresses = (f"/api/{avatar_id}", "/api/styles", f"/api/render/wave/{len(answers)}.png")
            answers += [gateway.client.get(address) for address in addresses]
            time.sleep(0.05)
    assert {answer.status_code for answer in answers} == {200}
    tried = [json.loads(line)["upstream"] for line in gateway_log(project)]
    assert len({address for each in tried for address in each.split(", ")}) >= 2


def gateway_log(project: Project) -> list[str]:
    lines = docker("logs", project.container("gateway")).stdout.splitlines()
    return [line for line in lines if line.startswith("{")]


def test_the_gateway_listens_on_ipv6_where_there_is_ipv6(project: Project) -> None:
    up_with_gateway(project)
    gateway = project.container("gateway")
    script = "test ! -s /proc/net/if_inet6 || curl -fsS http://[::1]:8080/api/health/live"
    docker("exec", gateway, "sh", "-c", script)
    assert "emerg" not in docker("logs", gateway).stderr


def test_the_gateway_is_the_only_way_in_and_caches_and_refuses(project: Project) -> None:
    up_with_gateway(project)
    gateway = project.backend
    client = gateway.client
    gateway.wait_until_ready()
    assert project.published() == {"avatar-gen-gateway"}

    avatar_id = gateway.generate(seed="ada")
    address = f"/api/{avatar_id}?size=9&format=webp"
    answers = [client.get(address) for _ in range(2)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT"]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["Content-Type"] == "image/webp"
    assert answers[0].headers["X-Content-Type-Options"] == "nosniff"
    known = {"If-None-Match": answers[0].headers["ETag"]}
    assert client.get(address, headers=known).status_code == 304
    assert client.get("/openapi.json").headers["Content-Encoding"] == "gzip"
    assert client.get("/api/nothing").json()["statusCode"] == 404

    list_of_many = [client.get("/api/list") for _ in range(2)]
    assert [answer.headers.get("X-Cache", "") for answer in list_of_many] == ["", ""]
    # What a client takes decides nothing where the service does not ask it.
    odd = client.get(f"/api/{avatar_id}?size=8", headers={"Accept": "?size=9&format=webp"})
    assert odd.headers["Content-Type"] == "image/png"
    assert client.get(f"/api/{avatar_id}?size=8&format=webp").headers["Content-Type"] == "image/webp"
    negotiated = [
        client.get("/api/render/pixelize/ada", headers={"Accept": kind}).headers["Content-Type"]
        for kind in ("image/webp", "image/png", "image/webp")
    ]
    assert negotiated == ["image/webp", "image/png", "image/webp"]
    named = client.get(address, headers={"X-Request-ID": "mine"})
    assert named.headers.get_list("X-Request-ID") == ["mine"]

    for answer, status, message in (
        (client.post("/api/generate", content=b"x" * 70_000), 413, "The body is larger than 64 KB,"),
        (client.get("/api/list?" + "x" * 40_000), 414, "The URL is longer than 8 KB."),
        (client.get("/api/list", headers={"X-Long": "x" * 40_000}), 400, "headers are too large"),
    ):
        assert (answer.status_code, answer.json()["statusCode"]) == (status, status)
        assert message in answer.json()["message"]

    assert seconds_until_closed(project.port, b"GET /api/list HT") < 15
    half = b"POST /api/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"
    assert seconds_until_closed(project.port, half) < 15

    picture = answers[0].content
    answers = [client.post("/api/generate") for _ in range(60)]
    assert {answer.status_code for answer in answers} == {201, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"] == "Too Many Requests"

    backend = project.container("avatar-backend")
    docker("stop", backend)
    assert client.get(address).content == picture
    away = client.get("/api/color-schemes")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
    assert away.json()["message"] == "The service does not answer. Try again in a second."
    docker("start", backend)
    gateway.wait_until_ready()
    assert '"client":"' in docker("logs", "avatar-gen-gateway").stdout


def seconds_until_closed(port: int, beginning: bytes) -> float:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        started = time.monotonic()
        connection.sendall(beginning)
        while connection.recv(65536):
            pass
        return time.monotonic() - started
