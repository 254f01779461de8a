"""Filters: functions from a palette to a palette, so exact for every pixel and free of decoding.

They are those of CSS at full strength (`grayscale(1)`, `sepia(1)`, `invert(1)`), so a page shows the same
picture whether the service or the browser filters it: https://www.w3.org/TR/filter-effects-1/
"""

import numpy as np

from avatar_gen.drawing.palette import Filter, Palette

# Ten-thousandths, so that the sums below are whole numbers and equal on every machine.
_GRAYSCALE = np.array([[2126, 7152, 722]] * 3)
_SEPIA = np.array([[3930, 7690, 1890], [3490, 6860, 1680], [2720, 5340, 1310]])


def grayscale(palette: Palette) -> Palette:
    """Each colour's luma (Rec. 709 weights) in all three channels."""
    return _mix(palette, _GRAYSCALE)


def sepia(palette: Palette) -> Palette:
    """The brown of old photographs."""
    return _mix(palette, _SEPIA)


def negative(palette: Palette) -> Palette:
    """Each channel turned round; twice is the original."""
    return 255 - palette


def in_svg(name: str) -> str:
    """One of `FILTERS` as the values of SVG's `feColorMatrix`, for pictures that have no palette."""
    if name == "negative":
        return "-1 0 0 0 1 0 -1 0 0 1 0 0 -1 0 1 0 0 0 1 0"
    weights = {"grayscale": _GRAYSCALE, "sepia": _SEPIA}[name]
    rows = [" ".join(f"{weight / 10000:g}" for weight in row) for row in weights.tolist()]
    return " ".join(f"{row} 0 0" for row in rows) + " 0 0 0 1 0"


def _mix(palette: Palette, weights: np.ndarray) -> Palette:
    """New channels as weighted sums of the old ones, rounded half up and cut off at 255."""
    sums = palette.astype(np.int64) @ weights.T
    mixed: Palette = np.minimum((sums + 5000) // 10000, 255).astype(np.uint8)
    return mixed


FILTERS: dict[str, Filter] = {
    "grayscale": grayscale,
    "sepia": sepia,
    "negative": negative,
}
