"""The style input of a stored avatar in one of the service's own styles."""

from avatar_gen.avatar import ANY_PALETTE, AvatarSpec
from avatar_gen.drawing.drawing import DEFAULT_ANGLE, StyleInput
from avatar_gen.drawing.palette import DEFAULT_FOREIGN, DEFAULT_PRIMARY, SCHEMES, parse_colour
from avatar_gen.drawing.palettes import choose
from avatar_gen.services.palettes import served_palettes


def style_input(spec: AvatarSpec, seed: str) -> StyleInput:
    """Return the colours and the angle to draw with. A scheme overrides the two colours.

    Raises `KeyError` for an unknown scheme or palette, `UnknownColour` for an unknown colour.
    """
    angle = DEFAULT_ANGLE if spec.angle is None else spec.angle
    if spec.palette:
        palette = None if spec.palette == ANY_PALETTE else served_palettes()[spec.palette]
        chosen = choose(seed, palette)
        return StyleInput(chosen.primary, chosen.foreign, angle, spec.seed or "", palette=chosen.palette)
    primary = spec.primary_color or DEFAULT_PRIMARY
    foreign = spec.foreign_color or DEFAULT_FOREIGN
    if spec.color_scheme:
        _, primary, foreign = SCHEMES[spec.color_scheme]
    return StyleInput(parse_colour(primary), parse_colour(foreign), angle, spec.seed or "")
