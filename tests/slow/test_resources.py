"""A clock that jumps, and a process with few descriptors or little memory."""

import resource
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeService, Service
from tests.servers.avatars import listed, objects

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the limits of other processes")


def created(service: Service, seed: str) -> tuple[str, datetime]:
    data = service.client.post("/api/generate", json={"seed": seed}).json()["data"]
    return data["id"], datetime.fromisoformat(data["createdAt"])


@pytest.mark.skipif(not FAKETIME, reason="this needs libfaketime: apt-get install libfaketime")
def test_a_clock_that_jumps_by_a_year_and_back_loses_nothing(
    make_service: MakeService, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    faked = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        # A monotonic clock does not jump.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    service = make_service(environ=faked).start()
    now, _ = created(service, "now")
    made = {"+0d": now}
    for day, years in (("+366d", 1), ("-366d", -1)):
        clock.write_text(day)
        made[day], moment = created(service, day)
        assert round((moment - datetime.now(UTC)).days / 365) == years
        for avatar in made.values():
            assert service.client.get(f"/api/{avatar}").status_code == 200
        health = service.client.get("/api/health")
        assert health.status_code == 200
        assert 0 < health.json()["data"]["uptime"] < 600
    assert listed(service) == [made["-366d"], made["+0d"], made["+366d"]]
    assert service.client.delete(f"/api/{made['+366d']}").status_code == 200
    assert service.stop() == 0
    service.start()
    assert listed(service) == [made["-366d"], made["+0d"]]
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """Set the limit that programs have until they raise it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@linux
@pytest.mark.usefixtures("few_descriptors")
def test_the_service_raises_its_limit_of_descriptors_as_far_as_it_may(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.process
    soft, hard = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard > 256


def descriptors(service: Service) -> int:
    assert service.process
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def wait_until_settled(service: Service, used: int) -> None:
    """Wait until the service has accepted connections, and accepts no more."""
    before = used
    while (now := descriptors(service)) == used or now != before:
        before = now
        time.sleep(0.5)


@linux
def test_the_service_survives_a_lack_of_descriptors(make_service: MakeService) -> None:
    service = make_service().start()
    assert service.process
    avatar = service.generate()
    used = descriptors(service)
    _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (used + 8, hard))
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
        wait_until_settled(service, used)
        statuses = {
            service.client.request(method, path).status_code
            for method, path in (("GET", f"/api/{avatar}"), ("POST", "/api/generate"), ("GET", "/api/list"))
        }
        assert statuses <= {200, 201, 503}
        assert 503 in statuses
        assert service.client.get("/api/health/live").status_code == 200
    deadline = time.monotonic() + 60
    while service.client.get("/api/health/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert service.client.get(f"/api/{avatar}").status_code == 200
    service.generate()
    assert set(listed(service)) == objects(service)


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """Make a control group, version 1 or 2, with the memory that the compose file gives to the service."""
    for root, limit in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = root / f"avatars-{time.time_ns()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(512 * 1024 * 1024))
        except OSError:
            if group.exists():
                group.rmdir()
            continue
        yield group
        group.rmdir()
        return
    pytest.skip("only root can limit memory, in a control group")


def test_the_heaviest_work_fits_the_memory_that_the_compose_file_gives(
    make_service: MakeService, memory_group: Path
) -> None:
    """With more than that the kernel would end the process by SIGKILL."""
    join = f'echo $$ > {memory_group}/cgroup.procs; exec "$0" "$@"'
    service = make_service({"logging": {"level": "fatal"}}, through=("sh", "-c", join)).start()
    assert service.process

    def get(number: int) -> int:
        style = ("wave", "marble", "lorelei", "sunset")[number % 4]
        format_name = ("avif", "webp", "jpeg", "png")[number // 4 % 4]
        path = f"/api/render/{style}/{number}.{format_name}?size=1024"
        return httpx.get(f"{service.client.base_url}{path}", timeout=60).status_code

    with ThreadPoolExecutor(48) as threads:
        statuses = set(threads.map(get, range(96)))
    assert statuses <= {200, 503}
    assert 200 in statuses
    assert service.process.poll() is None
    service.stop()
