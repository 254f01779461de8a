"""The OpenAPI document is true: its statuses, its parameters and its examples."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

from avatar_gen.api.swagger import add_swagger_routes
from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import Service, assert_failure
from tests.slow.fuzz_requests import resolved

Json = dict[str, Any]


@pytest.fixture
def document(client: httpx.Client) -> Json:
    document: Json = client.get("/openapi.json").json()
    return document


def example_of(schema: Json) -> Any:  # noqa: ANN401 - JSON
    """What a schema gives as an example, or what its parts make. Raises `KeyError` where there is none."""
    default = [schema["default"]] if "default" in schema else None
    if found := schema.get("examples") or schema.get("enum") or default:
        return found[0]
    if schema.get("type") == "array":
        return [example_of(schema["items"])]
    if schema.get("type") == "object":
        return {name: example_of(each) for name, each in schema["properties"].items()}
    raise KeyError(schema)


def test_the_statuses_are_in_order_so_that_the_document_is_always_the_same_text(document: Json) -> None:
    named = document["components"]["responses"]
    assert list(named) == sorted(named)
    for _, _, operation in operations(document):
        assert list(operation["responses"]) == sorted(operation["responses"])


@pytest.mark.parametrize("coding", ["gzip", "BR", "identity, zstd", "x"])
def test_no_operation_reads_a_compressed_body(client: httpx.Client, document: Json, coding: str) -> None:
    refused = 0
    for method, path, operation in operations(document):
        if "requestBody" in operation:
            url = path.replace("{id}", str(uuid4())).replace("{hash}", "0" * 32)
            answer = client.request(method, url, content=b"{}", headers={"Content-Encoding": coding})
            assert_failure(answer, 415, mentions="Send the body without Content-Encoding.")
            assert "415" in operation["responses"]
            refused += 1
    assert refused >= 8
    for same in ("identity", "Identity,identity", ""):
        answer = client.post("/api/generate", json={}, headers={"Content-Encoding": same})
        assert answer.status_code == 201


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, resolved(document, operation)


OPERATIONS = {
    *("generateAvatar", "generateAvatarV1", "generateGradient", "uploadPhotograph", "uploadFile"),
    *("getAvatar", "getAvatarHeaders", "deleteAvatar", "listAvatars"),
    *("listColorSchemes", "listPalettes", "listStyles", "getStyle"),
    *("renderAvatar", "renderAvatarHeaders", "renderAvatarByQuery", "renderAvatarByQueryHeaders"),
    *("getDicebearAvatar", "getDicebearAvatarHeaders", "getUiAvatar", "getUiAvatarHeaders"),
    *("listDicebearStyles", "listDicebearStylesHeaders", "describeDicebearOptions"),
    *("describeDicebearOptionsHeaders", "getDicebearDefinition", "getDicebearDefinitionHeaders"),
    *("getIdentityAvatar", "getIdentityAvatarHeaders", "linkIdentity", "getIdentity", "unlinkIdentity"),
    *("createPickerLink", "getPicker", "generateByPicker", "uploadByPicker", "unlinkByPicker"),
    *("startJob", "getJob", "getJobEvents", "getJobResult", "cancelJob"),
    *("getHealth", "getReadiness", "getLiveness"),
}
"""Clients are generated from these names, so none may change."""


def test_the_operations_have_these_names_once_each(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert set(names) == OPERATIONS


def test_each_link_leads_to_an_operation(document: Json) -> None:
    links = [
        link["operationId"]
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert len(links) > 10
    assert set(links) <= OPERATIONS


def test_each_operation_has_a_tag_that_is_described(document: Json) -> None:
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert tags == {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    assert document["servers"][0]["url"] == "./"


def test_a_picture_is_binary_in_each_of_its_types(document: Json) -> None:
    binary = {"type": "string", "format": "binary"}
    seen = 0
    for method, path, operation in operations(document):
        found = operation["responses"].get("200", {})
        pictures = {kind: each for kind, each in found.get("content", {}).items() if "image/" in kind}
        assert all(each["schema"] == binary for each in pictures.values()), path
        assert method != "HEAD" or "content" not in found
        seen += len(pictures)
    assert seen > 20


def test_every_status_has_an_example_that_fits(document: Json) -> None:
    seen = 0
    for method, path, operation in operations(document):
        assert {"400", "408", "431", "500", "503"} <= operation["responses"].keys(), f"{method} {path}"
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content and "{format}" not in path:
                example = content.get("example") or example_of(content["schema"])
                jsonschema.validate(example, content["schema"])
                if int(status) >= 400:
                    assert "example" not in content or example["statusCode"] == int(status)
                seen += 1
    assert seen > 100


def test_every_parameter_and_body_has_an_example(document: Json) -> None:
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            told = {"example", "examples", "enum", "default", "minimum", "maxLength"} & {*parameter, *schema}
            assert told, f"{method} {path}: {parameter['name']}"
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            if path.endswith("/upload"):
                assert len(content) == 1
                continue
            schema = content["application/json"]["schema"]
            jsonschema.validate(example_of(schema), schema)


def identity_for(service: Service, method: str, path: str) -> str:
    """The id that a path takes: of an avatar, or of a job in the state that the operation needs."""
    if "/jobs/" not in path:
        return service.generate()
    rows = [{"seed": "ada"}] * (5000 if method == "DELETE" else 1)
    identity: str = service.client.post("/api/jobs", json=rows).json()["data"]["id"]
    if path.endswith("/result"):
        service.client.get(f"/api/jobs/{identity}/events")
    return identity


def test_every_example_can_be_asked_for(service: Service, document: Json) -> None:
    def given(parameter: Json) -> str:
        return str(example_of(parameter["schema"]))

    identity = uuid4().hex
    for method, path, operation in sorted(operations(document), key=lambda each: each[0] == "DELETE"):
        required = [each for each in operation.get("parameters", []) if each.get("required")]
        names = {each["name"]: given(each) for each in required} if "{id}" not in path else {}
        address = path.format(**names, id=identity_for(service, method, path))
        query = {each["name"]: given(each) for each in required if each["in"] == "query"}
        content = operation.get("requestBody", {}).get("content", {})
        headers = {}
        if "401" in operation["responses"]:
            link = service.client.post("/api/picker-links", json={"identity": identity})
            headers["Authorization"] = f"Bearer {link.json()['data']['url'].partition('#')[2]}"
        body = files = sent = None
        if path.endswith("/upload"):
            files, sent = ({"file": PHOTOGRAPH}, None) if method == "POST" else (None, PHOTOGRAPH)
        elif content:
            body = example_of(content["application/json"]["schema"])
        if body and "avatarId" in body:
            body = {"avatarId": service.generate()}
        answer = service.client.request(
            method, address, params=query, json=body, files=files, content=sent, headers=headers
        )
        assert answer.status_code in {200, 201, 202}, f"{method} {address}: {answer.text}"
        assert str(answer.status_code) in operation["responses"]


def test_no_form_of_the_document_is_written_on_the_event_loop() -> None:
    app = FastAPI(openapi_url=None)
    threads: list[threading.Thread] = []

    def openapi() -> Json:
        threads.append(threading.current_thread())
        return {"openapi": "3.1.0"}

    app.openapi = openapi  # type: ignore[method-assign]
    add_swagger_routes(app)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in ("/openapi.json", "/swagger-json", "/swagger-yaml")]

    answers = asyncio.run(ask())
    assert [answer.text for answer in answers] == ['{"openapi":"3.1.0"}'] * 2 + ["openapi: 3.1.0\n"]
    assert threading.current_thread() not in threads
    assert len(threads) == 2
