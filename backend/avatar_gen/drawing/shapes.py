"""What the styles that are made of shapes write their SVG with."""

from collections.abc import Iterable

from avatar_gen.drawing.oklab import direction


def number(value: float) -> str:
    """A number to two places: short, and the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ground(side: int, fill: str) -> str:
    """The whole picture in one colour."""
    return f'<rect width="{side}" height="{side}" fill="{fill}"/>'


def disc(x: float, y: float, radius: float, fill: str) -> str:
    """A circle, filled."""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}"/>'


def path(commands: str, fill: str) -> str:
    """An outline, filled; nothing where it has no commands."""
    return f'<path d="{commands}" fill="{fill}"/>' if commands else ""


def group(transform: str, elements: Iterable[str]) -> str:
    """Elements, moved or turned."""
    return f'<g transform="{transform}">{"".join(elements)}</g>'


def ring_point(middle: float, radius: float, degrees: int) -> tuple[float, float]:
    """Where a circle about `(middle, middle)` is at an angle: 0 points right, 90 down."""
    cosine, sine = direction(degrees)
    return middle + radius * cosine, middle + radius * sine


def sector(middle: float, radius: float, start: int, sweep: int) -> str:
    """A slice of a disc about `(middle, middle)`, clockwise from one angle, as commands of a path."""
    (x, y), (end_x, end_y) = (ring_point(middle, radius, at) for at in (start, start + sweep))
    arc = f"A{number(radius)} {number(radius)} 0 {int(sweep > 180)} 1 "
    return f"M{number(middle)} {number(middle)}L{number(x)} {number(y)}{arc}{number(end_x)} {number(end_y)}z"
