"""A style that an operator defines, as clients and commands see it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import MakeService

pytestmark = pytest.mark.usefixtures("nothing_added")

PEBBLE = Path(__file__).parents[2] / "docs" / "definitions" / "pebble.json"

MANY = 12
"""Connections of their own, so that each of two workers gets some of them."""


def test_it_is_like_the_built_in_ones_everywhere_and_in_every_worker(
    make_service: MakeService, tmp_path: Path
) -> None:
    shutil.copy(PEBBLE, tmp_path)
    service = make_service({"server": {"workers": 2}, "styles": {"path": str(tmp_path)}}).start()
    url = "/api/render/pebble/ada.png?size=64&shape=squircle&eyesVariant=happy"
    closing = {"Connection": "close"}
    answers = [service.client.get(url, headers=closing) for _ in range(MANY)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    svg = service.client.get("/10.x/pebble/svg?seed=ada")
    assert "Ada Lovelace" in svg.text
    [listed] = [each for each in service.client.get("/api/styles").json()["data"] if each["name"] == "pebble"]
    assert (listed["license"], listed["creator"]) == ("CC BY 4.0", "Ada Lovelace")
    assert service.client.get(listed["sample"]).status_code == 200
    document = service.client.get("/openapi.json").json()
    [style, *_] = document["paths"]["/api/render/{style}/{seed}.{format}"]["get"]["parameters"]
    assert "pebble" in json.dumps(style)

    options = ("--size", "64", "--shape", "squircle", "-O", "eyesVariant=happy")
    service.run("render", "pebble", "ada", "-o", "ada.png", *options)
    (service.folder / "people.csv").write_text("seed\n" + "".join(f"p{n}\n" for n in range(150)) + "ada\n")
    result = service.run("bulk", "people.csv", "-o", "out", "--style", "pebble", "--jobs", "2", *options)
    assert result.stdout.startswith("151 made")
    for path in ("ada.png", "out/ada.png"):
        assert (service.folder / path).read_bytes() == answers[0].content


def test_a_file_that_cannot_be_used_stops_the_start_with_a_line(
    make_service: MakeService, tmp_path: Path
) -> None:
    (tmp_path / "odd.json").write_text('{"canvas": {"width": "9"}}')
    shutil.copy(PEBBLE, tmp_path / "lorelei.json")
    service = make_service({"server": {"workers": 2}, "styles": {"path": str(tmp_path)}})
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: {tmp_path}/lorelei.json: is the name of a built-in style; choose another one\n"
        f"{tmp_path}/odd.json: /canvas/width has the wrong type\n"
    )
