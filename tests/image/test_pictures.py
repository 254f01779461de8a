"""Every picture that the API offers, drawn inside the built image."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.image.conftest import Container, containers

MEDIA = {"svg": "image/svg+xml", **{name: f"image/{name}" for name in ("png", "webp", "avif", "jpeg")}}


@pytest.fixture(scope="module")
def service() -> Iterator[Container]:
    """One container for all tests of this module: they only draw and read."""
    with containers() as run:
        container = run()
        container.wait_until_ready()
        yield container


@pytest.fixture(scope="module")
def styles(service: Container) -> list[dict[str, Any]]:
    """Every style that this image says it serves."""
    listed: list[dict[str, Any]] = service.client.get("/api/styles").json()["data"]
    return listed


def require_picture(content: bytes, media: str, px: int) -> None:
    """Decode a picture, and fail unless it has the expected format, width and height."""
    if media == "svg":
        assert content.startswith(b"<svg"), content[:100]
        return
    picture = Image.open(io.BytesIO(content))
    picture.load()
    assert (picture.format, picture.size) == (media.upper(), (px, px))


def test_every_style_is_drawn_in_each_of_its_formats(
    service: Container, styles: list[dict[str, Any]]
) -> None:
    assert {style["license"] is None for style in styles} == {True, False}, "own styles and DiceBear's"
    failed = []
    for style in styles:
        for media in style["formats"]:
            answer = service.client.get(f"/api/render/{style['name']}/ada.{media}?size=48")
            if answer.status_code != 200:
                failed.append(f"{answer.url}: {answer.text}")
                continue
            assert answer.headers["Content-Type"] == MEDIA[media]
            require_picture(answer.content, media, 48)
    assert failed == [], service.errors()


def test_every_own_style_is_stored_and_read(service: Container, styles: list[dict[str, Any]]) -> None:
    failed = []
    for style in (each for each in styles if each["license"] is None):
        body = {"type": style["name"], "seed": "ada"}
        answer = service.client.post("/api/generate", json=body)
        if answer.status_code != 201:
            failed.append(f"{body}: {answer.text}")
            continue
        for size in (4, 6, 9):
            picture = service.client.get(f"/api/{answer.json()['data']['id']}?size={size}")
            assert picture.status_code == 200, picture.text
            require_picture(picture.content, "png", 2**size)
    assert failed == [], service.errors()
