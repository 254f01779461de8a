"""What Prometheus is told, by real processes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from avatar_gen.telemetry.metrics_endpoint import Worker
from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import BOTH, MakeService, Service
from tests.servers.net import Proxy, free_port
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis, needs_redis
from tests.servers.waiting import wait_until
from tests.slow.test_workers import children, served_by

linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for its processes")


ROOT = Path(__file__).parents[2]


def asked(service: Service) -> str:
    """What it tells, as text."""
    port = service.settings["metrics"]["port"]  # type: ignore[index]
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def figure(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    values = [
        sample.value for sample in samples if sample.name == name and sample.labels.items() >= labels.items()
    ]
    assert values, f"there is no {name} with {labels}"
    return sum(values)


@contextmanager
def stopped(worker: int) -> Iterator[None]:
    """Have a worker do nothing: the others do it all. That of number 0 was started first."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
def metered(make_service: MakeService) -> Callable[..., Service]:
    """Services that tell of themselves."""

    def make(settings: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> Service:
        return make_service({**(settings or {}), "metrics": {"port": free_port()}}, environ).start()

    return make


@linux_only
def test_by_default_there_is_nothing_to_be_asked(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.client.get("/metrics").status_code == 404
    assert service.process
    listening = socket_count(service.process.pid)
    assert listening == 1


def socket_count(pid: int) -> int:
    """How many sockets a process listens on."""
    listening = {
        line.split()[9]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    # One may have several descriptors.
    names = {os.readlink(f"/proc/{pid}/fd/{each}") for each in os.listdir(f"/proc/{pid}/fd")}
    return sum(name.removeprefix("socket:[").removesuffix("]") in listening for name in names)


@linux_only
def test_others_than_this_machine_reach_it_only_where_that_is_set(metered: Callable[..., Service]) -> None:
    port = metered().settings["metrics"]["port"]  # type: ignore[index]
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port))


def test_a_port_that_is_taken_stops_the_start_with_a_line(make_service: MakeService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = make_service({}, {"METRICS_PORT": str(port)}).run("serve", check=False)
    assert result.returncode == 1
    expected = f"Error: 127.0.0.1:{port}: cannot listen here: Address already in use;"
    assert result.stderr == f"{expected} METRICS_HOST and METRICS_PORT set another address\n"


@BOTH
@needs_redis
def test_each_request_is_counted_once(
    metered: Callable[..., Service], postgres: Postgres, redis: Redis, kind: str
) -> None:
    environ = {"REDIS_URL": redis.url}
    if kind == "postgresql":
        environ["DATABASE_URL"] = postgres.new_database()
    service = metered(environ=environ)
    avatars = [service.generate(type="wave") for _ in range(3)]
    for _ in range(7):
        service.client.get(f"/api/{avatars[0]}")
    service.client.head(f"/api/{avatars[0]}")
    service.client.get(f"/api/{avatars[0]}?size=99")
    for path in ("/api/render/bloom/ada.webp?size=64", "/10.x/lorelei/svg?seed=ada", "/avatar/" + "0" * 32):
        for _ in range(2):
            assert service.client.get(path).status_code == 200
    assert service.client.get(f"/api/{avatars[0]}?format=avif").status_code == 200
    assert service.client.delete(f"/api/{avatars[2]}").status_code == 200
    text = asked(service)
    picture = {"route": "/api/{id}", "method": "GET"}
    assert figure(text, "avatar_request_seconds_count", **picture, status="200") == 8
    assert figure(text, "avatar_request_seconds_bucket", **picture, status="200", le="+Inf") == 8
    assert 0 < figure(text, "avatar_request_seconds_sum", **picture, status="200") < 8
    assert figure(text, "avatar_request_seconds_count", **picture, status="400") == 1
    assert figure(text, "avatar_request_seconds_count", route="/api/{id}", method="HEAD") == 1
    assert figure(text, "avatar_request_seconds_count", route="/api/generate", status="201") == 3
    assert figure(text, "avatar_responses_total", **{"class": "4xx"}) == 1
    for style, format_name in (
        ("bloom", "webp"),
        ("dicebear/lorelei", "svg"),
        ("libravatar/mp", "png"),
        ("stored", "avif"),
    ):
        assert figure(text, "avatar_renders_total", style=style, format=format_name) == 1
    assert figure(text, "avatar_cache_hits_total", cache="pictures") == 3
    assert figure(text, "avatar_cache_hits_total", cache="shared") == 0
    assert figure(text, "avatar_cache_bytes", cache="pictures") > 1000
    assert figure(text, "avatar_cache_hits_total", cache="objects") == 8
    assert figure(text, "avatar_objects_total", event="written") == 3
    assert figure(text, "avatar_objects_total", event="removed") == 1
    assert figure(text, "avatar_stored_avatars") == 2
    assert figure(text, "avatar_dependency_up") == 4
    assert figure(text, "avatar_build_info", database=kind) == 1
    assert figure(text, "avatar_connections") >= 1
    assert 30e6 < figure(text, "process_resident_memory_bytes") < 500e6
    disk = shutil.disk_usage(service.folder)
    assert figure(text, "avatar_storage_size_bytes") == disk.total
    assert figure(text, "avatar_storage_free_bytes") == pytest.approx(disk.free, rel=0.1)
    assert service.client.put("/api/upload", content=PHOTOGRAPH).status_code == 201
    assert service.client.put("/api/upload", content=PHOTOGRAPH[:900]).status_code == 400
    text = asked(service)
    outcomes = ("stored", "refused", "failed", "killed")
    assert [figure(text, "avatar_photos_total", outcome=each) for each in outcomes] == [1, 1, 0, 0]
    assert figure(text, "avatar_pool_limit", pool="uploads") == 16
    found = os.statvfs(service.folder)
    if found.f_files:
        assert figure(text, "avatar_storage_inodes") == found.f_files
        assert figure(text, "avatar_storage_free_inodes") == pytest.approx(found.f_favail, rel=0.1)


def test_the_metrics_of_workers_add_up(metered: Callable[..., Service], postgres: Postgres) -> None:
    service = metered({"server": {"workers": 2}}, {"DATABASE_URL": postgres.new_database()})
    avatar = service.generate()

    for other, number in ((1, 30), (0, 70)):
        with stopped(children(service)[other]), ThreadPoolExecutor(4) as threads:
            statuses = threads.map(lambda _: served_by(service, f"/api/{avatar}"), range(number))
            assert set(statuses) == {200}
    text = asked(service)
    picture = {"route": "/api/{id}", "method": "GET", "status": "200"}
    shares = [figure(text, "avatar_request_seconds_count", **picture, worker=each) for each in "01"]
    assert shares == [30, 70]
    assert figure(text, "avatar_request_seconds_bucket", **picture, le="+Inf") == 100
    assert figure(text, "avatar_objects_total", event="written") == 1
    assert figure(text, "avatar_stored_avatars") == 2, "each of two workers has counted one"
    assert figure(text, "avatar_worker_up") == 2
    memory = [figure(text, "process_resident_memory_bytes", worker=each) for each in "01"]
    assert all(30e6 < each < 500e6 for each in memory)


@linux_only
def test_a_replaced_worker_starts_from_zero_and_the_other_continues(
    metered: Callable[..., Service], postgres: Postgres
) -> None:
    service = metered({"server": {"workers": 2}}, {"DATABASE_URL": postgres.new_database()})
    first, second = children(service)
    for other, number in ((second, 3), (first, 4)):
        with stopped(other):
            for _ in range(number):
                served_by(service, "/api/health/live")
    live = {"route": "/api/health/live"}
    text = asked(service)
    assert [figure(text, "avatar_request_seconds_count", **live, worker=each) for each in "01"] == [3, 4]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: figure(asked(service), "avatar_worker_replacements_total") == 1, seconds=20)
    wait_until(lambda: figure(asked(service), "avatar_worker_up") == 2, seconds=20)
    text = asked(service)
    assert figure(text, "avatar_request_seconds_count", **live, worker="1") == 4
    assert 'worker="0"' not in "".join(line for line in text.splitlines() if "health/live" in line)
    assert figure(text, "avatar_responses_total", worker="0") == 0


@linux_only
def test_a_worker_that_hangs_is_down_and_what_it_says_too_late_is_passed_over(
    metered: Callable[..., Service], postgres: Postgres
) -> None:
    service = metered({"server": {"workers": 2}}, {"DATABASE_URL": postgres.new_database()})
    with stopped(children(service)[1]):
        for _ in range(2):
            started = time.monotonic()
            text = asked(service)
            assert time.monotonic() - started < 6
            assert figure(text, "avatar_worker_up", worker="1") == 0
            assert figure(text, "avatar_worker_up", worker="0") == 1
            assert figure(text, "process_cpu_seconds_total", worker="0") > 0
            assert 'process_cpu_seconds_total{worker="1"' not in text
    wait_until(lambda: figure(asked(service), "avatar_worker_up") == 2, seconds=20)
    assert service.stop() == 0


def answer_number(number: int) -> list[Any]:
    return [number, [["a", "", "gauge", [["a", {}, number]]]]]


def test_an_answer_to_an_earlier_question_is_not_taken_for_that_to_this_one() -> None:
    ours, theirs = socket.socketpair()
    late, right = map(answer_number, (0, 1))
    theirs.sendall(b"".join(json.dumps(each).encode() + b"\n" for each in (late, right)))
    assert Worker(ours).ask() == right[1]
    theirs.close()
    assert Worker(ours).ask() is None
    ours.close()


def test_objects_that_are_damaged_or_missing_are_counted(metered: Callable[..., Service]) -> None:
    service = metered()
    damaged, missing = service.generate(), service.generate()
    service.object(damaged).write_bytes(b"damaged")
    service.object(missing).unlink()
    assert service.client.get(f"/api/{damaged}").status_code == 500
    assert service.client.get(f"/api/{missing}").status_code == 404
    assert service.client.delete(f"/api/{missing}").status_code == 200
    text = asked(service)
    assert figure(text, "avatar_objects_total", event="damaged") == 1
    assert figure(text, "avatar_objects_total", event="missing") == 1
    assert figure(text, "avatar_objects_total", event="removed") == 0
    assert figure(text, "avatar_errors_total", error="ObjectDamaged") == 1
    assert figure(text, "avatar_responses_total", **{"class": "5xx"}) == 1


def test_a_database_that_hangs_is_down_and_its_errors_are_counted(
    metered: Callable[..., Service], postgres: Postgres
) -> None:
    url = httpx.URL(postgres.new_database())
    assert url.port
    proxy = Proxy(url.port)
    try:
        service = metered(environ={"DATABASE_URL": str(url.copy_with(host="127.0.0.1", port=proxy.port))})
        assert figure(asked(service), "avatar_errors_total", error="DatabaseUnavailable") == 0
        proxy.hang()
        assert service.client.get("/api/list").status_code == 503
        text = asked(service)
        assert figure(text, "avatar_errors_total", error="DatabaseUnavailable") == 1
        assert figure(text, "avatar_dependency_up", dependency="database") == 0
        assert figure(text, "avatar_dependency_up", dependency="storage") == 1
        assert "avatar_stored_avatars" not in text, "it is not known"
        proxy.flow()
        wait_until(lambda: figure(asked(service), "avatar_dependency_up") == 3, seconds=20)
    finally:
        proxy.close()


def test_a_storage_that_is_gone_is_down(metered: Callable[..., Service]) -> None:
    service = metered()
    shutil.rmtree(service.folder / "storage" / "avatars")
    text = asked(service)
    assert figure(text, "avatar_dependency_up", dependency="storage") == 0
    assert "avatar_storage_free_bytes" not in text


def test_what_is_refused_is_counted(metered: Callable[..., Service]) -> None:
    service = metered({"imaging": {"threads": 1, "queue": 1, "cache": 0}})
    limit = figure(asked(service), "avatar_pool_limit", pool="imaging")
    assert limit == 2

    def render(number: int) -> int:
        return httpx.get(
            f"{service.client.base_url}/api/render/wave/{number}.avif?size=512", timeout=60
        ).status_code

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(render, range(36)))
    text = asked(service)
    assert set(statuses) == {200, 503}
    assert figure(text, "avatar_pool_refused_total", pool="imaging") == statuses.count(503)
    assert figure(text, "avatar_errors_total", error="Overloaded") == statuses.count(503)
    assert figure(text, "avatar_renders_total", style="wave", format="avif") == statuses.count(200)
    assert figure(text, "avatar_pool_jobs", pool="imaging") == 0
    assert figure(text, "avatar_pool_refused_total", pool="drawing") == 0


def test_every_figure_is_in_the_docs_and_no_other(metered: Callable[..., Service]) -> None:
    service = metered()
    service.client.get("/api/render/wave/ada.png")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(avatar_\w+)", page, re.MULTILINE)
    told = re.findall(r"^# TYPE (avatar_\w+)", asked(service), re.MULTILINE)
    assert sorted(listed) == sorted(told)


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool here")
def test_prometheus_own_tool_has_nothing_to_say_against_it(metered: Callable[..., Service]) -> None:
    service = metered()
    service.generate()
    result = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - whichever there is
        input=asked(service),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
