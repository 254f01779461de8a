"""Default pictures for identities without an avatar."""

from collections.abc import Sequence

import numpy as np

from avatar_gen.drawing.drawing import Flat, Svg, Vector
from avatar_gen.drawing.grid import grid
from avatar_gen.drawing.palette import Colour

_BACKGROUND, _PERSON = (226, 230, 236), (148, 158, 173)


def silhouette() -> Vector:
    """Return a neutral head and shoulders."""

    def paint(colours: Sequence[str], _unique: str) -> str:
        _background, person = colours
        return (
            f'<g fill="{person}"><circle cx="40" cy="31" r="15"/>'
            '<path d="M10 80C10 61 23 51 40 51S70 61 70 80z"/></g>'
        )

    return Vector(np.array((_BACKGROUND, _PERSON), dtype=np.uint8), Svg(80, paint, ground=0))


def nothing() -> Vector:
    """Return a fully transparent picture."""
    return Vector(np.empty((0, 3), dtype=np.uint8), Svg(1, lambda _colours, _unique: ""))


def plain(colour: Colour) -> Flat:
    """Return a picture of one colour."""
    return grid(np.array([colour], dtype=np.uint8), np.zeros((1, 1), dtype=np.uint8))
