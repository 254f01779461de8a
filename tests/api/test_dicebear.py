import io
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing import dicebear
from tests.conftest import MakeApp, Service, assert_failure

MEDIA = {"png": "PNG", "webp": "WEBP", "avif": "AVIF", "jpg": "JPEG", "jpeg": "JPEG"}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """On one database: none is asked."""
    shared = Service(tmp_path_factory.mktemp("dicebear")).start()
    yield shared
    shared.client.close()
    assert shared.stop() == 0


FREE = [name for name in dicebear.names() if dicebear.artwork(name).licence in {"CC0 1.0", "MIT"}]


@pytest.mark.parametrize("style", FREE)
def test_a_style_is_served_as_dicebear_draws_it(client: httpx.Client, style: str) -> None:
    answer = client.get(f"/10.x/{style}/svg", params={"seed": "Zoë <O'Brien>", "size": "96"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text == dicebear.draw_svg(style, {"seed": "Zoë <O'Brien>", "size": 96})


@pytest.mark.parametrize("style", FREE)
def test_a_style_has_a_picture_that_is_not_empty(client: httpx.Client, style: str) -> None:
    answer = client.get(f"/10.x/{style}/png?seed=Felix&size=64")
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == "PNG"
    assert picture.size == (64, 64)
    assert len(picture.getcolors(64 * 64) or []) > 1


@pytest.mark.parametrize("form", MEDIA)
def test_every_format_has_the_size_that_was_asked_for(client: httpx.Client, form: str) -> None:
    for query, px in (("", 128), ("?size=1", 1), ("?size=300", 300), ("?size=4096", 1024)):
        answer = client.get(f"/10.x/identicon/{form}{query}")
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.format == MEDIA[form]
        assert answer.headers["content-type"] == f"image/{MEDIA[form].lower()}"
        assert picture.size == (px, px)


def test_a_picture_is_transparent_but_as_jpeg_where_it_is_white(client: httpx.Client) -> None:
    png = Image.open(io.BytesIO(client.get("/10.x/lorelei/png?seed=a").content))
    assert png.mode == "RGBA"
    assert png.getpixel((0, 0))[3] == 0  # type: ignore[index]
    jpg = Image.open(io.BytesIO(client.get("/10.x/lorelei/jpg?seed=a").content))
    assert jpg.getpixel((0, 0)) == (255, 255, 255)


def test_json_says_what_the_seed_chose(client: httpx.Client) -> None:
    answer = client.get("/10.x/lorelei/json?seed=Felix&eyesVariant=variant03&flip=both")
    assert answer.headers["content-type"] == "application/json"
    assert (
        answer.json()["svg"]
        == client.get("/10.x/lorelei/svg?seed=Felix&eyesVariant=variant03&flip=both").text
    )
    assert answer.json()["options"]["eyesVariant"] == "variant03"
    assert answer.json()["options"]["flip"] == "both"


def test_a_bare_version_and_no_seed_will_do(client: httpx.Client) -> None:
    assert client.get("/10/lorelei/svg").text == client.get("/10.x/lorelei/svg?seed=").text


@pytest.mark.parametrize("form", ["svg", "png", "json"])
def test_an_answer_can_be_kept_for_ever(client: httpx.Client, form: str) -> None:
    address = f"/10.x/lorelei/{form}?seed=Felix"
    answer = client.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == f'inline; filename="avatar.{form}"'
    assert answer.headers["x-robots-tag"] == "noindex"
    etag = answer.headers["etag"]
    assert etag.startswith('"')
    again = client.get(address, headers={"If-None-Match": f'"other", {etag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    head = client.head(address)
    assert head.headers == {
        **head.headers,
        **{name: answer.headers[name] for name in ("etag", "content-length")},
    }
    assert head.content == b""


def test_an_svg_can_run_nothing(client: httpx.Client) -> None:
    answer = client.get("/10.x/lorelei/svg?seed=Felix")
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer.headers["content-security-policy"] == policy


def test_equal_options_have_equal_etags_in_any_spelling(client: httpx.Client) -> None:
    def etag(query: str, form: str = "svg", style: str = "lorelei") -> str:
        tag: str = client.head(f"/10.x/{style}/{form}?{query}").headers["etag"]
        return tag

    assert etag("seed=a&flip=both") == etag("flip=both&seed=%61")
    different = [
        etag("seed=a"),
        etag("seed=b"),
        etag("seed=a&flip=both"),
        etag("seed=a", "png"),
        etag("seed=a", "json"),
        etag("seed=a&size=64", "png"),
        etag("seed=a", "svg", "lorelei-neutral"),
    ]
    assert len(set(different)) == len(different)


def test_a_blur_reaches_beyond_the_border(client: httpx.Client) -> None:
    """Where a renderer loses what is outside of the picture, `glass` fades towards its background there."""
    picture = Image.open(io.BytesIO(client.get("/10.x/glass/png?seed=Felix").content)).convert("RGB")
    pixels = np.asarray(picture).astype(int)
    # What Chromium 156 draws there.
    for (x, y), colour in {(0, 96): (241, 120, 141), (64, 127): (246, 175, 186)}.items():
        assert np.abs(pixels[y, x] - colour).max() <= 6, (x, y, pixels[y, x])


@pytest.mark.parametrize("style", ["initials", "initial-face"])
@pytest.mark.parametrize("seed", ["Ada Lovelace", "Ольга Żak", "Ωμέγα Ñandú"])
def test_letters_are_in_the_picture(client: httpx.Client, style: str, seed: str) -> None:
    address = f"/10.x/{style}/png?backgroundColor=000&seed={quote(seed)}"
    answer = client.get(address)
    assert answer.status_code == 200
    assert len(Image.open(io.BytesIO(answer.content)).getcolors(128 * 128) or []) > 8


@pytest.mark.parametrize("seed", ["李小龙", "محمد", "दिव्या", "\u03e4"])
def test_letters_without_a_font_are_refused_but_as_svg(client: httpx.Client, seed: str) -> None:
    address = f"/10.x/initials/{{}}?seed={quote(seed)}"
    assert_failure(client.get(address.format("png")), 400, mentions="Latin, Greek and Cyrillic")
    assert client.get(address.format("svg")).status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("/9.x/lorelei/svg", 404, "DiceBear's styles are here as of its release 10"),
        ("/5/lorelei/svg", 404, "DiceBear's styles are here as of its release 10"),
        ("/11.x/lorelei/svg", 404, "DiceBear's styles are here as of its release 10"),
        ("/10.x/lorelai/svg", 404, "DiceBear has no style of this name here. There are blobs, cameo, "),
        ("/10.x/..%2Florelei/svg", 404, "DiceBear has no style of this name here. There are blobs, cameo, "),
        ("/10.x/__init__/svg", 404, "DiceBear has no style of this name here. There are blobs, cameo, "),
        ("/10.x/adventurer/svg", 404, "The licence of this style, CC BY 4.0, is not among"),
        ("/10.x/bottts/svg", 404, "The licence of this style, Free for personal and commercial use, is not"),
        ("/10.x/lorelei/gif", 400, "format must be one of svg, json, jpg, png, webp, avif, jpeg."),
        ("/10.x/lorelei/svg?radius=50", 400, "query has an option that is not known here; known: seed, "),
        ("/10.x/lorelei/svg?size=0", 400, "size must be a whole number from 1 to 4096."),
        ("/10.x/lorelei/svg?seed=" + "x" * 257, 400, "seed must be one text of at most 256 characters"),
        ("/10.x/lorelei/svg/size=30?bogus=1", 400, "query has an option that is not known here; known: "),
        ("/10.x/lorelei/svg/size=30?size=60", 400, "size must be a whole number from 1 to 4096."),
        ("/10.x/lorelei/svg?x=" + "y" * 8192, 400, "The query string is longer than 8192 bytes."),
        ("/1.2.3/lorelei/svg", 404, "There is nothing at this URL"),
        ("/swagger/lorelei/svg", 404, "There is nothing at this URL"),
    ],
)
def test_what_there_is_not_is_said_without_an_echo(
    client: httpx.Client, address: str, status: int, message: str
) -> None:
    failure = assert_failure(client.get(address), status, mentions=message)
    assert "lorelai" not in json.dumps(failure)


def test_an_option_that_is_refused_is_named(client: httpx.Client) -> None:
    failure = assert_failure(client.get("/10.x/lorelei/png?scale=11"), 400)
    reason = "must be at most 2 numbers from 0 to 10, separated by commas"
    assert failure["details"] == [{"field": "scale", "message": reason}]


def test_other_licences_are_opted_into(make_app: MakeApp) -> None:
    service = make_app({"dicebear": {"licenses": ["CC BY 4.0"]}}).start()
    answer = service.client.get("/10.x/adventurer/svg?seed=Felix")
    assert "CC BY 4.0" in answer.text
    assert ET.fromstring(answer.text) is not None  # noqa: S314 - our own
    assert_failure(
        service.client.get("/10.x/lorelei/svg"), 404, mentions="The licence of this style, CC0 1.0,"
    )
    assert_failure(service.client.get("/10.x/x/svg"), 404, mentions="There are adventurer, ")


def without_ids(document: str) -> str:
    """An SVG with the ids that DiceBear gave it."""
    return re.sub(r"\ba[0-9a-f]{15}(?=[a-zA-Z])", "", document)


class TestAmongAllStyles:
    """The same under `/api/render`."""

    @pytest.mark.parametrize("form", ["png", "webp", "avif", "jpeg", "svg"])
    def test_a_style_is_drawn_in_every_format(self, client: httpx.Client, form: str) -> None:
        answer = client.get(f"/api/render/lorelei/Felix.{form}?size=96")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        if form == "svg":
            assert without_ids(answer.text) == client.get("/10.x/lorelei/svg?seed=Felix&size=96").text
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        else:
            assert Image.open(io.BytesIO(answer.content)).size == (96, 96)
        again = client.get(
            f"/api/render/lorelei/Felix.{form}?size=96", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304

    def test_it_takes_its_own_options_and_those_of_all(self, client: httpx.Client) -> None:
        plain = client.get("/api/render/lorelei/Felix.svg").text
        assert client.get("/api/render/lorelei.svg?seed=Felix").text == plain
        assert client.get("/api/render/dicebear-lorelei/Felix.svg").text == plain
        own = without_ids(client.get("/api/render/lorelei/Felix.svg?eyesVariant=variant03").text)
        assert own == client.get("/10.x/lorelei/svg?seed=Felix&size=128&eyesVariant=variant03").text
        round_ = without_ids(client.get("/api/render/lorelei/Felix.svg?shape=circle").text)
        assert round_ == client.get("/10.x/lorelei/svg?seed=Felix&size=128&borderRadius=50").text

    def test_our_style_has_priority_over_dicebears_of_the_same_name(self, client: httpx.Client) -> None:
        ours, theirs = (
            client.get(f"/api/render/{style}/Ada.svg").text for style in ("initials", "dicebear-initials")
        )
        assert "<text" not in ours
        assert without_ids(theirs) == client.get("/10.x/initials/svg?seed=Ada&size=128").text

    @pytest.mark.parametrize("style", ["lorelei", "shapes", "blobs", "dicebear-rings", "disco"])
    def test_no_two_have_an_id_in_common(self, client: httpx.Client, style: str) -> None:
        pictures = [
            client.get(f"/api/render/{style}/{seed}.svg{query}").text
            for seed in ("a", "b")
            for query in ("", "?shape=circle", "?size=64")
        ]
        ids = [set(re.findall(r'\bid="([^"]*)"', picture)) for picture in pictures]
        assert sum(map(len, ids)) == len(set().union(*ids)) > 0
        for picture, own in zip(pictures, ids, strict=True):
            assert set(re.findall(r"url\(#([^)]*)\)", picture)) <= own

    @pytest.mark.parametrize(
        ("name", "mix"),
        [
            ("negative", lambda rgb: 255 - rgb),
            ("grayscale", lambda rgb: np.repeat(rgb @ [[0.2126], [0.7152], [0.0722]], 3, axis=2)),
        ],
    )
    def test_a_filter_is_that_of_css_in_pixels_and_in_svg(
        self, client: httpx.Client, name: str, mix: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        address = "/api/render/pixel-art/Felix.png?backgroundColor=b6e3f4"
        plain, filtered = (
            np.asarray(Image.open(io.BytesIO(client.get(each).content)).convert("RGB")).astype(float)
            for each in (address, f"{address}&filter={name}")
        )
        assert np.abs(filtered - mix(plain)).mean() < 1.5
        svg = client.get(f"/api/render/pixel-art/Felix.svg?filter={name}")
        ET.fromstring(svg.text)  # noqa: S314 - our own
        assert "feColorMatrix" in svg.text

    @pytest.mark.parametrize(
        ("address", "status", "mentions"),
        [
            ("lorelei/Felix.png?size=15", 400, "size must be at least 16"),
            ("lorelei/Felix.png?size=64&size=65", 400, "more than once"),
            ("lorelei/Felix.png?seed=x", 400, "seed is in the path already"),
            ("lorelei.png", 400, "seed is required"),
            ("lorelei/Felix.png?primaryColor=red", 400, "option that is not known"),
            ("lorelei/Felix.png?shape=star", 400, "shape must be one of"),
            ("lorelei/Felix.png?shape=circle&borderRadius=3", 400, "exclude each other"),
            ("lorelei/Felix.png?shape=circle&borderRadius[]=3", 400, "exclude each other"),
            ("lorelei.png?seed=%ff", 400, "not UTF-8"),
            ("lorelei/Felix.png?eyesVariant=none", 400, "eyesVariant must be at most"),
            ("lorelei/" + "x" * 257, 400, "seed must have at most 256"),
            ("avataaars-nowhere/Felix.png", 400, "style must be one of"),
            ("adventurer/Felix.png", 404, "dicebear.licenses"),
        ],
    )
    def test_what_cannot_be_taken_is_named(
        self, client: httpx.Client, address: str, status: int, mentions: str
    ) -> None:
        assert_failure(client.get(f"/api/render/{address}"), status, mentions=mentions)
