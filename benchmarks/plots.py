"""Plots as SVG: bars and lines, black on white, so that any page can show them."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

OURS, OTHER = "#2563eb", "#a3a3a3"
COLOURS = (OURS, "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2", "#737373")
WIDTH = 720
_FONT = 'font-family="sans-serif" font-size="12" fill="#171717"'


def bars(title: str, values: Mapping[str, float], ours: Sequence[str]) -> str:
    """Return a plot with one bar for each value, the longest first."""
    most = max(values.values())
    shapes = []
    for row, (name, value) in enumerate(sorted(values.items(), key=lambda item: -item[1])):
        y, length = 40 + row * 22, max(1, value / most * 350)
        colour = OURS if name in ours else OTHER
        shapes += [
            _text(270, y + 12, name, "end"),
            f'<rect x="280" y="{y}" width="{length:.1f}" height="16" fill="{colour}"/>',
            _text(286 + length, y + 12, f"{value:,.0f}" if value >= 10 else f"{value:.2g}"),
        ]
    return _page(title, 50 + len(values) * 22, shapes)


class _Axis(NamedTuple):
    """A scale from values to positions."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool

    def at(self, value: float) -> float:
        scale = math.log10 if self.logarithmic else float
        low, high = scale(self.low), scale(self.high)
        return self.start + (scale(value) - low) / (high - low or 1) * (self.end - self.start)


def lines(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], x: str, *, logarithmic: bool = False
) -> str:
    """Return a plot with a line for each series, with logarithmic axes if `logarithmic`."""
    points = [point for line in series.values() for point in line]
    along, up = [point[0] for point in points], [point[1] for point in points]
    across = _Axis(min(along), max(along), 60, 500, logarithmic)
    low, high = 0.0, max(up) * 1.05
    if logarithmic:
        low, high = 10 ** math.floor(math.log10(min(up))), 10 ** math.ceil(math.log10(max(up)))
    down = _Axis(low, high, 280, 40, logarithmic)
    shapes = []
    for value in _ticks(down):
        y = down.at(value)
        shapes += [
            f'<path d="M60 {y:.1f}H500" stroke="#e5e5e5"/>',
            _text(54, y + 4, _label(value), "end"),
        ]
    marks = sorted(set(along)) if logarithmic else _ticks(across)
    shapes += [_text(across.at(value), 298, f"{value:,.0f}", "middle") for value in marks]
    shapes.append(_text(280, 318, x, "middle"))
    for row, (name, line) in enumerate(series.items()):
        colour = COLOURS[row % len(COLOURS)]
        path = "L".join(f"{across.at(x):.1f} {down.at(y):.1f}" for x, y in line)
        shapes += [
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(
                f'<circle cx="{across.at(x):.1f}" cy="{down.at(y):.1f}" r="2.5" fill="{colour}"/>'
                for x, y in line
            ),
            f'<rect x="520" y="{44 + row * 22}" width="10" height="10" fill="{colour}"/>',
            _text(536, 53 + row * 22, name),
        ]
    return _page(title, 330, shapes)


def _label(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:,.4g} M"
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _ticks(axis: _Axis) -> list[float]:
    if axis.logarithmic:
        return [10.0**power for power in range(round(math.log10(axis.low)), round(math.log10(axis.high)) + 1)]
    step = 10 ** math.floor(math.log10(axis.high - axis.low))
    step = next(step / part for part in (1, 2, 5, 10) if (axis.high - axis.low) / (step / part) >= 4)
    return [axis.low + step * number for number in range(int((axis.high - axis.low) / step) + 1)]


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _page(title: str, height: int, shapes: Sequence[str]) -> str:
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {_FONT}>',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="16" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
            *shapes,
            "</svg>\n",
        )
    )
