"""The avatars of a service: what it lists, what it stores, and clients that generate them."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from avatar_gen.database import sqlite
from avatar_gen.objects.avatar_object import read_object
from tests.servers.service import Installation, Service

ALONE = sqlite.corrupts_shared_wal(sqlite.sqlite.sqlite_version_info)  # type: ignore[attr-defined]
"""Whether this SQLite allows only one process to write a database."""


def listed(service: Installation) -> list[str]:
    """Return the ids of all avatars that the service lists, in its order."""
    ids: list[str] = []
    while True:
        data = service.client.get("/api/list", params={"pick": 100, "offset": len(ids)}).json()["data"]
        ids += [each["id"] for each in data["avatars"]]
        if not data["pagination"]["hasMore"]:
            assert data["pagination"]["total"] == len(ids)
            return ids


def objects(service: Installation) -> set[str]:
    """Return the ids of all objects in the storage."""
    return {path.stem for path in (service.folder / "storage" / "avatars").glob("??/*.zip")}


def assert_whole(service: Installation, acknowledged: list[str]) -> None:
    """Check that each acknowledged avatar is listed and served, and each row has a whole object."""
    rows = listed(service)
    assert len(set(rows)) == len(rows), "an avatar is listed twice"
    assert set(acknowledged) <= set(rows), "an acknowledged avatar is not in the list"
    for avatar_id in rows:
        read_object(avatar_id, service.object(avatar_id).read_bytes())
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda each: service.client.get(f"/api/{each}").status_code, acknowledged)
        assert set(answers) <= {200}


@contextlib.contextmanager
def clients(
    service: Service,
    count: int,
    acknowledged: list[str],
    *,
    others: list[int] | None = None,
    broken: list[httpx.TransportError] | None = None,
) -> Iterator[None]:
    """Run clients that generate avatars until the server is gone or an answer closes their connection.

    `acknowledged` collects the ids of avatars, `others` the statuses that are not 201, and `broken` the
    errors of requests that got no answer.
    """

    def generate(client: httpx.Client, body: dict[str, str]) -> bool:
        answer = client.post("/api/generate", json=body)
        if answer.status_code == 201:
            acknowledged.append(answer.json()["data"]["id"])
        elif others is not None:
            others.append(answer.status_code)
        return "connection" not in answer.headers

    def work(number: int) -> None:
        types = ("pixelize", "wave", "gradient")
        with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
            try:
                i = 0
                while generate(client, {"seed": f"{number}-{i}", "type": types[i % 3]}):
                    i += 1
            except httpx.TransportError as error:
                if broken is not None:
                    broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
