"""SVG elements for the styles that are made of shapes."""

from collections.abc import Iterable

from avatar_gen.drawing.oklab import direction


def number(value: float) -> str:
    """Return a number with at most two decimals: short, and the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ground(side: int, fill: str) -> str:
    """Return a square that fills the picture."""
    return f'<rect width="{side}" height="{side}" fill="{fill}"/>'


def disc(x: float, y: float, radius: float, fill: str) -> str:
    """Return a filled circle."""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}"/>'


def path(commands: str, fill: str) -> str:
    """Return a filled path, or an empty string if there are no commands."""
    return f'<path d="{commands}" fill="{fill}"/>' if commands else ""


def group(transform: str, elements: Iterable[str]) -> str:
    """Return elements in a group with a transform."""
    return f'<g transform="{transform}">{"".join(elements)}</g>'


def ring_point(middle: float, radius: float, degrees: int) -> tuple[float, float]:
    """Return the point at an angle on a circle around `(middle, middle)`: 0 points right, 90 down."""
    cosine, sine = direction(degrees)
    return middle + radius * cosine, middle + radius * sine


def sector(middle: float, radius: float, start: int, sweep: int) -> str:
    """Return the path of a sector of a disc around `(middle, middle)`, clockwise from `start` degrees."""
    (x, y), (end_x, end_y) = (ring_point(middle, radius, at) for at in (start, start + sweep))
    arc = f"A{number(radius)} {number(radius)} 0 {int(sweep > 180)} 1 "
    return f"M{number(middle)} {number(middle)}L{number(x)} {number(y)}{arc}{number(end_x)} {number(end_y)}z"
