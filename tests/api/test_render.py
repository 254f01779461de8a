"""Pictures by URL."""

import io
import re
from collections.abc import Iterator
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.frames import FRAMES
from avatar_gen.drawing.palette import parse_colour
from avatar_gen.drawing.styles import STYLES, draw, traits
from avatar_gen.imaging.pipeline import draw_png
from tests.conftest import MakeApp, MakeService, Service, assert_failure

TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
}
BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Pictures by URL ask no database, so one service will do."""
    shared = Service(tmp_path_factory.mktemp("render")).start()
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()
    shared.client.close()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(opened(content).convert("RGBA")).astype(int)


class TestEveryPicture:
    @settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        style=st.sampled_from(sorted(STYLES)),
        format_name=st.sampled_from(sorted(TYPES)),
        shape=st.sampled_from(sorted(FRAMES)),
        name=st.sampled_from(["", "grayscale", "sepia", "negative"]),
        px=st.integers(16, 200) | st.just(1024),
        seed=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    )
    def test_is_valid_and_of_its_size_and_alike_each_time(  # noqa: PLR0913, PLR0917
        self, client: httpx.Client, style: str, format_name: str, shape: str, name: str, px: int, seed: str
    ) -> None:
        if format_name == "svg" and not traits(style).has_svg:
            return
        address = f"/api/render/{style}/{quote(seed, safe='')}.{format_name}?size={px}&shape={shape}"
        address += f"&filter={name}" if name else ""
        plain = {"Accept-Encoding": "identity"}
        answer = client.get(address, headers=plain)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == TYPES[format_name]
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers.get("vary") == ("Accept-Encoding" if format_name == "svg" else None)
        again = client.get(address, headers=plain)
        assert again.content == answer.content
        assert again.headers["etag"] == answer.headers["etag"]
        if format_name == "svg":
            root = ET.fromstring(answer.text)  # noqa: S314 - our own
            assert (root.get("width"), root.get("height")) == (str(px), str(px))
            return
        picture = opened(answer.content)
        assert picture.format == format_name.upper()
        assert picture.size == (px, px)
        corners = pixels(answer.content)[[0, 0, -1, -1], [0, -1, 0, -1]]
        if shape == "square":
            assert not picture.has_transparency_data
        elif format_name == "jpeg":
            assert corners[:, :3].min() > 200
        else:
            # The smallest rounded picture has a trace of its border there, and AVIF's alpha is lossy.
            assert corners[:, 3].max() <= 40
        assert pixels(answer.content)[px // 2, px // 2, 3] >= 247

    def test_is_what_the_style_draws(self, client: httpx.Client) -> None:
        style_input = StyleInput(parse_colour("#0077BE"), parse_colour("gold"))
        for style in STYLES:
            query = "primaryColor=0077BE&foreignColor=gold&size=64"
            answer = client.get(f"/api/render/{style}/ada.png?{query}")
            style_input = StyleInput(style_input.primary, style_input.foreign, text="ada")
            assert answer.content == draw_png(draw(style, "ada", style_input), 64)

    def test_carries_the_headers_of_a_picture_that_never_changes(self, client: httpx.Client) -> None:
        headers = client.get("/api/render/pixelize/ada.png").headers
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["x-content-type-options"] == "nosniff"
        assert re.fullmatch(r'"[0-9a-f]{32}-[0-9.a-z_-]+"', headers["etag"])
        assert "content-security-policy" not in headers

    def test_is_128_px_wide_unless_another_size_is_asked_for(self, client: httpx.Client) -> None:
        assert opened(client.get("/api/render/wave/ada.png").content).size == (128, 128)


class TestSeeds:
    @pytest.mark.parametrize(
        ("path", "same_as"),
        [
            ("ada.png", "ada"),
            ("ada.PNG", "ada"),
            ("ada%2Epng", "ada"),
            ("a.b.png", "a.b"),
            ("john.smith@example.com", "john.smith@example.com"),
            ("john.smith@example.com.png", "john.smith@example.com"),
            ("a/b.png", "a/b"),
            ("a%2Fb.png", "a/b"),
            ("a%2fb%2F", "a/b/"),
            ("..%2f..", "../.."),
            ("ada.png.png", "ada.png"),
            (".png", ""),
            ("", ""),
            ("a+b.png", "a+b"),
            ("%E2%98%83.png", "☃"),
            ("a%0A", "a\n"),
            ("a%00b.png", "a\0b"),
            ("%F0%9F%91%A9%F0%9F%8F%BD%E2%80%8D%F0%9F%9A%80.png", "👩🏽‍🚀"),
            ("x" * 256 + ".png", "x" * 256),
        ],
    )
    def test_a_seed_in_the_path_is_the_same_in_the_query(
        self, client: httpx.Client, path: str, same_as: str
    ) -> None:
        answer = client.get(f"/api/render/pixelize/{path}")
        other = client.get("/api/render/pixelize.png", params={"seed": same_as})
        assert answer.status_code == other.status_code == 200
        assert answer.headers["etag"] == other.headers["etag"]
        assert answer.content == other.content

    def test_another_seed_is_another_picture_in_other_colours(self, client: httpx.Client) -> None:
        answers = [client.get(f"/api/render/pixelize/{number}.png?size=16") for number in range(50)]
        assert len({answer.content for answer in answers}) == 50
        assert len({tuple(map(tuple, pixels(answer.content)[:, 0])) for answer in answers}) > 40

    def test_a_hue_keeps_the_colours_to_it(self, client: httpx.Client) -> None:
        for seed in range(20):
            red, green, blue, _ = np.moveaxis(
                pixels(client.get(f"/api/render/pixelize/{seed}.png?size=16&hue=210").content), 2, 0
            )
            assert np.all((blue >= green) & (green >= red))

    def test_beside_a_given_colour_the_seed_chooses_one_that_stands_out(self, client: httpx.Client) -> None:
        for given_as, colour in (("primaryColor", "000"), ("foreignColor", "fff"), ("primaryColor", "fff")):
            picture = pixels(client.get(f"/api/render/pixelize/ada.png?{given_as}={colour}").content)
            lumas = np.unique(picture[:, :, :3] @ [0.2126, 0.7152, 0.0722])
            assert len(lumas) == 2
            assert lumas[1] - lumas[0] > 60

    @pytest.mark.parametrize("colour", ["#FF6B35", "ff6b35", "%23FF6B35", "coral", "F63", "gold"])
    def test_a_colour_may_be_written_in_many_ways(self, client: httpx.Client, colour: str) -> None:
        query = f"primaryColor={quote(colour, safe='%')}&foreignColor=white"
        picture = pixels(client.get(f"/api/render/pixelize/ada.png?{query}").content)
        wanted = parse_colour(
            colour.replace("%23", "#")
            if (not colour[0].isdigit() and len(colour) > 6) or colour in {"coral", "gold"}
            else f"#{colour}"
        )
        assert (*wanted, 255) in {tuple(pixel) for row in picture for pixel in row}

    def test_equal_requests_have_equal_tags_however_they_are_spelled(self, client: httpx.Client) -> None:
        spellings = [
            "primaryColor=FF0000&foreignColor=white&size=128",
            "foreignColor=%23fff&primaryColor=f00",
            "shape=square&primaryColor=%23ff0000&foreignColor=White",
        ]
        tags = {client.get(f"/api/render/gradient/a.png?{each}").headers["etag"] for each in spellings}
        tags.add(client.get(f"/api/render/gradient/a.png?{spellings[0]}&angle=90.0").headers["etag"])
        assert len(tags) == 1


class TestFormats:
    @pytest.mark.parametrize(
        ("accept", "format_name"),
        [
            (None, "png"),
            ("*/*", "png"),
            (BROWSER, "png"),
            ("image/webp", "webp"),
            ("image/svg+xml", "svg"),
            ("image/png;q=0.5, image/avif", "avif"),
            ("image/jpeg, image/*;q=0.1", "jpeg"),
            ("image/webp;q=0, */*", "png"),
            ("image/png;q=0, */*;q=0.1", "webp"),
            ("text/html", "png"),
            ("image/webp;q=hello", "png"),
            ("IMAGE/WEBP ; Q=1.0", "webp"),
            (",;,;q=", "png"),
            ("image/webp," + "x" * 5000, "webp"),
        ],
    )
    def test_accept_decides_if_the_url_does_not(
        self, client: httpx.Client, accept: str | None, format_name: str
    ) -> None:
        headers = {"Accept": accept} if accept is not None else {}
        for address in ("/api/render/pixelize/ada", "/api/render/pixelize?seed=ada"):
            request = client.build_request("GET", address, headers=headers)
            if accept is None:
                del request.headers["accept"]
            answer = client.send(request)
            assert answer.headers["content-type"] == TYPES[format_name]
            others = ["Accept-Encoding"] if format_name == "svg" else []
            assert answer.headers["vary"].split(", ") == ["Accept", *others]
            explicit = client.get(f"/api/render/pixelize/ada.{format_name}", headers=headers)
            assert explicit.content == answer.content
            assert explicit.headers["etag"] == answer.headers["etag"]
            assert explicit.headers.get("vary", "").split() == others

    def test_a_style_without_svg_is_not_negotiated_to_be_one(self, client: httpx.Client) -> None:
        for accept, format_name in (("image/svg+xml", "png"), ("image/svg+xml, image/webp;q=0.9", "webp")):
            answer = client.get("/api/render/wave/ada", headers={"Accept": accept})
            assert answer.headers["content-type"] == TYPES[format_name]

    def test_several_accept_headers_are_one(self, client: httpx.Client) -> None:
        headers = [("Accept", "image/png;q=0.5"), ("Accept", "image/webp")]
        request = client.build_request("GET", "/api/render/pixelize/ada")
        del request.headers["accept"]
        request.headers = httpx.Headers([*request.headers.multi_items(), *headers])
        assert client.send(request).headers["content-type"] == "image/webp"

    def test_jpg_is_jpeg(self, client: httpx.Client) -> None:
        answers = [client.get(f"/api/render/wave/ada.{each}") for each in ("jpg", "jpeg")]
        assert answers[0].content == answers[1].content
        assert answers[0].headers["etag"] == answers[1].headers["etag"]

    def test_formats_show_the_same_picture(self, client: httpx.Client) -> None:
        for style in STYLES:
            png = pixels(client.get(f"/api/render/{style}/ada.png?size=64").content)
            for format_name, most in (("webp", 0), ("avif", 8), ("jpeg", 8)):
                other = pixels(client.get(f"/api/render/{style}/ada.{format_name}?size=64").content)
                assert np.abs(png - other).mean() <= most


class TestSvg:
    def test_lets_nothing_run(self, client: httpx.Client) -> None:
        policy = client.get("/api/render/gradient/ada.svg").headers["content-security-policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"

    @pytest.mark.parametrize("style", [name for name in STYLES if traits(name).has_svg])
    def test_two_on_one_page_do_not_meet(self, client: httpx.Client, style: str) -> None:
        queries = ["", "?shape=circle", "?shape=rounded", "?filter=sepia", "?shape=circle&size=64"]
        pictures = [client.get(f"/api/render/{style}/ada.svg{query}").text for query in queries]
        pictures.append(client.get(f"/api/render/{style}/grace.svg?shape=circle").text)
        ids = [set(re.findall(r'id="([^"]+)"', picture)) for picture in pictures]
        assert sum(map(len, ids)) == len(set().union(*ids))
        for picture, own in zip(pictures, ids, strict=True):
            assert set(re.findall(r"#([^)\"]+)\)", picture)) <= own

    @pytest.mark.parametrize("seed", ["<script>alert(1)</script>", "a&b", "\"'>", "]]>", "&#0;"])
    @pytest.mark.parametrize("style", [name for name in STYLES if traits(name).has_svg])
    def test_is_well_formed_whatever_the_seed(self, client: httpx.Client, style: str, seed: str) -> None:
        picture = client.get(f"/api/render/{style}.svg", params={"seed": seed})
        ET.fromstring(picture.text)  # noqa: S314 - our own
        assert "<script" not in picture.text


class TestCaching:
    def test_a_client_that_has_it_gets_304(self, client: httpx.Client) -> None:
        for address in ("pixelize/a.png", "gradient/a.svg", "wave/a", "pixelize.avif?seed=a"):
            first = client.get(f"/api/render/{address}")
            etag = first.headers["etag"]
            for given_tag in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                answer = client.get(f"/api/render/{address}", headers={"If-None-Match": given_tag})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["etag"] == etag
                assert answer.headers["cache-control"] == first.headers["cache-control"]
                assert answer.headers.get("vary") == first.headers.get("vary")
                assert "content-type" not in answer.headers
            other = client.get(f"/api/render/{address}", headers={"If-None-Match": '"other"'})
            assert other.status_code == 200

    def test_every_picture_has_a_tag_of_its_own(self, client: httpx.Client) -> None:
        addresses = [
            f"/api/render/{style}/{seed}.{format_name}?{query}"
            for style in ("pixelize", "gradient")
            for seed in ("a", "b")
            for format_name in TYPES
            for query in ("", "size=16", "shape=circle", "filter=sepia", "hue=1", "primaryColor=red")
        ]
        tags = {client.get(address, headers={"If-None-Match": "*"}).headers["etag"] for address in addresses}
        assert len(tags) == len(addresses)

    def test_head_is_get_without_the_picture(self, client: httpx.Client) -> None:
        got, head = (client.request(each, "/api/render/wave/ada.webp") for each in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        ignored = {"date", "x-request-id"}
        assert {(k, v) for k, v in head.headers.items() if k not in ignored} == {
            (k, v) for k, v in got.headers.items() if k not in ignored
        }


class TestNothingIsKept:
    def test_it_works_while_the_database_is_gone_and_leaves_no_trace(self, make_app: MakeApp) -> None:
        service = make_app().start()
        assert service.client.get("/api/render/pixelize/a.png").status_code == 200
        assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == 0
        service.generate()
        database = service.folder / "storage" / "database" / "avatars.db"
        for name in ("avatars.db", "avatars.db-wal"):
            path = database.with_name(name)
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
        assert_failure(service.client.get("/api/list"), 503)
        before = sorted(service.folder.rglob("*"))
        for address in ("pixelize/a.png", "wave/a.avif", "gradient/a.svg"):
            assert service.client.get(f"/api/render/{address}").status_code == 200
        assert sorted(service.folder.rglob("*")) == before


BAD = [
    ("foo/x.png", "style must be one of pixelize, "),
    ("/x.png", "style must be one of pixelize, "),
    ("", "style must be one of pixelize, "),
    ("Pixelize/x.png", "style must be one of pixelize, "),
    ("pixelize.txt?seed=x", "style must be one of pixelize, "),
    ("pixelize%2Fx.png", "style must be one of pixelize, "),
    ("%ff/x.png", "style must be text in UTF-8, percent-encoded."),
    ("pixelize/%ff.png", "seed must be text in UTF-8, percent-encoded."),
    ("pixelize/%ED%A0%80.png", "seed must be text in UTF-8, percent-encoded."),
    ("pixelize/" + "x" * 257 + ".png", "seed must have at most 256 characters."),
    ("pixelize.png?seed=" + "x" * 257, "seed must have at most 256 characters."),
    ("pixelize.png", "seed is required."),
    ("pixelize.png?seed=%ff", "The query string is not UTF-8."),
    ("pixelize/x.png?seed=y", "seed is in the path already."),
    ("pixelize/x.png?v=" + "1" * 65, "v must have at most 64 characters."),
    ("pixelize/x.png?v=1&v=2", "A query parameter is given more than once."),
    ("wave/x.svg", "format must be one of png, webp, avif, jpeg for the style wave."),
    ("pixelize/x.png?size=15", "size must be at least 16."),
    ("pixelize/x.png?size=1025", "size must be at most 1024."),
    ("pixelize/x.png?size=64.0", "size must be a whole number in digits."),
    ("pixelize/x.png?size=-64", "size must be at least 16."),
    ("pixelize/x.png?hue=360", "hue must be at most 359."),
    ("pixelize/x.png?hue=red", "hue must be a whole number in digits."),
    ("pixelize/x.png?hue=1&colorScheme=ocean", "hue is for colours that the seed chooses"),
    ("pixelize/x.png?hue=1&primaryColor=red&foreignColor=blue", "hue is for colours that the seed chooses"),
    ("pixelize/x.png?angle=45", "angle is only for the style gradient."),
    ("gradient/x.png?angle=361", "angle must be at most 360."),
    ("gradient/x.png?angle=nan", "angle must be a number in digits, such as 45 or 22.5."),
    ("gradient/x.png?angle=1e2", "angle must be a number in digits, such as 45 or 22.5."),
    ("gradient/x.png?angle=" + "9" * 500, "angle must be at most 360."),
    ("gradient/x.png?angle=-0.5", "angle must be at least 0."),
    ("pixelize/x.png?hue=-0", "hue must be a whole number in digits."),
    ("pixelize/x.png?hue=" + "9" * 5000, "hue must be at most 359."),
    ("pixelize/x.png?name=Ada", "name "),
    ("pixelize/x.png?name=" + "x" * 257, "name must have at most 256 characters."),
    (
        "pixelize/x.png?primaryColor=zz",
        "primaryColor is not a colour. Use #rgb, #rrggbb, a CSS colour ",
    ),
    ("pixelize/x.png?foreignColor=", "foreignColor is not a colour. "),
    ("pixelize/x.png?colorScheme=nope", "colorScheme must be one of green, blue, "),
    ("pixelize/x.png?filter=blur", "filter must be one of grayscale, sepia or negative."),
    ("pixelize/x.png?shape=star", "shape must be one of square, circle, rounded, squircle or hexagon."),
    ("pixelize/x.png?shape=circle&shape=circle", "A query parameter is given more than once."),
    ("pixelize/x.png?canary7f3a=1", "query has a parameter that is not known here; known: size, "),
    ("pixelize/x.png?x=" + "y" * 9000, "The query string is longer than 8192 bytes."),
]


@pytest.mark.parametrize(("address", "message"), BAD, ids=range(len(BAD)))
def test_what_is_not_understood_is_a_400_that_names_the_parameter(
    client: httpx.Client, address: str, message: str
) -> None:
    answer = client.get(f"/api/render/{address}")
    assert_failure(answer, 400, mentions=message)
    assert "canary" not in answer.text


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_url_is_a_500(client: httpx.Client, path: bytes, query: bytes) -> None:
    # The client itself shortens `..`, so the address may be another one.
    for prefix in ("", "wave/", "gradient.svg?seed="):
        answer = client.get(f"/api/render/{prefix}{quote(path)}?{quote(query, safe='=&')}")
        assert answer.status_code in {200, 400, 404}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/api/render/pixelize/ada.png")
    assert_failure(answer, 405, mentions="This URL takes GET, HEAD.")
    assert answer.headers["allow"] == "GET, HEAD"


def test_the_styles_are_listed_each_with_a_sample(client: httpx.Client) -> None:
    answer = client.get("/api/styles")
    assert answer.status_code == 200
    styles = answer.json()["data"]
    assert [style["name"] for style in styles[: len(STYLES)]] == list(STYLES)
    names = [style["name"] for style in styles]
    assert len(names) == len(set(names)) > 50
    assert {"lorelei", "dicebear-initials", "dicebear-rings"} <= set(names)
    lorelei = styles[names.index("lorelei")]
    assert (lorelei["license"], lorelei["creator"]) == ("CC0 1.0", "Lisa Wischofsky")
    assert {"eyesVariant", "backgroundColor", "filter"} <= set(lorelei["options"])
    for style in styles:
        assert set(style) == {"name", "title", "license", "creator", "options", "formats", "sample"}
        assert opened(client.get(style["sample"]).content).size == (128, 128)
    options = {style["name"]: set(style["options"]) for style in styles}
    assert options["gradient"] - options["pixelize"] == {"angle"}
    assert_failure(client.get("/api/styles?x=1"), 400)


def test_a_style_is_described_with_the_parts_of_its_pictures(client: httpx.Client) -> None:
    listed = {style["name"]: style for style in client.get("/api/styles").json()["data"]}
    for name in ("lorelei", "dicebear-initials", "smile"):
        style = client.get(f"/api/styles/{name}").json()["data"]
        components = style.pop("components")
        assert style == listed[name]
        assert bool(components) == (name != "smile")
        for component in components:
            assert f"{component['name']}Variant" in style["options"]
    lorelei = client.get("/api/styles/lorelei").json()["data"]["components"]
    parts = {component["name"]: component for component in lorelei}
    assert (parts["hair"]["optional"], parts["glasses"]["optional"]) == (False, True)
    assert len(parts["hair"]["variants"]) == 48
    pictures = {
        client.get(f"/api/render/lorelei/ada.svg?hairVariant={variant}").content
        for variant in parts["hair"]["variants"]
    }
    assert len(pictures) == 48


def test_a_style_that_is_not_served_is_not_described(client: httpx.Client) -> None:
    assert_failure(client.get("/api/styles/adventurer"), 404, mentions="The licence of this style, CC BY 4.0")
    assert_failure(client.get("/api/styles/nope"), 404, mentions="There is no style of this name.")
    assert_failure(client.get("/api/styles/lorelei?x=1"), 400)


def test_every_style_is_listed_with_the_formats_that_it_has(client: httpx.Client) -> None:
    for style in client.get("/api/styles").json()["data"]:
        assert {"png", "webp", "avif", "jpeg"} <= set(style["formats"])
        answer = client.get(f"/api/render/{style['name']}/ada.svg")
        assert (answer.status_code == 200) == ("svg" in style["formats"]), style["name"]


def test_pages_of_other_origins_may_be_let_in_and_the_log_knows_the_route(make_service: MakeService) -> None:
    service = make_service({"cors": True}).start()
    for address in ("/api/render/pixelize/ada.png", "/api/render/pixelize/ada.png?size=1", "/avatar/x"):
        answer = service.client.get(address, headers={"Origin": "https://example.org"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-request-id"]
    service.stop()
    log = service.log.read_text()
    assert log.count('"route": "/api/render/{style}/{seed}"') == 2
    assert log.count('"route": "/avatar/{hash}"') == 1


def test_a_picture_in_memory_is_not_made_again(make_app: MakeApp) -> None:
    """Whether it is, the time tells: AVIF of this size takes a hundred times as long as to send it."""
    service = make_app({"imaging": {"cache": 1}}).start()
    addresses = [f"/api/render/gradient/{number}.avif?size=1024" for number in range(3)]
    first, again = (
        sum(service.client.get(address).elapsed.total_seconds() for address in addresses) for _ in range(2)
    )
    assert again < first / 3
