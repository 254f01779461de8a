"""SVG to pixels by ThorVG: a thin layer over the few functions of its C interface that this service needs.

The wheel's own Python layer holds pictures in ctypes arrays and copies them. Here ThorVG draws into a numpy
array, and other threads run meanwhile. docs/decisions/0009 compares ThorVG with librsvg and Chromium. The
interface: https://www.thorvg.org/apis#c
"""

import ctypes
import sys
from collections.abc import Iterable
from ctypes import c_bool, c_char_p, c_float, c_int, c_uint8, c_uint32, c_void_p
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from avatar_gen.errors import StartupError
from avatar_gen.imaging.vips import Pixels

VERSION = version("thorvg-python")
"""The version of ThorVG. Another one may draw other pixels."""

_RGBA, _STRAIGHT_RGBA = 0, 2
"""`TVG_COLORSPACE_ABGR8888` and `TVG_COLORSPACE_ABGR8888S`: as bytes red, green, blue, alpha; colours are
multiplied by alpha, or not. ThorVG draws in the first, and takes time to turn it into the second."""

_NO_OPTIONS = 0
_COPY = True
"""ThorVG then holds no pointer into Python's memory, and caches nothing between pictures."""
_CLEAR = True
_FREE = True

_FUNCTIONS = {
    "tvg_engine_init": (c_int, [c_uint32]),
    "tvg_swcanvas_create": (c_void_p, [c_uint8]),
    "tvg_swcanvas_set_target": (c_int, [c_void_p, c_void_p, c_uint32, c_uint32, c_uint32, c_int]),
    "tvg_canvas_add": (c_int, [c_void_p, c_void_p]),
    "tvg_canvas_update": (c_int, [c_void_p]),
    "tvg_canvas_draw": (c_int, [c_void_p, c_bool]),
    "tvg_canvas_sync": (c_int, [c_void_p]),
    "tvg_canvas_destroy": (c_int, [c_void_p]),
    "tvg_picture_new": (c_void_p, []),
    "tvg_picture_load_data": (c_int, [c_void_p, c_char_p, c_uint32, c_char_p, c_char_p, c_bool]),
    "tvg_picture_set_size": (c_int, [c_void_p, c_float, c_float]),
    "tvg_paint_unref": (c_int, [c_void_p, c_bool]),
}
"""The result and the arguments of each function."""


class DocumentRefused(Exception):
    """ThorVG cannot read a document."""


@cache
def load() -> ctypes.CDLL:
    """Return ThorVG's library, ready for any threads. Raises `StartupError` if it cannot be loaded."""
    spec = find_spec("thorvg_python")
    folders = (spec and spec.submodule_search_locations) or []
    name = "libthorvg-1.dylib" if sys.platform == "darwin" else "libthorvg-1.so"
    try:
        path = str(Path(folders[0], name))
        # Only drawing takes long enough to let other threads run. A thread that releases the interpreter's
        # lock may have to wait until it gets the lock again.
        library: Any = ctypes.PyDLL(path)
        library.tvg_canvas_draw = ctypes.CDLL(path).tvg_canvas_draw
        for function, (result, arguments) in _FUNCTIONS.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (AttributeError, IndexError, OSError) as error:
        remedy = "pip install --force-reinstall thorvg-python"
        raise StartupError(f"ThorVG cannot be loaded ({error}): {remedy}") from error
    # No threads of its own: the pool has enough, and a fork would not copy them.
    library.tvg_engine_init(0)
    loaded: ctypes.CDLL = library
    return loaded


def draw(document: str, px: int) -> Pixels:
    """Return the pixels of a square SVG document at a width of `px`, with straight alpha. See `draw_each`."""
    (pixels,) = draw_each(document, (px,))
    return pixels


def draw_each(document: str, widths: Iterable[int], *, opaque: bool = False) -> list[Pixels]:
    """Return the pixels of a square SVG document at each width in px, with straight alpha.

    `opaque` says that no pixel is transparent, which is faster.

    The document must be well-formed XML: ThorVG reads beyond the end of a tag that is cut off. All documents
    of this service are written by it or by DiceBear's packages, which escape every text of a client.

    It blocks: run it in the `Pool` unless the picture is small. Raises `DocumentRefused`.
    """
    if not document.endswith("</svg>"):
        raise DocumentRefused("the document is cut off")
    library = load()
    canvas = library.tvg_swcanvas_create(_NO_OPTIONS)
    try:
        picture = _add_picture(library, canvas, document.encode())
        return [_draw(library, canvas, picture, px, _RGBA if opaque else _STRAIGHT_RGBA) for px in widths]
    finally:
        library.tvg_canvas_destroy(canvas)


def _add_picture(library: ctypes.CDLL, canvas: int, data: bytes) -> int:
    """Return a picture that belongs to the canvas."""
    picture: int = library.tvg_picture_new()
    try:
        _check(library.tvg_picture_load_data(picture, data, len(data), b"svg", None, _COPY))
        _check(library.tvg_canvas_add(canvas, picture))
    except DocumentRefused:
        library.tvg_paint_unref(picture, _FREE)
        raise
    return picture


def _draw(library: ctypes.CDLL, canvas: int, picture: int, px: int, colours: int) -> Pixels:
    pixels = np.empty((px, px, 4), np.uint8)
    _check(library.tvg_swcanvas_set_target(canvas, pixels.ctypes.data, px, px, px, colours))
    _check(library.tvg_picture_set_size(picture, px, px))
    _check(library.tvg_canvas_update(canvas))
    _check(library.tvg_canvas_draw(canvas, _CLEAR))
    _check(library.tvg_canvas_sync(canvas))
    return pixels


def _check(result: int) -> None:
    if result:
        raise DocumentRefused(f"ThorVG's result is {result}")
