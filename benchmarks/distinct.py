"""How many different pictures a style draws: `python -m benchmarks.distinct` takes three minutes.

It counts the pictures of 100,000 seeds in the same two colours: flat ones by their pixels at 32 px, shapes by
their SVG. It also compares the first 5,000 by pixels, since two SVG texts can look the same.
"""

import sys
from hashlib import blake2b

import click

from avatar_gen.drawing.drawing import Drawing, Flat, StyleInput
from avatar_gen.drawing.palette import DEFAULT_FOREIGN, DEFAULT_PRIMARY, parse_colour
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.drawing.svg import document
from avatar_gen.imaging.svg import rasterise

PX = 32
"""The size at which most avatars are shown. Pictures that differ here differ at any size."""

PRIMARY, FOREIGN = parse_colour(DEFAULT_PRIMARY), parse_colour(DEFAULT_FOREIGN)


def picture(drawing: Drawing) -> bytes:
    """Return the pixels of a drawing."""
    if isinstance(drawing, Flat):
        return drawing.palette[drawing.at(PX).pixels()].tobytes()
    return rasterise(text(drawing).decode(), PX).tobytes()


def text(drawing: Drawing) -> bytes:
    """Return the SVG of a drawing, or its pixels if it is flat."""
    if isinstance(drawing, Flat):
        return picture(drawing)
    return document(drawing.svg, drawing.palette, PX, "square", "").encode()


def count(style: str, seeds: int, sample: int) -> tuple[int, int]:
    """Return how many pictures of `seeds` seeds differ, and how many of the first `sample` by pixels."""
    texts, pictures = set(), set()
    for number in range(seeds):
        seed = f"user-{number}"
        drawing = draw(style, seed, StyleInput(PRIMARY, FOREIGN, text=seed))
        texts.add(blake2b(text(drawing), digest_size=16).digest())
        if number < sample:
            pictures.add(blake2b(picture(drawing), digest_size=16).digest())
        if number % 1000 == 0:
            print(f"\r{style}: {number:,} ", end="", file=sys.stderr, flush=True)
    print("\r", end="", file=sys.stderr)
    return len(texts), len(pictures)


@click.command()
@click.option("--seeds", default=100_000, show_default=True)
@click.option("--sample", default=5_000, show_default=True)
@click.argument("styles", nargs=-1, type=click.Choice(list(STYLES)))
def main(seeds: int, sample: int, styles: tuple[str, ...]) -> None:
    """Count the different pictures of STYLES, or of all."""
    for style in styles or STYLES:
        texts, pictures = count(style, seeds, sample)
        print(f"{style}: {texts:,} of {seeds:,} seeds, {pictures:,} of {sample:,} by pixels", flush=True)


if __name__ == "__main__":
    main()
