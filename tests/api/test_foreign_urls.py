"""The URLs of RoboHash and Boring Avatars."""

import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from avatar_gen.api.boring_avatars import read_colours
from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, contrast
from avatar_gen.drawing.palette import Colour
from avatar_gen.services.lookalikes import BORING_VARIANTS, ROBOHASH_SETS
from avatar_gen.services.style_families import find_style
from tests.conftest import App, MakeApp, assert_failure

MIT = frozenset({"MIT"})


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("foreign"), {"foreign_urls": ["robohash", "boring-avatars"]}).start()
    yield app.client
    app.close()


def same(client: httpx.Client, url: str, by_url: str) -> None:
    """Check that a URL shows the same file as a picture by URL."""
    answer, drawn = client.get(url), client.get(f"/api/render/{by_url}")
    assert (answer.status_code, drawn.status_code) == (200, 200), answer.text
    assert answer.headers["content-type"] == drawn.headers["content-type"]
    assert answer.content == drawn.content
    assert answer.headers["etag"] == drawn.headers["etag"]


@pytest.mark.parametrize(
    ("url", "by_url"),
    [
        ("/ada.png", "voxel-bot/ada.png?size=300"),
        ("/ada", "voxel-bot/ada.png?size=300"),
        ("/ada/", "voxel-bot/ada.png?size=300"),
        ("/Ada%20L.jpg?set=set2&size=200x120", "critters/Ada%20L.jpg?size=120"),
        ("/ada.png?set=set3&size=5x5&x=1", "pixelbot/ada.png?size=16"),
        ("/ada.webp/set_set4/size_64x64", "clay/ada.webp?size=64"),
        ("/set_set5/bgset_bg1/ada?size=9999x9999&gravatar=yes", "open-peeps/ada.png?size=1024"),
        ("/ada.bmp?set=set9&size=huge", "voxel-bot/ada.bmp.png?size=300"),
        ("/%2F.png?sets=set2", "critters/%2F.png?size=300"),
        ("/ada.svg?size=32x32", "voxel-bot/ada.png?size=32"),
        ("/42?size=32x32", "voxel-bot/42.png?size=32"),
        ("/10.1?size=32x32", "voxel-bot/10.1.png?size=32"),
        ("/png", "voxel-bot/png.png?size=300"),
        ("/svg", "voxel-bot/svg.png?size=300"),
        ("/JPG?size=99999x99999", "voxel-bot/JPG.png?size=1024"),
    ],
)
def test_a_url_of_robohash_is_a_picture(foreign: httpx.Client, url: str, by_url: str) -> None:
    same(foreign, url, by_url)


@pytest.mark.parametrize("sets", ["set=any", "sets=set1,set4,set2"])
@pytest.mark.parametrize("seed", ["eve", "carl", "dora", "a.b", "%C3%A9"])
def test_the_extension_does_not_choose_the_set_of_robohash(
    foreign: httpx.Client, sets: str, seed: str
) -> None:
    pictures = {
        foreign.get(f"/{seed}{extension}?{sets}&size=16x16").content
        for extension in ("", ".png", ".PNG", ".svg")
    }
    assert len(pictures) == 1
    webp = Image.open(io.BytesIO(foreign.get(f"/{seed}.webp?{sets}&size=16x16").content))
    png = Image.open(io.BytesIO(pictures.pop()))
    assert webp.convert("RGBA").tobytes() == png.convert("RGBA").tobytes()


def test_any_set_of_robohash_is_one_of_its_first_three(foreign: httpx.Client) -> None:
    drawn = {
        foreign.get(f"/api/render/{ROBOHASH_SETS[name][0]}/{seed}.png?size=16").content: name
        for name in ("set1", "set2", "set3")
        for seed in range(12)
    }
    chosen = {drawn[foreign.get(f"/{seed}?set=any&size=16x16").content] for seed in range(12)}
    assert chosen == {"set1", "set2", "set3"}


@pytest.mark.parametrize(
    ("url", "by_url"),
    [
        ("/beam/120/Maria%20Mitchell", "smile/Maria%20Mitchell.svg?size=120&shape=circle"),
        ("/marble/40/a?square", "marble/a.svg?size=40"),
        ("/pixel/40/a?square=true&colors=f00", "pixelize/a.svg?size=40&primaryColor=f00"),
        ("/sunset/5/a?square=false", "sunset/a.svg?size=16&shape=circle"),
        ("/ring/9999/a.png", "rings/a.png.svg?size=1024&shape=circle"),
        ("/ring/99999/a.png", "rings/a.png.svg?size=1024&shape=circle"),
        (
            "/bauhaus/80/a?colors=nothing,92A1C6,%23146A7C&square",
            "bauhaus/a.svg?size=80&foreignColor=92a1c6&primaryColor=146a7c",
        ),
        ("/abstract/80/a?square", "bauhaus/a.svg?size=80"),
        ("/geometric/80/a?square", "smile/a.svg?size=80"),
    ],
)
def test_a_url_of_boring_avatars_is_a_picture(foreign: httpx.Client, url: str, by_url: str) -> None:
    same(foreign, url, by_url)


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/%s.png", "text"),
        ("/%s.png?set=set2", "text"),
        ("/beam/80/%s", "name"),
        ("/marble/80/%s?square", "name"),
    ],
)
@pytest.mark.parametrize("value", ["a" * 257, "%ED%A0%80"])
def test_an_error_names_the_parameter_of_the_url(
    foreign: httpx.Client, url: str, field: str, value: str
) -> None:
    answer = foreign.get(url % value)
    assert_failure(answer, 400, mentions=f"{field} must")
    assert [each["field"] for each in answer.json()["details"]] == [field]


def test_a_palette_of_boring_avatars_is_used(foreign: httpx.Client) -> None:
    colours = ("264653", "2a9d8f", "e9c46a", "f4a261", "e76f51")
    url = f"/pixel/80/%s?square&colors={','.join(colours)}"
    answers = [foreign.get(url % name) for name in "abcdefgh"]
    used = {colour for colour in colours for answer in answers if f"#{colour}" in answer.text}
    assert len(used) > 2
    for answer in answers:
        assert sum(f"#{colour}" in answer.text for colour in colours) == 2
    assert len({answer.headers["etag"] for answer in answers}) == len(answers)


def test_colours_that_make_no_palette_become_the_pair_with_the_highest_contrast() -> None:
    palette, options = read_colours("92A1C6,146A7C,F0AB3D,C271B4,C20D90")
    assert palette is None
    chosen = dict(options)
    first, second = Colour.from_hex(chosen["primaryColor"]), Colour.from_hex(chosen["foreignColor"])
    assert contrast(first, second) > GRAPHICS_CONTRAST - 0.5
    assert read_colours("") == (None, [])


def test_the_last_style_of_each_table_is_always_served() -> None:
    for styles in (*ROBOHASH_SETS.values(), *((style,) for style in BORING_VARIANTS.values())):
        assert find_style(styles[-1]).licence is None
        assert find_style(styles[0]).licence in {None, "CC0 1.0"}


def test_a_licence_that_is_not_served_is_replaced_by_a_style_of_this_service(make_app: MakeApp) -> None:
    app = make_app({"foreign_urls": ["robohash"], "dicebear": {"licenses": ["MIT"]}}).start()
    same(app.client, "/ada.png?set=set2&size=64x64", "retro/ada.png?size=64")
    same(app.client, "/ada.png?set=set5&size=64x64", "smile/ada.png?size=64")
    assert_failure(app.client.get("/beam/40/a"), 404)


@pytest.mark.parametrize("path", ["/pick", "/", "/robots.txt", "/favicon.ico", "/swagger", "/openapi.json"])
def test_the_paths_of_the_service_stay_as_they_are(
    foreign: httpx.Client, app_client: httpx.Client, path: str
) -> None:
    plain = {"Accept-Encoding": "identity"}
    with_forms, without = foreign.get(path, headers=plain), app_client.get(path, headers=plain)
    assert with_forms.status_code == without.status_code < 400
    assert with_forms.headers.get("content-type") == without.headers.get("content-type")
    assert with_forms.content == without.content


@pytest.mark.parametrize("path", ["/avatar", "/health", "/api", "/page", "/swagger/x_y", "/.well-known"])
def test_no_path_below_one_of_the_service_is_a_robot(
    foreign: httpx.Client, app_client: httpx.Client, path: str
) -> None:
    assert foreign.get(path).status_code == app_client.get(path).status_code


@pytest.mark.parametrize("url", ["/ada.png", "/beam/40/a", "/ada.png/set_set2"])
def test_the_urls_are_off_by_default(app_client: httpx.Client, url: str) -> None:
    assert_failure(app_client.get(url), 404)


@pytest.mark.parametrize(
    "url", ["/marble", "/marble/40", "/unknown/40/a", "/beam/x/a", "/a/b", "/a/set_set2_x"]
)
def test_other_paths_are_no_pictures(foreign: httpx.Client, url: str) -> None:
    answer = foreign.get(url)
    # A path of one part is a text for RoboHash.
    assert answer.status_code == (200 if url == "/marble" else 404)


@pytest.mark.parametrize("url", ["/%ff", "/beam/40/%ff", f"/{'a' * 257}", f"/beam/40/{'a' * 257}"])
def test_a_text_that_is_no_seed_is_refused(foreign: httpx.Client, url: str) -> None:
    assert_failure(foreign.get(url), 400)


def test_the_pictures_are_cached_and_have_a_head(foreign: httpx.Client) -> None:
    answer = foreign.get("/ada.png?size=64x64")
    assert Image.open(io.BytesIO(answer.content)).size == (64, 64)
    assert "immutable" in answer.headers["cache-control"]
    etag = answer.headers["etag"]
    assert foreign.get("/ada.png?size=64x64", headers={"If-None-Match": etag}).status_code == 304
    head = foreign.head("/ada.png?size=64x64")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    assert_failure(foreign.post("/ada.png"), 405)
