"""SVG to pixels by ThorVG: a thin layer over the few functions of its C interface that this service needs.

The wheel's own Python layer holds pictures in ctypes arrays and copies them. Here ThorVG draws into a numpy
array, and other threads run meanwhile: ctypes releases the interpreter's lock. docs/decisions/0009 compares
ThorVG with librsvg and Chromium. The interface: https://www.thorvg.org/apis#c
"""

import ctypes
import sys
from ctypes import c_bool, c_char_p, c_float, c_int, c_uint8, c_uint32, c_void_p
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from avatar_gen.errors import StartupError
from avatar_gen.imaging.vips import Pixels

VERSION = version("thorvg-python")
"""The version of ThorVG. Another one may draw other pixels."""

_STRAIGHT_RGBA = 2
"""`TVG_COLORSPACE_ABGR8888S`: as bytes red, green, blue, alpha; colours are not multiplied by alpha."""

_NO_OPTIONS = 0
_COPY = True
"""ThorVG then holds no pointer into Python's memory, and caches nothing between pictures."""

_FUNCTIONS = {
    "tvg_engine_init": (c_int, [c_uint32]),
    "tvg_swcanvas_create": (c_void_p, [c_uint8]),
    "tvg_swcanvas_set_target": (c_int, [c_void_p, c_void_p, c_uint32, c_uint32, c_uint32, c_int]),
    "tvg_canvas_add": (c_int, [c_void_p, c_void_p]),
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
        library = ctypes.CDLL(str(Path(folders[0], name)))
        for function, (result, arguments) in _FUNCTIONS.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (AttributeError, IndexError, OSError) as error:
        remedy = "pip install --force-reinstall thorvg-python"
        raise StartupError(f"ThorVG cannot be loaded ({error}): {remedy}") from error
    # No threads of its own: the pool has enough, and a fork would not copy them.
    library.tvg_engine_init(0)
    return library


def draw(document: str, px: int) -> Pixels:
    """Return the pixels of a square SVG document at a width of `px`, with straight alpha.

    The document must be well-formed XML: ThorVG reads beyond the end of a tag that is cut off. All documents
    of this service are written by it or by DiceBear's packages, which escape every text of a client.

    It blocks: run it in the `Pool`. Raises `DocumentRefused`.
    """
    if not document.endswith("</svg>"):
        raise DocumentRefused("the document is cut off")
    library, data = load(), document.encode()
    pixels = np.empty((px, px, 4), np.uint8)
    canvas = library.tvg_swcanvas_create(_NO_OPTIONS)
    try:
        _check(library.tvg_swcanvas_set_target(canvas, pixels.ctypes.data, px, px, px, _STRAIGHT_RGBA))
        picture = library.tvg_picture_new()
        try:
            _check(library.tvg_picture_load_data(picture, data, len(data), b"svg", None, _COPY))
            _check(library.tvg_picture_set_size(picture, px, px))
        except DocumentRefused:
            library.tvg_paint_unref(picture, True)  # noqa: FBT003 - C's signature
            raise
        # From here on the picture belongs to the canvas.
        _check(library.tvg_canvas_add(canvas, picture))
        _check(library.tvg_canvas_draw(canvas, True))  # noqa: FBT003
        _check(library.tvg_canvas_sync(canvas))
    finally:
        library.tvg_canvas_destroy(canvas)
    return pixels


def _check(result: int) -> None:
    if result:
        raise DocumentRefused(f"ThorVG's result is {result}")
