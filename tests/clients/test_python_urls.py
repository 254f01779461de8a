"""URLs that the Python client builds: the same as those of the TypeScript client, and all of them work."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avatar_gen_client import avatar_url, gravatar_url, stored_avatar_url
from avatar_gen_client.urls import PictureOptions, StoredOptions, camel
from tests.conftest import MakeApp

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "urls.json").read_text(encoding="utf-8"))
"""Both clients are tested with these."""

BUILDERS: dict[str, Callable[..., str]] = {
    "avatar": avatar_url,
    "gravatar": gravatar_url,
    "stored": stored_avatar_url,
}


def snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def built(case: dict[str, Any]) -> str:
    options = {snake(name): value for name, value in case["options"].items()}
    return BUILDERS[case["build"]](case["of"], **options)


@pytest.mark.parametrize("case", CASES, ids=[each["url"] for each in CASES])
def test_a_url_is_built(case: dict[str, Any]) -> None:
    assert built(case) == case["url"]


def test_the_service_answers_every_url_that_is_built(make_app: MakeApp) -> None:
    app = make_app().start()
    stored = app.generate(seed="ada")
    for case in CASES:
        path = built({**case, "options": {**case["options"], "base": ""}})
        answer = app.client.get(path.replace("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", stored))
        assert answer.status_code == 200, f"{path}: {answer.text}"


def test_the_seed_arrives_as_it_is(make_app: MakeApp) -> None:
    app = make_app().start()
    for seed in ("a/b", "..", "", "ada.png", "+ %2F?#&=", "\\", "\U0001f469\u200d\U0001f680"):
        by_query = app.client.get("/api/render/retro.webp", params={"seed": seed})
        assert app.client.get(avatar_url(seed, style="retro")).content == by_query.content, seed


def test_text_that_was_cut_in_half_of_a_character_makes_a_url() -> None:
    assert avatar_url("\ud83d") == avatar_url("\ufffd") == "/api/render/pixelize/%EF%BF%BD.webp"


def test_every_parameter_of_the_document_is_an_option(make_app: MakeApp) -> None:
    paths = make_app().start().client.get("/openapi.json").json()["paths"]

    def parameters(path: str) -> set[str]:
        return {each["name"] for each in paths[path]["get"]["parameters"]}

    rendered = parameters("/api/render/{style}/{seed}.{format}") - {"seed"}
    assert rendered == {camel(each) for each in PictureOptions.__annotations__} - {"options"}
    assert parameters("/api/{id}") - {"id", "size"} == set(StoredOptions.__annotations__)
