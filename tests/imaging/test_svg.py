import io
import os
import subprocess
import sys
import unicodedata
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import pyvips
from PIL import Image

from avatar_gen.errors import InvalidRequest
from avatar_gen.imaging.pipeline import encode_svg
from avatar_gen.imaging.svg import rasterise

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8" width="32" height="32">{}</svg>'
TEXT = SVG.format('<text x="0" y="7" font-size="8" font-family="system-ui">{}</text>')


def test_pixels_are_not_multiplied_by_their_alpha() -> None:
    pixels = rasterise(SVG.format('<rect width="8" height="4" fill="#f08040" opacity=".5"/>'), 32)
    assert pixels.shape == (32, 32, 4)
    assert np.abs(pixels[8, 8].astype(int) - (240, 128, 64, 128)).max() <= 1
    assert not pixels[24, 24, 3]


@pytest.mark.parametrize("px", [16, 32, 33])
def test_a_picture_with_a_filter_lies_where_it_would_without(px: int) -> None:
    shape = '<rect x="2" y="1" width="3" height="5" fill="#123456"{}/>'
    nothing = '<filter id="f"><feOffset dx="0" dy="0"/></filter>'
    size = f'width="{px}" height="{px}"'
    plain = SVG.format(shape.format("")).replace('width="32" height="32"', size)
    filtered = SVG.format(nothing + shape.format(' filter="url(#f)"')).replace('width="32" height="32"', size)
    difference = rasterise(plain, px).astype(int) - rasterise(filtered, px)
    assert np.abs(difference).mean() < 1.5


def test_what_lies_outside_of_the_picture_takes_part_in_its_blur() -> None:
    blur = '<filter id="f" x="-2" y="-2" width="5" height="5"><feGaussianBlur stdDeviation="1"/></filter>'
    pixels = rasterise(SVG.format(blur + '<rect x="-8" width="24" height="8" filter="url(#f)"/>'), 32)
    assert pixels[16, :, 3].min() > 250


def test_every_letter_that_can_be_written_is_drawn_as_itself() -> None:
    """What a font does not have is drawn as a box, without a word."""
    rasterise(TEXT.format("A"), 32)
    box = pyvips.Image.svgload_buffer(TEXT.format("\uf8ff").replace("system-ui", "Avatar Letters").encode())
    letters = [chr(code) for code in range(0x41, 0x1F00) if unicodedata.category(chr(code)) == "Lu"]
    drawn = 0
    for letter in letters:
        try:
            pixels = rasterise(TEXT.format(letter), 32)
        except InvalidRequest:
            continue
        drawn += 1
        assert pixels[:, :, 3].any(), letter
        assert not np.array_equal(pixels, box.numpy()), letter
    assert drawn > 500


def test_what_is_bold_is_drawn_so() -> None:
    ink = [
        rasterise(TEXT.replace("<text", f'<text font-weight="{weight}"').format("H"), 32)[:, :, 3].mean()
        for weight in (400, 600, 700)
    ]
    assert ink[1] > 1.2 * ink[0]
    assert ink[2] >= ink[1]


@pytest.mark.parametrize("letter", ["李", "א", "م", "\u03e4", "ა"])
def test_a_letter_that_there_is_no_font_for_is_refused(letter: str) -> None:
    with pytest.raises(InvalidRequest, match="Only svg can show the letters"):
        rasterise(TEXT.format(letter), 32)


def test_fontconfig_writes_nothing_into_the_log_and_no_cache(tmp_path: Path) -> None:
    """Neither where the system has no configuration, nor where no folder can be written."""
    script = "from avatar_gen.imaging.svg import writes_letters; assert writes_letters()"
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": str(tmp_path), "FONTCONFIG_FILE": "/nowhere"}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_fetched_for_a_picture(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    pyvips.Image.black(8, 8).invert().pngsave(str(tmp_path / "white.png"))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for address in (f"http://127.0.0.1:{server.server_port}/a.png", (tmp_path / "white.png").as_uri()):
            image = SVG.format(f'<image href="{address}" width="8" height="8"/>')
            assert not rasterise(image, 32)[:, :, 3].any()
        server.shutdown()
    assert not asked


@pytest.mark.parametrize("format_name", ["png", "webp"])
def test_a_file_without_loss_has_exactly_the_pixels(format_name: str) -> None:
    document = SVG.format('<circle cx="4" cy="4" r="3" fill="#123456"/><path d="M0 0h8L0 8z" opacity=".5"/>')
    picture = np.asarray(Image.open(io.BytesIO(encode_svg(document, 32, format_name))).convert("RGBA"))
    pixels = rasterise(document, 32)
    assert np.array_equal(picture[:, :, 3], pixels[:, :, 3])
    # Where nothing is, a colour has no meaning.
    assert np.array_equal(picture[pixels[:, :, 3] > 0], pixels[pixels[:, :, 3] > 0])
