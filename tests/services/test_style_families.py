"""Each style is found once, and reads its own options."""

import pytest

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import InvalidRequest, StyleNotServed
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.services.rendering import DicebearRequest, PictureRequest, RenderRequest
from avatar_gen.services.style_families import (
    describe_styles,
    find_dicebear_style,
    find_style,
    style_names,
)

LICENCES = frozenset(dicebear.LICENCES)


def read(style: str, seed: str, format_name: str = "png", **options: str) -> PictureRequest:
    found = find_style(style)
    found.prepare(LICENCES)
    return found.read(list(options.items()), format_name).with_seed(seed)


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (("pixelize", "ada", "png", {}), "51304e73a70005063a212a3fbde75714"),
        (
            ("gradient", "ada", "webp", {"angle": "22.5", "colorScheme": "sunset", "shape": "circle"}),
            "fae5e35da5eece477104caa234f8cc22",
        ),
        (
            ("initials", "4711", "svg", {"name": "Ada", "hue": "210", "filter": "sepia", "size": "64"}),
            "b60fce3a3a9da401457529b5a9649e43",
        ),
        (
            ("wave", "a", "png", {"primaryColor": "f00", "foreignColor": "white"}),
            "4323e97f4fb07c63e2efe65949a0dd36",
        ),
        (
            ("lorelei", "Felix", "png", {"backgroundColor": "ffd5dc,aabbcc", "filter": "grayscale"}),
            "b585035ab7f1db26e9a275c7c3db7b18",
        ),
        (
            ("dicebear-initials", "Felix", "svg", {"size": "64", "shape": "rounded"}),
            "3fe71293a4c86f449bda61cc13febacd",
        ),
        (
            ("lorelei", "Felix", "svg", {"eyesVariant": "variant03:3,variant01:1"}),
            "f928947acb4f76c0ace0e88ac02bebd7",
        ),
    ],
)
def test_a_key_stays_the_same_from_release_to_release(
    request_: tuple[str, str, str, dict[str, str]], key: str
) -> None:
    """Checkpoints of `bulk` hold keys: with other ones it would draw every file of a list again."""
    style, seed, format_name, options = request_
    assert read(style, seed, format_name, **options).key().hex() == key


def test_a_name_that_two_families_have_is_the_first_ones_unless_it_has_a_prefix() -> None:
    assert isinstance(read("initials", "a"), RenderRequest)
    assert isinstance(read("dicebear-initials", "a"), DicebearRequest)
    assert read("dicebear-lorelei", "a") == read("lorelei", "a")


@pytest.mark.parametrize("name", ["", "Pixelize", "dicebear-", "dicebear-wave", "lorelei.svg", "../lorelei"])
def test_a_name_that_no_family_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"style must be one of pixelize, .* or another one"):
        find_style(name)


def test_every_style_is_found_by_its_own_name() -> None:
    names = list(style_names())
    assert len(names) == len(set(names)) == len(STYLES) + len(dicebear.names())
    assert [find_style(name).name for name in names] == names


def test_an_option_is_read_by_the_family_that_has_it() -> None:
    with pytest.raises(InvalidRequest, match="parameter that is not known here; known: size, filter"):
        read("pixelize", "a", eyesVariant="variant03")
    with pytest.raises(InvalidRequest, match="option that is not known here; known: seed, "):
        read("lorelei", "a", primaryColor="red")


@pytest.mark.parametrize("name", FILTERS)
def test_every_family_takes_every_filter(name: str) -> None:
    for style in ("pixelize", "pixel-art"):
        for format_name in ("png", "svg"):
            assert read(style, "a", format_name, filter=name).draw() != read(style, "a", format_name).draw()


@pytest.mark.parametrize("seed", ["x" * 257, "😀" * 257])
def test_every_family_bounds_its_seeds(seed: str) -> None:
    for style in ("pixelize", "lorelei"):
        with pytest.raises(InvalidRequest, match="seed must have at most 256 characters"):
            read(style, seed)


def test_a_style_whose_licence_is_not_listed_is_neither_prepared_nor_described() -> None:
    listed = frozenset({"MIT"})
    with pytest.raises(StyleNotServed, match=r"licence of this style, CC0 1\.0"):
        find_style("lorelei").prepare(listed)
    with pytest.raises(StyleNotServed, match="DiceBear has no style of this name here"):
        find_dicebear_style("pixelize", listed)
    assert {style.licence for style in describe_styles(listed)} == {None, "MIT"}


def test_a_description_lists_the_formats_that_can_be_read() -> None:
    for style in describe_styles(frozenset({"CC0 1.0"})):
        for format_name in DRAWN_TYPES:
            if format_name in style.formats:
                assert read(style.name, "a", format_name).format_name == format_name
            else:
                with pytest.raises(InvalidRequest, match="format must be one of png, webp, avif, jpeg"):
                    read(style.name, "a", format_name)
