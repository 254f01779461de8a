"""Jobs over HTTP: a list goes in, every row comes out, as an avatar or as a reason."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from avatar_gen.security.api_keys import hash_of, new_key
from tests.api.test_access import bearer
from tests.conftest import App, MakeApp, assert_failure

CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("jobs")).start()
    yield app
    app.close()


def start(client: httpx.Client, body: str, **headers: str) -> str:
    """Start a job; return its URL."""
    answer = client.post("/api/jobs", content=body, headers={**CSV, **headers})
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["state"] in {"waiting", "running", "done"}
    assert answer.headers["location"] == f"/api/jobs/{answer.json()['data']['id']}"
    return str(answer.headers["location"])


def events(client: httpx.Client, url: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a job until its end."""
    answer = client.get(f"{url}/events", timeout=60)
    assert answer.headers["content-type"] == "text/event-stream"
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block.startswith("event: ")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_every_row_becomes_an_avatar_or_a_reason(jobs: App) -> None:
    client = jobs.client
    rows = [f"p{number}@example.org,Person {number},{'smile' if number % 2 else ''}" for number in range(250)]
    url = start(client, "seed,name,style\n" + "\n".join([*rows, "x,y,nosuch"]))
    kind, job = events(client, url)[-1]
    assert kind == "end"
    assert client.get(url).json()["data"] == job
    assert (job["state"], job["total"], job["done"], job["failed"]) == ("done", 251, 250, 1)
    assert job["rate"] > 0
    assert job["timeLeft"] == 0
    assert job["createdAt"] <= job["startedAt"] <= job["endedAt"]
    result = list(csv.DictReader(io.StringIO(client.get(f"{url}/result").text)))
    assert [row["line"] for row in result] == [str(line) for line in range(2, 253)]
    assert [row["name"] for row in result[:2]] == ["Person 0", "Person 1"]
    assert result[-1]["error"].startswith("type must be")
    ids = [row["id"] for row in result if row["id"]]
    assert len(set(ids)) == 250
    page = client.get("/api/list?pick=100").json()["data"]
    assert page["pagination"]["total"] >= 250
    for row, style in zip(result[:2], ("pixelize", "smile"), strict=True):
        drawn = jobs.generate(seed=row["seed"], type=style)
        assert client.get(f"/api/{row['id']}?size=9").content == client.get(f"/api/{drawn}?size=9").content


def test_no_name_of_a_row_costs_the_others_their_archive(jobs: App) -> None:
    client = jobs.client
    names: list[object] = [
        "\ud800",
        {"a": 1},
        5,
        "\0",
        "..",
        "\u202egnp",
        "x" * 10_000,
        "con",
        "e\u0301",
        "é",
    ]
    rows = [{"seed": "ada", "name": name} for name in names]
    url = start(client, json.dumps(rows), **{"Content-Type": "application/json"})
    assert events(client, url)[-1][1]["done"] == len(names) - 3
    answer = client.get(f"{url}/result?format=zip&size=4")
    assert answer.status_code == 200, answer.text
    assert len(set(ZipFile(io.BytesIO(answer.content)).namelist())) == len(names) - 3
    errors = [row["error"] for row in client.get(f"{url}/result?format=json").json()]
    assert errors[:3] == ["name must be valid Unicode text.", "name must be text.", "name must be text."]
    assert errors[3:] == [None] * (len(names) - 3)


def test_a_result_is_also_json_and_an_archive(jobs: App) -> None:
    client = jobs.client
    rows = [{"seed": "ada", "name": "ada"}, {"seed": "bob", "name": "ada"}, {}, {"seed": "\ud800"}]
    url = start(client, json.dumps(rows), **{"Content-Type": "application/json"})
    events(client, url)
    result = client.get(f"{url}/result?format=json")
    assert result.headers["content-type"] == "application/json"
    assert [row["line"] for row in result.json()] == [1, 2, 3, 4]
    assert [bool(row["id"]) for row in result.json()] == [True, True, False, False]
    answer = client.get(f"{url}/result?format=zip&size=5")
    assert answer.headers["content-disposition"].endswith('.zip"')
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.namelist() == ["ada.png", "ada-2.png"]
    for name, row in zip(archive.namelist(), result.json(), strict=False):
        assert archive.read(name) == client.get(f"/api/{row['id']}?size=5").content
    # What was deleted since is left out.
    assert client.delete(f"/api/{result.json()[0]['id']}").status_code == 200
    archive = ZipFile(io.BytesIO(client.get(f"{url}/result?format=zip").content))
    assert archive.namelist() == ["ada.png"]


def test_rows_without_a_style_get_that_of_the_request(jobs: App) -> None:
    answer = jobs.client.post("/api/jobs?type=rings", content="seed\nada\n", headers=CSV)
    url = answer.headers["location"]
    events(jobs.client, url)
    avatar = next(csv.DictReader(io.StringIO(jobs.client.get(f"{url}/result").text)))["id"]
    avatars = jobs.client.get("/api/list?order=newest&pick=100").json()["data"]["avatars"]
    assert next(each for each in avatars if each["id"] == avatar)["generatorType"] == "rings"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/csv", "name\nada\n", 400),
        ("text/csv; charset=utf-8", 'seed\n"ada\n', 400),
        ("application/json", '[{"seed": "a"}, ', 400),
        ("application/json", '[{"seed": {"a": ' + "[" * 900 + "]" * 900 + "}}]", 400),
        ("text/plain", "seed\nada\n", 415),
        ("application/x-www-form-urlencoded", "seed=ada", 415),
    ],
)
def test_what_is_no_list_starts_no_job(make_app: MakeApp, content_type: str, body: str, status: int) -> None:
    app = make_app().start()
    answer = app.client.post("/api/jobs", content=body, headers={"Content-Type": content_type})
    if answer.status_code != 202:
        failure = assert_failure(answer, status)
        assert ("details" in failure) == (status == 400)
        assert app.client.get("/api/list").json()["data"]["pagination"]["total"] == 0
        records = app.folder / "storage" / "database" / "avatars.db"
        assert b"ada" not in records.read_bytes()
    else:
        # Some parsers read deeper nesting than others. Then the row fails.
        assert events(app.client, answer.headers["location"])[-1][1]["failed"] == 1


def test_what_does_not_exist_is_not_found(jobs: App) -> None:
    url = "/api/jobs/00000000-0000-4000-8000-000000000000"
    for path in (url, f"{url}/events", f"{url}/result"):
        assert_failure(jobs.client.get(path), 404, mentions="There is no job with this id")
    assert_failure(jobs.client.delete(url), 404)
    for path in ("/api/jobs/ada", "/api/jobs/ada/result"):
        assert_failure(jobs.client.get(path), 404, mentions="There is no job with this id")
    assert_failure(jobs.client.get(f"{url}/result?format=xml"), 400, mentions="format must be one of")


def test_a_job_that_is_cancelled_keeps_what_it_has_stored(jobs: App) -> None:
    client = jobs.client
    url = start(client, "seed,style\n" + "".join(f"c{number},smile\n" for number in range(3000)))
    assert_failure(client.get(f"{url}/result"), 409, mentions="The job has not ended")
    assert client.delete(url).json()["message"] == "Job cancelled"
    _, job = events(client, url)[-1]
    assert job["state"] == "cancelled"
    assert job["done"] < 3000
    assert_failure(client.delete(url), 409, mentions="The job has ended")
    rows = list(csv.DictReader(io.StringIO(client.get(f"{url}/result").text)))
    assert len(rows) >= job["done"]
    for row in rows[:3]:
        assert client.get(f"/api/{row['id']}").status_code == 200


def test_head_has_the_fields_and_no_body(jobs: App) -> None:
    url = start(jobs.client, "seed\nada\n")
    for path in (url, f"{url}/events"):
        answer = jobs.client.head(path)
        assert answer.status_code == 200
        assert answer.content == b""
    events(jobs.client, url)
    for path in (f"{url}/result?format=zip", f"{url}/result", f"{url}/events"):
        answer, whole = jobs.client.head(path), jobs.client.get(path)
        assert answer.content == b""
        # Nobody knows yet how many bytes there are.
        assert "content-length" not in answer.headers
        assert answer.headers["content-type"] == whole.headers["content-type"]


def test_jobs_take_a_key_that_may_write(make_app: MakeApp) -> None:
    writer, reader = new_key(), new_key()
    keys = [{"sha256": hash_of(writer), "may": ["write"]}, {"sha256": hash_of(reader), "may": ["list"]}]
    app = make_app({"auth": {"api_keys": keys}}).start()
    assert_failure(app.client.post("/api/jobs", content="seed\na\n", headers=CSV), 401)
    assert_failure(app.client.post("/api/jobs", content="seed\na\n", headers=CSV | bearer(reader)), 403)
    url = start(app.client, "seed\na\n", **bearer(writer))
    for path in (url, f"{url}/events", f"{url}/result"):
        assert_failure(app.client.get(path), 401)
        assert_failure(app.client.get(path, headers=bearer(reader)), 403)
    assert_failure(app.client.delete(url), 401)
    assert app.client.get(f"{url}/events", headers=bearer(writer)).status_code == 200
