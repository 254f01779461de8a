"""Two colours that a seed chooses."""

import colorsys

from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.seed import Chance


def seed_colours(seed: str, hue: int | None = None) -> tuple[Colour, Colour]:
    """The primary and the foreign colour that a seed chooses: dark on pale, of one hue, 0 to 359."""
    chance = Chance("colours", seed)
    degrees = hue if hue is not None else int(chance.between(0, 360))
    return _of_hls(degrees, 0.27), _of_hls(degrees, 0.93)


def _of_hls(degrees: int, lightness: float) -> Colour:
    return Colour(*(round(255 * channel) for channel in colorsys.hls_to_rgb(degrees / 360, lightness, 0.7)))
