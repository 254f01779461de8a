"""Files of DiceBear's artwork name its artist and its licence, in every format."""

import io
import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear import Credits
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.styles import STYLES
from avatar_gen.imaging import convert, scaled
from avatar_gen.imaging.formats import ENCODERS
from avatar_gen.imaging.png import is_indexed, recolour_png, with_xmp, xmp_of
from avatar_gen.imaging.truecolour import filter_pixels
from avatar_gen.imaging.xmp import write_xmp
from avatar_gen.services.style_families import find_style

LICENCES = frozenset(dicebear.LICENCES)

LORELEI = Credits(
    "Lorelei",
    "Lisa Wischofsky",
    "Remix of “Lorelei” (https://www.figma.com/community/file/1198749693280469639) by “Lisa Wischofsky”,"
    " licensed under “CC0 1.0” (https://creativecommons.org/publicdomain/zero/1.0/)",
    "https://creativecommons.org/publicdomain/zero/1.0/",
    "https://www.figma.com/community/file/1198749693280469639",
)

NAMES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}


def drawn(style: str, format_name: str, **options: str) -> bytes:
    found = find_style(style)
    found.prepare(LICENCES)
    return found.read(list(options.items()), format_name).with_seed("Felix").draw()


def packet(file: bytes) -> bytes | None:
    """Return the XMP of a file as Pillow finds it."""
    found = Image.open(io.BytesIO(file)).info.get("xmp")
    return found.encode() if isinstance(found, str) else found


def credits_in(xmp: bytes) -> Credits:
    """Read a packet with a parser of XML."""
    description = ET.fromstring(xmp)[0][0]  # noqa: S314 - our own
    web_statement = description.get("{http://ns.adobe.com/xap/1.0/rights/}WebStatement")
    assert description.get("{http://ns.adobe.com/photoshop/1.0/}Credit") == text(description, "dc:creator")
    return Credits(
        text(description, "dc:title"),
        text(description, "dc:creator"),
        text(description, "dc:rights") or "",
        web_statement,
        description.findtext(".//plus:LicensorURL", None, NAMES),
    )


def text(description: ET.Element, name: str) -> str | None:
    return description.findtext(f"{name}//rdf:li", None, NAMES)


@pytest.mark.parametrize("shape", ["square", "squircle"])
@pytest.mark.parametrize("format_name", ENCODERS)
def test_a_file_names_the_artist_and_the_licence(format_name: str, shape: str) -> None:
    xmp = packet(drawn("lorelei", format_name, shape=shape, filter="sepia"))
    assert xmp
    assert credits_in(xmp) == LORELEI


def test_the_credits_are_those_in_the_svg() -> None:
    svg = drawn("lorelei", "svg").decode()
    assert all(f">{value}<" in svg for value in LORELEI)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="apt-get install libimage-exiftool-perl")
def test_exiftool_reads_what_dicebears_api_writes_with_it(tmp_path: Path) -> None:
    for format_name in ENCODERS:
        (tmp_path / f"lorelei.{format_name}").write_bytes(drawn("lorelei", format_name, size="256"))
    command = ["exiftool", "-json", "-validate", "-XMP:all", "-G1", str(tmp_path)]
    output = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    found = json.loads(output)
    assert len(found) == len(ENCODERS)
    for each in found:
        assert {name: value for name, value in each.items() if name != "SourceFile"} == {
            "ExifTool:Validate": "OK",
            "XMP-dc:Title": LORELEI.title,
            "XMP-dc:Creator": LORELEI.creator,
            "XMP-dc:Rights": LORELEI.rights,
            "XMP-photoshop:Credit": LORELEI.creator,
            "XMP-plus:LicensorURL": LORELEI.source_url,
            "XMP-xmpRights:WebStatement": LORELEI.licence_url,
        }


@pytest.mark.parametrize("name", dicebear.names())
def test_every_style_of_dicebear_has_credits(name: str) -> None:
    work, named = dicebear.artwork(name), dicebear.credits_of(name)
    assert (named.creator, named.licence_url) == (work.creator, work.licence_url)
    assert (named.title, named.source_url) == (work.source, work.source_url)
    assert credits_in(write_xmp(named)) == named


@pytest.mark.parametrize("format_name", ENCODERS)
def test_own_styles_carry_nothing(format_name: str) -> None:
    for style in STYLES:
        assert packet(drawn(style, format_name, size="32")) is None


@pytest.mark.parametrize("format_name", ENCODERS)
def test_a_file_made_of_another_keeps_the_packet(format_name: str) -> None:
    png = drawn("lorelei", "png")
    expected = packet(png)
    assert packet(convert(png, format_name)) == packet(scaled(png, 48, format_name)) == expected
    assert convert(png, format_name) == drawn("lorelei", format_name)


@pytest.mark.parametrize("style", ["lorelei-neutral", "glass"])
def test_a_filtered_png_keeps_the_packet(style: str) -> None:
    png = drawn(style, "png")
    assert is_indexed(png) == (style == "lorelei-neutral")
    assert packet(filter_pixels(png, FILTERS["sepia"])) == packet(png)
    if is_indexed(png):
        assert packet(recolour_png(png, FILTERS["sepia"])) == packet(png)


@given(st.binary(max_size=2000))
def test_what_is_put_into_a_png_is_found_in_it(xmp: bytes) -> None:
    png = drawn("pixelize", "png", size="16")
    assert xmp_of(png) == b""
    assert xmp_of(with_xmp(png, xmp)) == xmp


PRINTABLE = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)


@given(st.builds(Credits, *[PRINTABLE | st.none()] * 2, PRINTABLE, *[PRINTABLE | st.none()] * 2))
def test_any_text_is_escaped(credits_: Credits) -> None:
    assert credits_in(write_xmp(credits_)) == credits_


def test_a_style_without_credits_has_no_packet() -> None:
    assert write_xmp(Credits(None, None, "", None, None)) == b""
