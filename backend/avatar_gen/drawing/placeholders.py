"""Default pictures for identities without an avatar."""

from collections.abc import Sequence

import numpy as np

from avatar_gen.drawing.drawing import Flat, Svg, Vector
from avatar_gen.drawing.grid import grid
from avatar_gen.drawing.palette import Colour

_BACKGROUND, _PERSON = Colour(226, 230, 236), Colour(148, 158, 173)


def silhouette(background: Colour = _BACKGROUND, person: Colour = _PERSON) -> Vector:
    """Return a head and shoulders, by default in neutral colours."""

    def paint(colours: Sequence[str], _unique: str) -> str:
        return (
            f'<g fill="{colours[1]}"><circle cx="40" cy="31" r="15"/>'
            '<path d="M10 80C10 61 23 51 40 51S70 61 70 80z"/></g>'
        )

    return Vector(np.array((background, person), dtype=np.uint8), Svg(80, paint, ground=0))


def nothing() -> Vector:
    """Return a fully transparent picture."""
    return Vector(np.empty((0, 3), dtype=np.uint8), Svg(1, lambda _colours, _unique: ""))


def plain(colour: Colour) -> Flat:
    """Return a picture of one colour."""
    return grid(np.array([colour], dtype=np.uint8), np.zeros((1, 1), dtype=np.uint8))
