"""Options of pictures by URL, read as the routes and the commands read them."""

import io
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing.frames import FRAMES
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.palettes import PALETTES
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import InvalidRequest, SettingsError
from avatar_gen.imaging.pipeline import encode_svg
from avatar_gen.services.palettes import serve_palettes, served_palettes
from avatar_gen.services.style_families import find_style

OWN = {"house": ["#fff8f0", "#ffb000", "#dc267f", "#648fff", "#1b1035"]}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


GROUNDED = [name for name, style in STYLES.items() if style.ground]


@pytest.fixture
def own_palettes() -> Iterator[None]:
    serve_palettes(OWN)
    yield
    serve_palettes({})


def draw(style: str, format_name: str = "png", **options: str) -> bytes:
    found = find_style(style)
    found.prepare(frozenset({"CC0 1.0", "MIT"}))
    return found.read(list(options.items()), format_name).with_seed("ada lovelace").draw()


def pixels(style: str, **options: str) -> np.ndarray:
    return decoded(draw(style, **options))


def colours(picture: np.ndarray) -> set[Colour]:
    return {Colour(*colour) for colour in np.unique(picture[:, :, :3].reshape(-1, 3), axis=0).tolist()}


class TestPalette:
    @pytest.mark.parametrize("name", ["lagoon", "neon"])
    def test_is_where_the_seed_takes_its_colours(self, name: str) -> None:
        assert colours(pixels("pixelize", palette=name)) < set(PALETTES[name].colours)

    def test_may_be_the_operators(self, own_palettes: None) -> None:  # noqa: ARG002 - it serves them
        assert list(served_palettes()) == [*PALETTES, "house"]
        assert colours(pixels("pixelize", palette="house")) < {
            Colour.from_hex(text[1:]) for text in OWN["house"]
        }

    @pytest.mark.parametrize("other", [{"hue": "5"}, {"primaryColor": "red"}, {"colorScheme": "ocean"}])
    def test_excludes_other_ways_to_choose_colours(self, other: dict[str, str]) -> None:
        with pytest.raises(InvalidRequest, match="palette is for colours that the seed chooses"):
            draw("rings", palette="lagoon", **other)

    def test_that_is_unknown_is_an_error_that_lists_them(self) -> None:
        with pytest.raises(InvalidRequest, match=r"palette must be one of sorbet, lagoon, .*midnight"):
            draw("rings", palette="house")

    @pytest.mark.parametrize(
        ("own", "message"),
        [
            ({"lagoon": OWN["house"]}, "palettes.lagoon: is the name of a built-in palette"),
            ({"any": OWN["house"]}, "palettes.any: is the name of a built-in palette"),
            ({"dull": ["#777", "#888", "#999", "#aaa", "#bbb"]}, "palettes.dull: "),
            ({"odd": ["nope", "#888", "#999", "#aaa", "#bbb"]}, "palettes.odd: is not a colour"),
        ],
    )
    def test_of_the_settings_must_be_usable(self, own: dict[str, list[str]], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            serve_palettes(own)
        assert list(served_palettes()) == list(PALETTES)


class TestBackground:
    @pytest.mark.parametrize("format_name", ["png", "webp", "avif"])
    @pytest.mark.parametrize("style", GROUNDED)
    def test_may_be_transparent(self, style: str, format_name: str) -> None:
        alpha = decoded(draw(style, format_name, background="transparent", size="96"))[:, :, 3]
        assert (alpha < 8).mean() > 0.1
        assert (alpha > 247).mean() > 0.02

    @pytest.mark.parametrize("style", GROUNDED)
    def test_that_is_transparent_leaves_the_ground_out_of_an_svg(self, style: str) -> None:
        plain, without = (
            ET.fromstring(draw(style, "svg", **options))  # noqa: S314 - our own
            for options in ({}, {"background": "transparent"})
        )
        assert plain[0].tag.endswith("rect")
        assert len(without) == len(plain) - 1

    @pytest.mark.parametrize("style", GROUNDED)
    def test_may_be_a_colour(self, style: str) -> None:
        shown = pixels(style, background="navy")
        ground = (shown[:, :, :3] == (0, 0, 128)).all(axis=2)
        assert ground.mean() > 0.05

    def test_that_is_a_colour_does_not_hide_letters(self) -> None:
        shown = pixels("initials", background="white", foreignColor="ivory")
        assert shown[:, :, :3].min() < 64

    @pytest.mark.parametrize("style", sorted(set(STYLES) - set(GROUNDED)))
    def test_is_for_styles_with_a_ground(self, style: str) -> None:
        with pytest.raises(InvalidRequest, match="background is for the styles with a ground: pixelize, "):
            draw(style, background="transparent")

    def test_is_read_in_any_case_like_a_colour(self) -> None:
        assert draw("rings", background="Transparent") == draw("rings", background="transparent")
        assert draw("rings", background="NAVY") == draw("rings", background="navy")

    def test_is_named_where_a_colour_is_transparent(self) -> None:
        with pytest.raises(
            InvalidRequest, match=r"primaryColor is not a colour\. Pictures by URL have background=tr"
        ):
            draw("rings", primaryColor="transparent")


class TestLetters:
    def test_change_the_picture(self) -> None:
        plain = draw("initials")
        others = [draw("initials", **{name: value}) for name, value in LETTER_OPTIONS]
        assert len({plain, *others}) == 1 + len(others)
        assert draw("initials", length="2", uppercase="true", bold="true") == plain

    @pytest.mark.parametrize("name", ["length", "uppercase", "bold"])
    def test_are_for_styles_that_write(self, name: str) -> None:
        value = "2" if name == "length" else "false"
        with pytest.raises(InvalidRequest, match=f"{name} is only for the style initials"):
            draw("rings", **{name: value})

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("length", "4", "length must be at most 3"),
            ("length", "0", "length must be at least 1"),
            ("bold", "1", "bold must be true or false"),
            ("uppercase", "yes", "uppercase must be true or false"),
        ],
    )
    def test_are_read_strictly(self, name: str, value: str, message: str) -> None:
        with pytest.raises(InvalidRequest, match=message):
            draw("initials", **{name: value})


LETTER_OPTIONS = (("length", "1"), ("uppercase", "false"), ("bold", "false"))


class TestShape:
    @pytest.mark.parametrize("shape", [shape for shape, frame in FRAMES.items() if frame])
    @pytest.mark.parametrize("style", ["rings", "pixelize", "gradient", "lorelei"])
    def test_is_the_same_in_svg(self, style: str, shape: str) -> None:
        png = pixels(style, shape=shape, size="64")[:, :, 3]
        assert png[0, 0] == 0
        assert png[32, 32] == 255 or style == "lorelei"
        document = draw(style, "svg", shape=shape, size="64").decode()
        assert document.count("<clipPath") >= 1
        # A renderer smooths the border in its own way.
        other = decoded(encode_svg(document, 64, "png"))[:, :, 3]
        assert np.abs(png - other).mean() < 3

    def test_has_as_many_names_as_frames(self) -> None:
        shapes = {shape: draw("rings", shape=shape) for shape in FRAMES}
        assert len(set(shapes.values())) == len(FRAMES) == 5


def test_options_that_differ_have_keys_that_differ() -> None:
    style = find_style("initials")
    pairs = [
        [],
        [("background", "transparent")],
        [("background", "red")],
        [("palette", "neon")],
        [("palette", "mint")],
        *[[pair] for pair in LETTER_OPTIONS],
    ]
    keys = {style.read(each, "png").with_seed("ada").key() for each in pairs}
    assert len(keys) == len(pairs)
