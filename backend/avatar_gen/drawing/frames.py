"""The shapes that a picture can be cut to."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Shape = Literal["square", "circle", "rounded", "squircle", "hexagon"]

ROUNDING = 1 / 6
"""The radius of the corners of a rounded picture, in widths of the picture."""

Distances = NDArray[np.float64]


class Frame(NamedTuple):
    """A shape around the centre of a picture. It is symmetrical from left to right and from top to bottom."""

    element: Callable[[int], str]
    """Return the SVG element of the shape, at a width of the picture."""
    inside: Callable[[Distances, float], Distances]
    """Return how far each pixel's centre is inside the border, in px, or below 0 how far outside.

    The arguments are the distances of rows and columns from the centre, and the width of the picture. Square
    roots and quotients alone decide, which IEEE 754 makes equal on every machine.
    """


def _corners(radius: float) -> Frame:
    """Return a square with rounded corners. The radius is in widths of the picture."""

    def inside(at: Distances, px: float) -> Distances:
        # The distance of each centre beyond the square that the corners are rounded from.
        beyond = np.maximum(at - (px / 2 - px * radius), 0)
        distance: Distances = px * radius - np.sqrt(np.add.outer(beyond * beyond, beyond * beyond))
        return distance

    return Frame(lambda side: f'<rect width="{side}" height="{side}" rx="{side * radius:.6g}"/>', inside)


def _squircle_inside(at: Distances, px: float) -> Distances:
    """Measure from the curve x^4 + y^4 = r^4."""
    square = at * at
    fourth = np.sqrt(np.sqrt(np.add.outer(square * square, square * square)))
    slope = np.sqrt(np.add.outer(square * square * square, square * square * square)) / np.maximum(
        fourth * fourth * fourth, 1e-9
    )
    distance: Distances = (px / 2 - fourth) / np.maximum(slope, 0.5)
    return distance


def _squircle(side: int) -> str:
    """Return the curve as a polygon, whose corners are too close to be seen."""
    radius, angles = side / 2, range(0, 360, 3)
    points = []
    for degrees in angles:
        x, y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        scale = radius / math.sqrt(math.sqrt(x**4 + y**4))
        points.append(f"{radius + scale * x:.2f} {radius + scale * y:.2f}")
    return f'<path d="M{"L".join(points)}z"/>'


_APOTHEM = math.sqrt(3) / 4
"""The distance of a hexagon's sides from its centre, in heights."""


def _hexagon_inside(at: Distances, px: float) -> Distances:
    slanted = np.add.outer(at * math.sqrt(3) / 2, at / 2)
    distance: Distances = px * _APOTHEM - np.maximum(slanted, at)
    return distance


def _hexagon(side: int) -> str:
    left, right = side * (0.5 - _APOTHEM), side * (0.5 + _APOTHEM)
    upper, lower, middle = side / 4, side * 3 / 4, side / 2
    corners = ((middle, 0), (right, upper), (right, lower), (middle, side), (left, lower), (left, upper))
    return f'<path d="M{"L".join(f"{x:.6g} {y:.6g}" for x, y in corners)}z"/>'


FRAMES: dict[Shape, Frame | None] = {
    "square": None,
    "circle": _corners(0.5),
    "rounded": _corners(ROUNDING),
    "squircle": Frame(_squircle, _squircle_inside),
    "hexagon": Frame(_hexagon, _hexagon_inside),
}
"""The shapes by name. A new shape is a line here and a name in `Shape`. A square needs no cutting."""
