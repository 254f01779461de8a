"""From a drawing, a document or pixels to a file, step by step.

Each step takes a picture and the output that is asked for, and returns the picture after the step. Another
source, such as a photograph, needs one more kind of `Picture` or begins as pixels.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Drawing, Flat, IndexMap, Svg, Vector, every_row
from avatar_gen.drawing.frames import FRAMES, Shape
from avatar_gen.drawing.palette import Filter, Palette
from avatar_gen.drawing.svg import document
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.formats import ENCODERS
from avatar_gen.imaging.png import encode_png
from avatar_gen.imaging.svg import rasterise
from avatar_gen.imaging.truecolour import recolour_pixels
from avatar_gen.imaging.vips import Pixels

_LEVELS = 15
"""Levels of opacity on a shape's border, besides transparent: as many as a grid of 4 x 4
points in each pixel distinguishes. With so few levels, a picture of up to 17 colours and its border fit into
one palette."""

MAX_CUT_COLOURS = 255 // _LEVELS
"""The highest number of colours in a palette that has room for all levels."""


class Output(NamedTuple):
    """The file that is asked for."""

    px: int
    format_name: str
    """The name of a format."""
    recolour: Filter | None = None
    shape: Shape = "square"
    unique: str = ""
    """The beginning of every id in an SVG."""
    xmp: bytes = b""
    """The packet of XMP in a file of pixels. Drawings have none."""


class Indexed(NamedTuple):
    """Pixels that are indices into a palette."""

    index_map: IndexMap
    palette: Palette
    alpha: bytes = b""
    """The opacity of each colour, 255 if it is opaque. Colours beyond its end are opaque."""


Picture = Drawing | str | Indexed | Pixels | bytes
"""A picture at some step: a drawing, an SVG document, pixels, or a finished file."""

Step = Callable[[Picture, Output], Picture]


def _recolour(picture: Picture, output: Output) -> Picture:
    """Apply the filter to the palette of a drawing, or to every pixel."""
    if output.recolour is None:
        return picture
    if isinstance(picture, Flat | Vector):
        return replace(picture, palette=output.recolour(picture.palette))
    return recolour_pixels(_to_pixels(picture), output.recolour)


def _rasterise(picture: Picture, output: Output) -> Picture:
    """Turn a drawing or a document into pixels. Raises `InvalidRequest` for text without a font."""
    if isinstance(picture, Flat):
        transparent = picture.transparent
        alpha = b"" if transparent is None else b"\xff" * transparent + b"\0"
        return Indexed(picture.at(output.px), picture.palette, alpha)
    if isinstance(picture, Vector):
        (pixels,) = _draw_shapes(picture, (output.px,))
        return pixels
    return rasterise(picture, output.px) if isinstance(picture, str) else picture


def _draw_shapes(drawing: Vector, widths: Iterable[int]) -> list[Pixels]:
    """Return the pixels at each width. ThorVG, which draws all styles of shapes, parses a document once."""
    pixels: list[Pixels] = []
    for (svg, splits_pixels), same in groupby(widths, lambda px: _elements(drawing, px)):
        texts = partial(document, svg, drawing.palette, shape="square", unique="")
        if splits_pixels:
            pixels += [rasterise(texts(px=px), px, smooth_edges=True) for px in same]
        else:
            pixels += thorvg.draw_each(texts(px=svg.side), same, opaque=svg.ground is not None)
    return pixels


def _elements(drawing: Vector, px: int) -> tuple[Svg, bool]:
    svg = drawing.at(px)
    return svg, svg.splits_pixels(px)


def _cut(picture: Picture, output: Output) -> Picture:
    """Cut pixels to the shape.

    A mask does it, not the renderer: a renderer cuts each part of a drawing by itself, and the colours below
    shine through at the border.
    """
    if output.shape == "square":
        return picture
    opacity = _opacity(output.px, output.shape)
    if isinstance(picture, Indexed) and len(picture.palette) <= MAX_CUT_COLOURS:
        return _cut_indexed(picture, opacity)
    pixels = _to_pixels(picture)
    alpha = opacity * np.uint8(255 // _LEVELS)
    if pixels.shape[2] == 4:
        alpha = (alpha.astype(np.uint16) * pixels[:, :, 3] // 255).astype(np.uint8)
    return np.dstack((pixels[:, :, :3], alpha))


def _encode(picture: Picture, output: Output) -> Picture:
    """Write the pixels as a file."""
    if isinstance(picture, Indexed) and output.format_name == "png":
        return encode_png(*picture)
    return ENCODERS[output.format_name](_to_pixels(picture), output.xmp)


def _write(picture: Picture, output: Output) -> Picture:
    """Write a drawing as an SVG file. Raises `ValueError` if its style has no SVG."""
    assert isinstance(picture, Flat | Vector)  # noqa: S101 - see `DOCUMENT`
    svg = picture.at(output.px) if isinstance(picture, Vector) else picture.svg
    if svg is None:
        raise ValueError("this drawing has only pixels")
    return document(svg, picture.palette, output.px, output.shape, output.unique).encode()


DRAWING_TO_PIXELS: tuple[Step, ...] = (_recolour, _rasterise, _cut, _encode)
"""A drawing has a palette, which is cheaper to recolour than pixels."""

DRAWING_TO_SVG: tuple[Step, ...] = (_recolour, _write)

DOCUMENT_TO_PIXELS: tuple[Step, ...] = (_rasterise, _recolour, _cut, _encode)


def make_file(picture: Picture, output: Output, steps: tuple[Step, ...]) -> bytes:
    """Return the file after all steps."""
    for step in steps:
        picture = step(picture, output)
    assert isinstance(picture, bytes)  # noqa: S101 - the last step of each list writes a file
    return picture


def draw_picture(  # noqa: PLR0913
    drawing: Drawing,
    px: int,
    *,
    format_name: str,
    recolour: Filter | None = None,
    shape: Shape = "square",
    unique: str = "",
) -> bytes:
    """Return a drawing as a file in a format of `imaging.DRAWN_TYPES`, `px` wide.

    Corners outside the shape are transparent, or white in a format without alpha. `unique` begins every id in
    an SVG. Raises `ValueError` if SVG is asked of a style that has none.
    """
    steps = DRAWING_TO_SVG if format_name == "svg" else DRAWING_TO_PIXELS
    return make_file(drawing, Output(px, format_name, recolour, shape, unique), steps)


def draw_png(drawing: Drawing, px: int, recolour: Filter | None = None, shape: Shape = "square") -> bytes:
    """Return a drawing as a PNG file, `px` wide."""
    return make_file(drawing, Output(px, "png", recolour, shape), DRAWING_TO_PIXELS)


def draw_pngs(drawing: Drawing, widths: Sequence[int]) -> dict[int, bytes]:
    """Return a drawing as PNG files by their width in px: the files of `draw_png`, in less time."""
    pictures: Sequence[Picture] = [drawing] * len(widths)
    if isinstance(drawing, Vector):
        pictures = _draw_shapes(drawing, widths)
    return {
        px: make_file(picture, Output(px, "png"), DRAWING_TO_PIXELS)
        for px, picture in zip(widths, pictures, strict=True)
    }


def encode_svg(  # noqa: PLR0913
    svg: str,
    px: int,
    format_name: str,
    *,
    recolour: Filter | None = None,
    shape: Shape = "square",
    xmp: bytes = b"",
) -> bytes:
    """Return an SVG document, `px` wide, as a file in a format of `imaging.MEDIA_TYPES`.

    `xmp` is the packet of XMP in the file. Raises `InvalidRequest` for text without a font.
    """
    return make_file(svg, Output(px, format_name, recolour, shape, xmp=xmp), DOCUMENT_TO_PIXELS)


def _to_pixels(picture: Picture) -> Pixels:
    """Return the colour of every pixel, and its alpha if it may have any."""
    if isinstance(picture, Indexed):
        palette = picture.palette
        if picture.alpha:
            opaque = b"\xff" * (len(palette) - len(picture.alpha))
            palette = np.column_stack((palette, np.frombuffer(picture.alpha + opaque, np.uint8)))
        pixels: Pixels = palette[picture.index_map.pixels()]
        return pixels
    assert isinstance(picture, np.ndarray)  # noqa: S101 - drawings and documents are rasterised first
    return picture


def _cut_indexed(picture: Indexed, opacity: NDArray[np.uint8]) -> Indexed:
    """Return a picture whose palette has every colour at each level of opacity, after a transparent one."""
    indices, palette = picture.index_map.pixels(), picture.palette
    count = len(palette)
    if picture.alpha:
        opacity = np.where(indices == len(picture.alpha) - 1, np.uint8(0), opacity)
    levels = np.repeat(np.arange(1, _LEVELS), count) * (255 // _LEVELS)
    cut = np.where(opacity, (opacity - 1) * np.uint8(count) + indices + np.uint8(1), 0)
    colours = np.vstack((palette[:1], np.tile(palette, (_LEVELS, 1))))
    return Indexed(every_row(cut.astype(np.uint8)), colours, bytes((0, *levels.tolist())))


@lru_cache(maxsize=8)
def _opacity(px: int, shape: Shape) -> NDArray[np.uint8]:
    """Return how much of each pixel lies inside the shape, 0 to `_LEVELS`, shape (px, px).

    It follows from the distance of the pixel's centre to the border. One quarter is computed and mirrored.
    """
    frame = FRAMES[shape]
    assert frame is not None  # noqa: S101 - a square is not cut
    share = np.clip(frame.inside(np.arange((px + 1) % 2, px, 2) / 2, px) + 0.5, 0, 1)
    quarter = np.rint(share * _LEVELS).astype(np.uint8)
    return np.ascontiguousarray(_mirrored(_mirrored(quarter, px).T, px).T)


def _mirrored(half: NDArray[np.uint8], px: int) -> NDArray[np.uint8]:
    """Return rows from the middle downwards, below their mirror image. An odd middle row occurs only once."""
    return np.vstack((half[::-1][: px // 2], half))
