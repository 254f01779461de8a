import io
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import App, MakeService, Service, assert_failure

MEDIA = {"png": "image/png", "webp": "image/webp", "avif": "image/avif", "jpeg": "image/jpeg"}


@pytest.fixture(scope="session", params=["pixelize", "wave", "gradient"])
def avatar(app: App, request: pytest.FixtureRequest) -> str:
    return app.generate(type=request.param, seed="ada", colorScheme="default")


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("size", range(4, 10))
@pytest.mark.parametrize("format_name", MEDIA)
def test_every_size_is_served_in_every_format(
    app_client: httpx.Client, avatar: str, size: int, format_name: str
) -> None:
    answer = app_client.get(f"/api/{avatar}", params={"size": size, "format": format_name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA[format_name]
    assert int(answer.headers["content-length"]) == len(answer.content)
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == format_name.upper()
    assert image.size == (2**size, 2**size)
    assert not image.has_transparency_data


def test_without_parameters_it_is_a_png_of_64_px(app_client: httpx.Client, avatar: str) -> None:
    plain = app_client.get(f"/api/{avatar}")
    assert plain.headers["content-type"] == "image/png"
    assert opened(plain.content).shape == (64, 64, 3)
    assert plain.content == app_client.get(f"/api/{avatar}?size=6&format=png").content


def test_it_carries_the_headers_of_the_contract(client: httpx.Client, service: Service) -> None:
    made = client.post("/api/generate", json={"seed": "a"}).json()["data"]
    headers = client.get(f"/api/{made['id']}").headers
    assert headers["x-avatar-id"] == made["id"]
    assert headers["x-created-at"] == made["createdAt"]
    assert headers["x-version"] == "0.0.1"
    assert headers["etag"].startswith('"')
    assert headers["cache-control"] == "public, max-age=3600"
    assert "server" not in headers
    assert service.object(made["id"]).stat().st_blocks * 512 <= 4096


@pytest.mark.parametrize("format_name", ["png", "webp"])
@pytest.mark.parametrize("size", [4, 9])
def test_filters_are_exact_on_every_pixel(
    app_client: httpx.Client, avatar: str, size: int, format_name: str
) -> None:
    pictures = {
        name: opened(
            app_client.get(
                f"/api/{avatar}", params={"size": size, "format": format_name, "filter": name}
            ).content
        ).astype(int)
        for name in ("grayscale", "sepia", "negative")
    }
    plain = opened(app_client.get(f"/api/{avatar}", params={"size": size}).content).astype(int)
    assert np.array_equal(pictures["negative"], 255 - plain)
    grey = np.floor(plain @ [0.2126, 0.7152, 0.0722] + 0.5)
    assert np.abs(pictures["grayscale"] - grey[..., np.newaxis]).max() <= 1
    assert np.ptp(pictures["grayscale"], axis=2).max() == 0
    red, green, blue = np.moveaxis(pictures["sepia"], 2, 0)
    assert np.all((red >= green) & (green >= blue))


@pytest.fixture(scope="session")
def unseeded(app: App) -> str:
    """Return the id of an avatar whose seed is not stored."""
    return app.generate(type="pixelize", colorScheme="default")


def with_cells_of(picture: np.ndarray, px: int) -> np.ndarray:
    """Return the 7 x 7 cells of a picture at another width."""
    middles = (np.arange(7) * 2 + 1) * len(picture) // 14
    columns = np.repeat(middles, np.diff(np.arange(8) * px // 7))
    return picture[np.ix_(columns, columns)]


@pytest.mark.parametrize("px", [16, 17, 80, 100, 700, 1024])
def test_cells_without_a_seed_have_sharp_borders_at_every_width(
    app_client: httpx.Client, unseeded: str, px: int
) -> None:
    whole = opened(app_client.get(f"/api/{unseeded}?size=9").content)
    picture = opened(app_client.get(f"/api/{unseeded}?px={px}").content)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2
    assert np.array_equal(picture, with_cells_of(whole, px))


def test_cells_without_a_seed_are_sharp_with_a_filter_and_in_other_formats(
    app_client: httpx.Client, unseeded: str
) -> None:
    sepia = opened(app_client.get(f"/api/{unseeded}?size=9&filter=sepia").content)
    for query in ("px=100&filter=sepia", "px=100&filter=sepia&format=webp"):
        picture = opened(app_client.get(f"/api/{unseeded}?{query}").content)
        assert np.array_equal(picture, with_cells_of(sepia, 100))


def test_cells_without_a_seed_are_sharp_for_the_hash_that_they_are_linked_to(
    app_client: httpx.Client, unseeded: str
) -> None:
    hashed = uuid4().hex
    assert app_client.put(f"/api/identities/{hashed}", json={"avatarId": unseeded}).status_code == 200
    whole = opened(app_client.get(f"/api/{unseeded}?size=9").content)
    assert np.array_equal(opened(app_client.get(f"/avatar/{hashed}?s=80").content), with_cells_of(whole, 80))
    app_client.delete(f"/api/identities/{hashed}")


def test_a_client_that_has_it_gets_304(app_client: httpx.Client, avatar: str) -> None:
    for query in ("", "?size=9", "?format=webp", "?filter=sepia&format=avif"):
        first = app_client.get(f"/api/{avatar}{query}")
        etag = first.headers["etag"]
        assert app_client.get(f"/api/{avatar}{query}").headers["etag"] == etag
        for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            answer = app_client.get(f"/api/{avatar}{query}", headers={"If-None-Match": given})
            assert answer.status_code == 304
            assert answer.content == b""
            assert answer.headers["etag"] == etag
            assert "content-type" not in answer.headers
        other = app_client.get(f"/api/{avatar}{query}", headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content)


def test_every_representation_has_a_tag_of_its_own(app_client: httpx.Client, avatar: str) -> None:
    queries = [
        f"size={size}&format={format_name}{name}"
        for size in (4, 9)
        for format_name in MEDIA
        for name in ("", "&filter=sepia", "&filter=negative")
    ]
    assert len({app_client.get(f"/api/{avatar}?{query}").headers["etag"] for query in queries}) == len(
        queries
    )


def test_head_is_get_without_the_picture(app_client: httpx.Client, avatar: str) -> None:
    got, head = app_client.get(f"/api/{avatar}?size=8"), app_client.head(f"/api/{avatar}?size=8")
    assert head.status_code == 200
    assert head.content == b""
    ignored = {"date", "x-request-id"}
    assert {(k, v) for k, v in head.headers.items() if k not in ignored} == {
        (k, v) for k, v in got.headers.items() if k not in ignored
    }


def test_an_id_is_an_id_in_any_case(app_client: httpx.Client, avatar: str) -> None:
    assert app_client.get(f"/api/{avatar.upper()}").content == app_client.get(f"/api/{avatar}").content


@pytest.mark.parametrize(
    "identity",
    [
        "00000000-0000-4000-8000-000000000000",
        "00000000-0000-4000-8000-00000000000",
        "not-a-uuid",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e",
        "%ff",
        "%00",
        "{00000000-0000-4000-8000-000000000000}",
        "x" * 4000,
    ],
)
def test_an_unknown_id_is_a_404_whatever_it_looks_like(client: httpx.Client, identity: str) -> None:
    assert_failure(client.get(f"/api/{identity}"), 404)
    assert client.head(f"/api/{identity}").status_code == 404
    assert_failure(client.get("/api/not-a-uuid"), 404, mentions="There is no avatar with this id.")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_id_that_is_no_uuid_is_answered_like_any_unknown_id(client: httpx.Client, method: str) -> None:
    identities = ("00000000-0000-4000-8000-000000000000", "not-a-uuid", "not-a-uuid.png", "not-a-uuid/")
    expected, *others = (client.request(method, f"/api/{identity}") for identity in identities)
    changing = {"x-request-id", "date"}
    for answer in others:
        assert (answer.status_code, answer.content) == (404, expected.content)
        assert {(k, v) for k, v in answer.headers.items() if k not in changing} == {
            (k, v) for k, v in expected.headers.items() if k not in changing
        }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("size=3", "size must be at least 4."),
        ("size=10", "size must be at most 9."),
        ("size=", "size must be a whole number in digits."),
        ("size=6.0", "size must be a whole number in digits."),
        ("size=%206", "size must be a whole number in digits."),
        ("size=1_0", "size must be a whole number in digits."),
        ("size=06", "size must be a whole number in digits."),
        ("size=%D9%A6", "size must be a whole number in digits."),
        ("size=" + "9" * 500, "size must be at most 9."),
        ("filter=blur", "filter must be one of grayscale, sepia or negative."),
        ("format=gif", "format must be one of png, webp, avif or jpeg."),
        ("width=64", "query has a parameter that is not known here; known: v, size, filter, format, px."),
        ("size=6&size=7", "A query parameter is given more than once."),
        ("x=" + "y" * 2000, "The query string is longer than 1024 bytes."),
    ],
)
def test_a_parameter_that_is_not_understood_is_refused(
    app_client: httpx.Client, avatar: str, query: str, message: str
) -> None:
    assert_failure(app_client.get(f"/api/{avatar}?{query}"), 400, mentions=message)


def test_a_damaged_object_is_an_error_and_never_a_wrong_picture(make_service: MakeService) -> None:
    service = make_service().start()
    avatar, other = service.generate(seed="a"), service.generate(seed="b")
    whole = service.object(avatar).read_bytes()
    assert service.client.get(f"/api/{avatar}").status_code == 200
    for damaged in (b"", whole[:-1], whole[:500], whole.replace(b"\xff", b"\xfe", 1), b"PK" * 1000):
        service.object(avatar).write_bytes(damaged)
        failure = assert_failure(service.client.get(f"/api/{avatar}"), 500, mentions="are damaged")
        assert "service0" not in str(failure)
    service.object(avatar).write_bytes(service.object(other).read_bytes())
    assert_failure(service.client.get(f"/api/{avatar}"), 500, mentions="are damaged")
    service.object(avatar).write_bytes(whole)
    assert service.client.get(f"/api/{avatar}").status_code == 200
    log = service.wait_for_log(f"this is the object of {other}")
    assert log.count("ObjectDamaged") >= 6


def test_pictures_are_served_while_the_database_is_gone(make_service: MakeService) -> None:
    service = make_service().start()
    avatar = service.generate(seed="a")
    before = service.client.get(f"/api/{avatar}").content
    for name in ("avatars.db", "avatars.db-wal"):
        path = service.folder / "storage" / "database" / name
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
    assert_failure(service.client.get("/api/list"), 503, mentions="database")
    assert service.client.get(f"/api/{avatar}").content == before
    assert service.client.get("/api/health/live").status_code == 200
    assert_failure_of_health(service)


def assert_failure_of_health(service: Service) -> None:
    answer = service.client.get("/api/health")
    assert answer.status_code == 503
    data = answer.json()["data"]
    assert data["status"] == "unhealthy"
    assert data["checks"]["database"] == {"status": "down", "type": "sqlite"}
    assert data["checks"]["storage"] == {"status": "up", "type": "local"}
    assert data["database"] is None
    assert service.client.get("/api/health/ready").status_code == 503
    service.wait_for_log("The database is down")
