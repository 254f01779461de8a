"""Every picture that the API offers, drawn inside the built image."""

import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from PIL import Image

from tests.image.conftest import Container, containers

PHOTOGRAPHS = Path(__file__).parents[1] / "golden" / "photographs"

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


@pytest.mark.parametrize("name", ["turned-6.jpg", "clear.png", "lossy.webp", "photo.avif", "still.gif"])
def test_a_photograph_of_each_kind_can_be_uploaded(service: Container, name: str) -> None:
    content = (PHOTOGRAPHS / name).read_bytes()
    answer = service.client.put("/api/upload", content=content)
    assert answer.status_code == 201, answer.text
    picture = service.client.get(f"/api/{answer.json()['data']['id']}.webp?px=100")
    require_picture(picture.content, "webp", 100)


def require_picture(content: bytes, format_name: str, px: int) -> None:
    """Decode a picture, and fail unless it has the expected format, width and height."""
    if format_name == "svg":
        assert content.startswith(b"<svg"), content[:100]
        return
    picture = Image.open(io.BytesIO(content))
    picture.load()
    assert (picture.format, picture.size) == (format_name.upper(), (px, px))


def test_every_style_is_drawn_in_each_of_its_formats(
    service: Container, styles: list[dict[str, Any]]
) -> None:
    assert {style["license"] is None for style in styles} == {True, False}, "own styles and DiceBear's"
    failed = []
    for style in styles:
        for format_name in style["formats"]:
            answer = service.client.get(f"/api/render/{style['name']}/ada.{format_name}?size=48")
            if answer.status_code != 200:
                failed.append(f"{answer.url}: {answer.text}")
                continue
            assert answer.headers["Content-Type"] == MEDIA[format_name]
            require_picture(answer.content, format_name, 48)
    assert failed == [], service.errors()


@pytest.mark.parametrize("shape", ["square", "circle", "rounded"])
def test_every_shape_and_filter_is_drawn(
    service: Container, styles: list[dict[str, Any]], shape: str
) -> None:
    """In a style of ours, and in a vector style that is rasterised."""
    names = [next(style["name"] for style in styles if (style["license"] is None) == own) for own in (1, 0)]
    drawn = set()
    for name in names:
        for recolour in ("", "&filter=grayscale", "&filter=sepia", "&filter=negative"):
            for format_name in ("png", "webp", "avif", "jpeg"):
                answer = service.client.get(
                    f"/api/render/{name}/ada.{format_name}?size=32&shape={shape}{recolour}"
                )
                assert answer.status_code == 200, f"{answer.url}: {answer.text} {service.errors()}"
                require_picture(answer.content, format_name, 32)
                drawn.add(answer.content)
    assert len(drawn) == 2 * 4 * 4


def test_stored_pictures_are_read_in_every_way(service: Container) -> None:
    body = {"type": "gradient", "colorScheme": "ocean", "seed": "ada", "angle": 45}
    avatar_id = service.generate(**body)
    assert service.client.post("/api/v2/generate", json={"angle": 0, "seed": "ada"}).status_code == 201
    for size in range(4, 10):
        for format_name in ("png", "webp", "avif", "jpeg"):
            for recolour in ("", "&filter=grayscale", "&filter=sepia", "&filter=negative"):
                answer = service.client.get(f"/api/{avatar_id}?size={size}&format={format_name}{recolour}")
                assert answer.status_code == 200, f"{answer.url}: {answer.text}"
                require_picture(answer.content, format_name, 2**size)
    answer = service.client.get(f"/api/{avatar_id}", headers={"If-None-Match": answer.headers["ETag"]})
    assert answer.status_code == 200, "another size has another ETag"
    known = {"If-None-Match": answer.headers["ETag"]}
    assert service.client.get(f"/api/{avatar_id}", headers=known).status_code == 304


def test_identities_and_other_protocols_answer(service: Container) -> None:
    digest = "0" * 32
    link = {"avatarId": service.generate(seed="ada")}
    assert service.client.put(f"/api/identities/{digest}", json=link).status_code == 200
    require_picture(service.client.get(f"/avatar/{digest}?s=64").content, "png", 64)
    for default in ("identicon", "retro", "initials", "robohash"):
        answer = service.client.get(f"/avatar/{'1' * 32}?d={default}&s=40")
        assert answer.status_code == 200, f"{answer.url}: {answer.text}"
    assert service.client.get("/10.x/lorelei/svg?seed=ada").status_code == 200


def test_the_page_and_swagger_have_all_their_files(service: Container) -> None:
    for page in ("/", "/swagger"):
        answer = service.client.get(page)
        assert answer.status_code == 200
        files = re.findall(r'(?:src|href)="([^"#:]+)"', answer.text)
        assert files, page
        for file in files:
            found = service.client.get(urljoin(page, html.unescape(file)))
            assert found.status_code == 200, file
            assert found.content, file
    for document in ("/openapi.json", "/swagger-json"):
        assert "/api/generate" in service.client.get(document).json()["paths"]


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
