"""The URLs of ui-avatars.com."""

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.conftest import App, MakeApp, assert_failure

EXAMPLE = (
    "/api/?name=John+Doe&background=0D8ABC&color=fff&size=128&length=1&rounded=true&bold=true"
    "&uppercase=false&format=svg&font-size=0.5"
)

REST = "name=A&size=96&color=fff&length=1&rounded=1&uppercase=0&bold=1"


@pytest.fixture(scope="module")
def with_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("paths"), {"ui_avatars_paths": True}).start()
    yield app.client
    app.close()


def same(client: httpx.Client, address: str, as_initials: str) -> None:
    """Check that an address shows what the style `initials` draws with these options."""
    answer, drawn = client.get(address), client.get(f"/api/render/initials{as_initials}")
    assert (answer.status_code, drawn.status_code) == (200, 200), answer.text
    assert answer.content == drawn.content
    assert answer.headers["etag"] == drawn.headers["etag"]


@pytest.mark.parametrize(
    ("query", "as_initials"),
    [
        (
            EXAMPLE.partition("?")[2],
            ".svg?seed=John+Doe&primaryColor=0D8ABC&foreignColor=fff&size=128&length=1&shape=circle&uppercase=false",
        ),
        ("", ".png?seed=John+Doe&primaryColor=ddd&foreignColor=222&size=64&length=2&bold=false"),
        (
            "name=Ada&background=%23f00&color=white&bold=1&uppercase=0",
            ".png?seed=Ada&primaryColor=f00&foreignColor=white&size=64&length=2&bold=true&uppercase=false",
        ),
        ("name=Ada+B&background=random&color=fff", ".png?seed=Ada+B&size=64&length=2&bold=false"),
        (
            "name=A&size=9999&length=9&rounded=no",
            ".png?seed=A&size=512&length=3&primaryColor=ddd&foreignColor=222&bold=false",
        ),
        (
            "name=A&size=9999999999&length=" + "9" * 5000,
            ".png?seed=A&size=512&length=3&primaryColor=ddd&foreignColor=222&bold=false",
        ),
        (
            "name=A&size=x&length=-1&x=1&font-size=9&background=&v=2",
            ".png?seed=A&size=64&length=2&primaryColor=ddd&foreignColor=222&bold=false",
        ),
        (
            "name=A&background=f9731633&color=rgba(34,+197,+94,+0.2)",
            ".png?seed=A&size=64&length=2&primaryColor=f97316&foreignColor=22c55e&bold=false",
        ),
        (
            "name=A&background=f970&color=22c55e",
            ".png?seed=A&size=64&length=2&background=transparent&primaryColor=22c55e&foreignColor=22c55e&bold=false",
        ),
    ],
)
def test_a_query_is_read_as_there(app_client: httpx.Client, query: str, as_initials: str) -> None:
    same(app_client, f"/api/?{query}", as_initials)
    same(app_client, f"/api?{query}", as_initials)


@pytest.mark.parametrize("background", ["rgba(1,2,3,0)", "00000000", "transparent"])
def test_a_background_without_opacity_is_none(app_client: httpx.Client, background: str) -> None:
    answer = app_client.get("/api/", params={"name": "Ada", "background": background})
    assert Image.open(io.BytesIO(answer.content)).convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_random_colours_are_those_of_the_name(app_client: httpx.Client) -> None:
    pictures = [
        app_client.get(f"/api/?background=random&name={name}").content for name in ("ann", "abe", "ann")
    ]
    assert pictures[0] == pictures[2] != pictures[1]


def test_without_a_format_accept_decides(app_client: httpx.Client) -> None:
    for accept, kind in (
        ("image/svg+xml,image/*", "image/svg+xml"),
        ("image/png", "image/png"),
        ("*/*", "image/png"),
    ):
        answer = app_client.get("/api/?name=A", headers={"Accept": accept})
        vary = "Accept, Accept-Encoding" if kind == "image/svg+xml" else "Accept"
        assert (answer.headers["content-type"], answer.headers["vary"]) == (kind, vary)
    answer = app_client.get("/api/?name=A&format=png", headers={"Accept": "image/svg+xml"})
    assert answer.headers["content-type"] == "image/png"
    assert "vary" not in answer.headers


def test_a_picture_is_cached_and_open_like_any_other(app_client: httpx.Client) -> None:
    answer = app_client.get(EXAMPLE)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert app_client.get(EXAMPLE, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert app_client.head(EXAMPLE).headers["content-length"] == str(len(answer.content))
    assert_failure(app_client.post("/api/"), 405, mentions="GET, HEAD")


@pytest.mark.parametrize(
    ("query", "field"),
    [("background=canary7", "background"), ("color=canary7", "color"), (f"name={'a' * 257}", "name")],
)
def test_an_error_names_the_parameter_and_repeats_nothing(
    app_client: httpx.Client, query: str, field: str
) -> None:
    answer = app_client.get(f"/api/?{query}")
    assert_failure(answer, 400, mentions=f"{field} ")
    assert "canary7" not in answer.text


def test_a_name_must_be_utf_8(app_client: httpx.Client, with_paths: httpx.Client) -> None:
    assert_failure(app_client.get("/api/?name=%ff"), 400)
    assert_failure(with_paths.get("/api/%ff/64"), 400, mentions="name must be text in UTF-8")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("John+Doe/128/0D8ABC/fff", "name=John+Doe&size=128&background=0D8ABC&color=fff"),
        ("John%20Doe/128", "name=John+Doe&size=128"),
        ("a%2Fb/64/", "name=a/b"),
        ("%D0%90%D0%B4%D0%B0/64/random", "name=%D0%90%D0%B4%D0%B0&background=random"),
        ("A/96/rgba(1,2,3,1)/fff/1/0.4/1/0/1/svg", f"background=010203&{REST}&format=svg"),
        ("A/96/000/fff/1/0.4/1/0/1/png/96/96?debug", f"background=000&{REST}&format=png"),
    ],
)
def test_a_path_is_read_as_there(with_paths: httpx.Client, path: str, query: str) -> None:
    answer = with_paths.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.content == with_paths.get(f"/api/?{query}").content


def test_paths_of_other_routes_stay_theirs(with_paths: httpx.Client, make_app: MakeApp) -> None:
    assert with_paths.get("/api/render/64").json()["message"].startswith("style must be one of")
    assert with_paths.get("/api/identities/1234").json()["message"].startswith("hash must be")
    assert_failure(with_paths.get("/api/styles/1234"), 404, mentions="style of this name")
    assert with_paths.get("/api/health").json()["data"]["status"] == "healthy"
    assert_failure(with_paths.get("/api/John"), 404)
    assert_failure(make_app().start().client.get("/api/John+Doe/128"), 404)
