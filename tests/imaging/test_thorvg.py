"""ThorVG's library: threads, forks, memory, and documents that it cannot read."""

import contextlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.metadata import requires
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing import dicebear
from avatar_gen.errors import StartupError
from avatar_gen.imaging import svg, thorvg
from avatar_gen.imaging.svg import rasterise
from avatar_gen.imaging.vips import Pixels

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8" width="32" height="32">{}</svg>'


@pytest.fixture
def by_thorvg(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The documents that ThorVG was given."""
    seen: list[str] = []
    draw = thorvg.draw

    def noted(document: str, px: int) -> Pixels:
        seen.append(document)
        return draw(document, px)

    monkeypatch.setattr(thorvg, "draw", noted)
    return seen


@pytest.mark.parametrize(
    "elements",
    [
        '<rect width="8" height="8" fill="#f00"/>',
        '<rect width="8" height="8" fill="#f00000"/>',
        '<!-- a comment --><g><circle r="4"/></g>',
        '<metadata><rdf:RDF><dc:title>x</dc:title></rdf:RDF></metadata><path d="M0 0h8v8z"/>',
        '<defs><linearGradient id="a"><stop stop-color="red"/></linearGradient></defs><rect fill="url(#a)"/>',
        '<clipPath id="c"><rect width="4" height="8"/></clipPath><rect clip-path="url(#c)" width="8"/>',
    ],
)
def test_what_thorvg_draws_as_browsers_do_is_drawn_by_it(by_thorvg: list[str], elements: str) -> None:
    assert rasterise(SVG.format(elements), 32).shape == (32, 32, 4)
    assert len(by_thorvg) == 1


@pytest.mark.parametrize(
    "elements",
    [
        '<filter id="f"><feGaussianBlur stdDeviation="1"/></filter><rect filter="url(#f)"/>',
        '<text x="1" y="7" font-family="any">A</text>',
        '<rect width="8" height="8" style="mix-blend-mode:multiply"/>',
        '<rect width="8" height="8" fill="#ff000080"/>',
        '<rect width="8" height="8" fill="#f008"/>',
        '<image href="a.png" width="8" height="8"/>',
        "<style>rect{fill:red}</style><rect/>",
        '<pattern id="p"/><rect fill="url(#p)"/>',
        "<switch><rect/></switch>",
        "<gibberish/>",
    ],
)
def test_everything_else_is_drawn_by_librsvg(by_thorvg: list[str], elements: str) -> None:
    rasterise(SVG.format(elements), 32)
    assert by_thorvg == []


@pytest.mark.parametrize("document", ["", "x", "<svg", '<svg width="8"><path d="M', "<svg></svg"])
def test_what_is_cut_off_is_refused(document: str) -> None:
    with pytest.raises(thorvg.DocumentRefused):
        thorvg.draw(document, 8)


def test_what_is_no_svg_is_refused() -> None:
    with pytest.raises(thorvg.DocumentRefused):
        thorvg.draw("</svg>", 8)


ODD = [
    '<path d="M"/><path d=""/><path d="M0 0A0 0 0 1 1 4 4 A1 1 0 1"/><polygon points="1 2 3"/>',
    '<path d="M0 0 L1e999 nan z"/><path d="M0 0 L1e30 1e30 0 5z" stroke="red"/>',
    '<rect width="1e12" height="1e12"/><circle r="-4"/><rect opacity="x" fill="url(#"/>',
    '<g id="a"><use href="#a"/></g><use href="#none"/>',
    '<defs><g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g></defs><use href="#a"/>',
    '<clipPath id="c" clip-path="url(#c)"><rect/></clipPath><rect width="8" height="8" clip-path="url(#c)"/>',
    '<mask id="m" mask="url(#m)"><rect/></mask><rect width="8" height="8" mask="url(#m)"/>',
    '<linearGradient id="g" href="#g"/><rect width="8" height="8" fill="url(#g)"/>',
    '<path d="M0 0h8" stroke="red" stroke-dasharray="0,0"/><path d="M0 0h8" stroke-dasharray="1e-9"/>',
    "<g>" * 5000 + "</g>" * 5000,
]


def test_odd_documents_do_no_harm() -> None:
    """In a process of its own, for what goes wrong in C ends it."""
    code = f"from {__name__} import ODD, SVG, thorvg; [thorvg.draw(SVG.format(odd), 32) for odd in ODD]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.text(max_size=100), st.integers(0, 10_000))
def test_any_values_of_attributes_do_no_harm(rubbish: str, place: int) -> None:
    document = dicebear.draw_svg("lorelei", {"seed": "x", "size": 16})
    quotes = [at.end() for at in re.finditer('="', document)]
    at = quotes[place % len(quotes)]
    with contextlib.suppress(thorvg.DocumentRefused):
        thorvg.draw(document[:at] + quoteattr(rubbish)[1:-1].replace('"', "") + document[at:], 16)


def digests(seeds: range) -> list[str]:
    return [
        sha256(thorvg.draw(dicebear.draw_svg(style, {"seed": str(seed)}), 64).tobytes()).hexdigest()
        for seed in seeds
        for style in ("lorelei", "notionists", "bottts", "planets")
    ]


def test_many_threads_draw_what_one_draws() -> None:
    alone = digests(range(40))
    with ThreadPoolExecutor(8) as threads:
        assert all(found == alone for found in threads.map(lambda _: digests(range(40)), range(8)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_draws_what_its_parent_draws() -> None:
    """In a process of its own, which has one thread and so may fork."""
    code = (
        f"import os; from {__name__} import digests; parent = digests(range(4)); child = os.fork();"
        "child or os._exit(digests(range(4)) != parent);"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pixels_are_not_multiplied_by_alpha() -> None:
    pixels = thorvg.draw(SVG.format('<rect width="8" height="4" fill="#f08040" opacity=".5"/>'), 32)
    assert np.abs(pixels[8, 8].astype(int) - (240, 128, 64, 128)).max() <= 2
    assert not pixels[24, 24].any()


def test_a_library_that_cannot_be_loaded_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorvg, "find_spec", lambda _name: None)
    with pytest.raises(StartupError, match="pip install --force-reinstall thorvg-python"):
        thorvg.load.__wrapped__()


def test_its_interface_has_an_upper_bound() -> None:
    """The functions are called without a header file, so another minor release may not fit."""
    (bound,) = [each for each in requires("avatar-gen-server") or [] if each.startswith("thorvg-python")]
    assert "<" in bound
    assert svg.rasterise(SVG.format('<rect width="8" height="8" fill="#fff"/>'), 8).min() == 255
