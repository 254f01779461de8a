"""Jobs whose processes are killed: every row becomes one avatar, and progress never goes back."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.api.test_jobs import events, start
from tests.conftest import MakeService
from tests.slow.size import sized

ROWS = sized(full=100_000, small=1000)


def rows(count: int, style: str = "pixelize") -> str:
    return "seed,style\n" + "".join(f"p{number}@example.org,{style}\n" for number in range(count))


def progress(client: httpx.Client, url: str) -> dict[str, Any]:
    data: dict[str, Any] = client.get(url).json()["data"]
    return data


def watch(client: httpx.Client, url: str, seconds: float = 600) -> Iterator[dict[str, Any]]:
    """Yield the progress of a job until its end. It must not go back, however often the service is away."""
    before, deadline = -1, time.monotonic() + seconds
    while True:
        assert time.monotonic() < deadline
        try:
            job = progress(client, url)
        except (httpx.TransportError, KeyError):
            continue
        assert job["done"] >= before
        before = job["done"]
        yield job
        if job["endedAt"]:
            return
        time.sleep(0.1)


def check_result(client: httpx.Client, url: str, count: int) -> None:
    """Every row has an avatar of its own, and there are no others."""
    result = list(csv.DictReader(io.StringIO(client.get(f"{url}/result", timeout=120).text)))
    assert [row["seed"] for row in result] == [f"p{number}@example.org" for number in range(count)]
    ids = {row["id"] for row in result}
    assert len(ids) == count
    stored: set[str] = set()
    cursor = ""
    while True:
        data = client.get(f"/api/list?pick=100{cursor}").json()["data"]
        stored |= {avatar["id"] for avatar in data["avatars"]}
        if not data["pagination"]["hasMore"]:
            break
        cursor = f"&after={data['pagination']['next']}"
    assert stored == ids
    assert data["pagination"]["total"] == count


def test_jobs_survive_restarts_and_kills_of_the_service(make_service: MakeService) -> None:
    service = make_service().start()
    url = start(service.client, rows(ROWS, "smile"))
    kinds = iter(["stop", "kill"])
    for job in watch(service.client, url):
        if 0 < job["done"] < ROWS and (kind := next(kinds, None)):
            if kind == "stop":
                assert service.stop() == 0
            else:
                service.kill()
            service.start()
    assert job["state"] == "done"
    assert "Traceback" not in service.log.read_text()
    check_result(service.client, url, ROWS)


def test_a_row_that_kills_the_drawing_process_is_reported(make_service: MakeService, tmp_path: Path) -> None:
    """The list has a row for which a library would crash. The processes are real."""
    (tmp_path / "sitecustomize.py").write_text(
        "import avatar_gen.services.jobs.chunk_work as work, os\n"
        "ours = work.draw_object\n"
        "def draw_object(avatar, spec):\n"
        "    return os.kill(os.getpid(), 9) if spec.seed == 'p7@example.org' else ours(avatar, spec)\n"
        "work.draw_object = draw_object\n"
    )
    service = make_service(environ={"PYTHONPATH": str(tmp_path)}).start()
    url = start(service.client, rows(150))
    *_, job = watch(service.client, url)
    assert (job["state"], job["done"], job["failed"]) == ("done", 149, 1)
    result = list(csv.DictReader(io.StringIO(service.client.get(f"{url}/result").text)))
    assert [row["seed"] for row in result if row["error"]] == ["p7@example.org"]
    assert result[7]["error"] == "The process that drew it ended, several times."
    assert service.stop() == 0


def test_a_list_may_be_larger_than_any_other_body(make_service: MakeService) -> None:
    """A million rows have some 60 MB. Here 1,300 rows have 20 MB."""
    service = make_service().start()
    rows = (f"{number},{'n' * 15_000}\n" for number in range(1300))
    url = start(service.client, "seed,name\n" + "".join(rows))
    _, job = events(service.client, url)[-1]
    assert (job["total"], job["done"]) == (1300, 1300)
    # No other route reads as much.
    body = json.dumps({"seed": "a" * 20_000_000})
    answer = service.client.post("/api/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
