"""Real disks that are full, read-only, missing, or fail now and then."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeService, Service, assert_failure
from tests.servers.avatars import assert_whole, listed, objects
from tests.servers.postgres import Postgres

MountDisk = Callable[..., Path]

MB = 1_000_000


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def mount_disk(tmp_path: Path) -> Iterator[MountDisk]:
    """Return a function that mounts disks in memory; they are unmounted when the test ends."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a disk in memory")
    mounted: list[Path] = []

    def mount(size: int, folder: Path | None = None) -> Path:
        path = folder or tmp_path / f"disk{len(mounted)}"
        path.mkdir(parents=True, exist_ok=True)
        try:
            run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
        except subprocess.CalledProcessError:
            pytest.skip("root cannot mount a disk on this machine")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        run("umount", "-l", str(path))


def fill(disk: Path, *, but: int = 0) -> Path:
    """Fill a disk, except `but` bytes; return the file that fills it."""
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    filler.write_bytes(b"x" * (free - but))
    return filler


def assert_reads_work(service: Service, avatars: list[str]) -> None:
    for avatar in avatars:
        assert service.client.get(f"/api/{avatar}").status_code == 200
    assert service.client.get("/api/render/pixelize/ada.png").status_code == 200
    assert set(listed(service)) >= set(avatars)
    assert service.client.get("/api/health/live").status_code == 200


def incoming(service: Service) -> list[Path]:
    return list((service.folder / "storage" / "avatars" / "incoming").iterdir())


def test_a_full_storage_is_a_507_until_there_is_room(
    make_service: MakeService, mount_disk: MountDisk
) -> None:
    service = make_service()
    disk = mount_disk(4 * MB, service.folder / "storage" / "avatars")
    service.start()
    made = [service.generate(seed=str(number)) for number in range(20)]
    filler = fill(disk)
    link = f"/api/identities/{'0' * 32}"
    for _ in range(3):
        assert_failure(service.client.post("/api/generate"), 507, mentions="The storage is full")
        answer = service.client.put(link, json={"avatarId": made[0]})
        assert_failure(answer, 507, mentions="The storage is full")
    assert incoming(service) == []
    assert_reads_work(service, made)
    assert service.client.get("/api/health").json()["message"] == "Down: storage-write"
    # Deleting needs no room, and makes some.
    assert service.client.delete(f"/api/{made.pop()}").status_code == 200
    made.append(service.generate())
    assert_failure(service.client.post("/api/generate"), 507)
    filler.unlink()
    made.append(service.generate())
    assert service.client.put(link, json={"avatarId": made[0]}).status_code == 200
    assert service.client.get("/api/health").status_code == 200
    assert set(listed(service)) == objects(service) == set(made)


def test_many_clients_that_fill_a_disk_leave_no_partial_avatar(
    make_service: MakeService, mount_disk: MountDisk
) -> None:
    service = make_service()
    disk = mount_disk(4 * MB, service.folder / "storage" / "avatars")
    service.start()
    fill(disk, but=400_000)

    def make(number: int) -> httpx.Response:
        return service.client.post("/api/generate", json={"seed": str(number), "type": "wave"})

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(make, range(200)))
    assert {answer.status_code for answer in answers} == {201, 507}
    made = [answer.json()["data"]["id"] for answer in answers if answer.status_code == 201]
    assert incoming(service) == []
    assert_whole(service, made)
    assert set(listed(service)) == objects(service) == set(made)


def test_a_storage_that_becomes_read_only_is_still_read(
    make_service: MakeService, mount_disk: MountDisk
) -> None:
    service = make_service()
    disk = mount_disk(8 * MB, service.folder / "storage" / "avatars")
    service.start()
    made = [service.generate(seed=str(number)) for number in range(5)]
    run("mount", "-o", "remount,ro", str(disk))
    for method, path in (("POST", "/api/generate"), ("DELETE", f"/api/{made[0]}")):
        answer = service.client.request(method, path)
        assert_failure(answer, 503, mentions="The storage is unavailable")
    ready = service.client.get("/api/health/ready")
    assert (ready.status_code, ready.json()["message"]) == (200, "Ready to read only; down: storage-write")
    assert service.client.get("/api/health").status_code == 503
    assert_reads_work(service, made)
    run("mount", "-o", "remount,rw", str(disk))
    assert service.client.get("/api/health").status_code == 200
    assert service.client.delete(f"/api/{made.pop(0)}").status_code == 200
    made.append(service.generate())
    assert set(listed(service)) == objects(service) == set(made)


def test_an_unmounted_storage_is_a_503_until_it_is_mounted_again(
    make_service: MakeService, mount_disk: MountDisk
) -> None:
    """The empty folder under the mount is not a storage without avatars."""
    service = make_service()
    disk = mount_disk(8 * MB)
    avatars = service.folder / "storage" / "avatars"
    avatars.mkdir(parents=True)
    run("mount", "--bind", str(disk), str(avatars))
    service.start()
    made = service.generate()
    run("umount", "-l", str(avatars))
    for method, path in (("GET", f"/api/{made}"), ("DELETE", f"/api/{made}"), ("POST", "/api/generate")):
        answer = service.client.request(method, path)
        assert_failure(answer, 503, mentions="The storage is unavailable")
    assert listed(service) == [made]
    run("mount", "--bind", str(disk), str(avatars))
    try:
        assert service.client.get(f"/api/{made}").status_code == 200
        assert service.client.delete(f"/api/{made}").status_code == 200
    finally:
        service.stop()
        run("umount", "-l", str(avatars))


def test_a_full_disk_of_sqlite_is_a_507_until_there_is_room(
    make_service: MakeService, mount_disk: MountDisk
) -> None:
    service = make_service()
    disk = mount_disk(4 * MB, service.folder / "storage" / "database")
    service.start()
    made = [service.generate(seed=str(number)) for number in range(20)]
    filler = fill(disk)
    refused = 0
    for number in range(40):
        answer = service.client.post("/api/generate", json={"seed": str(number)})
        if answer.status_code == 201:
            # The file itself has a little room.
            made.append(answer.json()["data"]["id"])
        else:
            refused += 1
            assert_failure(answer, 507, mentions="The database's disk is full")
    assert refused
    assert incoming(service) == []
    assert_reads_work(service, made)
    assert objects(service) == set(made)
    filler.unlink()
    made.append(service.generate())
    assert service.client.get("/api/health").status_code == 200
    assert set(listed(service)) == objects(service) == set(made)


def test_a_full_disk_of_postgresql_is_a_507_until_there_is_room(
    make_service: MakeService, mount_disk: MountDisk, postgres: Postgres
) -> None:
    disk = mount_disk(24 * MB)
    disk.chmod(0o777)
    # Only the owner may read pytest's folders, and PostgreSQL does not run as root.
    reachable = Path("/mnt") / f"avatars-{os.getpid()}"
    reachable.mkdir()
    run("mount", "--bind", str(disk), str(reachable))
    try:
        (reachable / "tables").mkdir()
        shutil.chown(reachable / "tables", "nobody")
        with postgres.connect("postgres") as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{reachable}/tables'")
            connection.execute("CREATE DATABASE small TABLESPACE small")
        service = make_service(environ={"DATABASE_URL": postgres.url("small")}).start()
        made = [service.generate(seed=str(number)) for number in range(5)]
        filler = fill(disk)
        answer = service.client.post("/api/generate")
        for number in range(200):
            if answer.status_code != 201:
                break
            made.append(answer.json()["data"]["id"])
            answer = service.client.post("/api/generate", json={"seed": f"{number}".zfill(32)})
        assert_failure(answer, 507, mentions="The database's disk is full")
        assert_reads_work(service, made)
        assert objects(service) == set(made)
        filler.unlink()
        made.append(service.generate())
        assert set(listed(service)) == objects(service) == set(made)
        service.stop()
        with postgres.connect("postgres") as connection:
            connection.execute("DROP DATABASE small")
            connection.execute("DROP TABLESPACE small")
    finally:
        run("umount", "-l", str(reachable))
        reachable.rmdir()


FIU = shutil.which("fiu-run")

# Calls that only files use. Sockets are written by others.
CALLS = (
    *("posix/io/oc/open", "posix/io/sync/fsync", "posix/io/rw/pwrite", "posix/io/dir/rename"),
    *("posix/io/dir/unlink", "posix/io/rw/ftruncate", "posix/io/rw/pread", "posix/io/dir/opendir"),
)
EIO = 5


def break_disk(service: Service, folder: Path, command: str) -> None:
    assert service.process
    control = shutil.which("fiu-ctrl")
    assert control
    for call in CALLS:
        line = command.replace("{}", call)
        run(control, "-f", str(folder / "fiu"), "-c", line, str(service.process.pid))


@pytest.mark.skipif(not FIU, reason="this needs fiu-run: apt-get install fiu-utils")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_calls_that_fail_lose_no_acknowledged_avatar(
    make_service: MakeService, postgres: Postgres, tmp_path: Path, kind: str
) -> None:
    """One call to the disk in thirty fails. A client that got a 503 has no avatar, or a whole one."""
    assert FIU
    environ = {"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
    through = (FIU, "-x", "-f", str(tmp_path / "fiu"))
    service = make_service({"logging": {"level": "fatal"}}, environ, through).start()
    made = {service.generate(seed=str(number)) for number in range(20)}
    chance = random.Random(20261120)
    statuses: dict[str, set[int]] = {"POST": set(), "GET": set(), "DELETE": set()}
    break_disk(service, tmp_path, f"enable_random name={{}},probability=0.03,failinfo={EIO}")
    for _ in range(200):
        method = chance.choice(["POST", "POST", "GET", "DELETE" if len(made) > 5 else "GET"])
        avatar = chance.choice(sorted(made))
        path = "/api/generate" if method == "POST" else f"/api/{avatar}"
        answer = service.client.request(method, path)
        statuses[method].add(answer.status_code)
        if answer.status_code == 201:
            made.add(answer.json()["data"]["id"])
        elif method == "DELETE":
            # After a 503 the avatar may exist or not.
            made.discard(avatar)
        if answer.status_code >= 400:
            assert_failure(answer, answer.status_code)
    break_disk(service, tmp_path, "disable name={}")
    assert statuses["POST"] == {201, 503}
    assert statuses["GET"] <= {200, 503}
    assert statuses["DELETE"] <= {200, 404, 503}
    assert 503 in statuses["DELETE"]
    # After five seconds, the next avatar that is stored settles the commits whose outcome is unknown.
    time.sleep(5.5)
    made.add(service.generate())
    service.stop()
    service.through = ()
    assert service.run("reindex").stdout.endswith(" 0 objects damaged.\n")
    service.start()
    assert_whole(service, sorted(made))
    assert set(listed(service)) == objects(service)
