"""`smile`: a friendly face that looks left, right or ahead."""

from collections.abc import Sequence

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import blend, lit, palette, third_colour
from avatar_gen.drawing.oklab import distance
from avatar_gen.drawing.palette import Colour, Palette
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import group, path

_SIDE = 64

_NAMES = ("ground", "hair", "clothes", "face", "shade", "line", "white", "cheek", "tongue")
"""The names of the palette's colours in the drawings of eyes and mouths below."""
_GROUND, _HAIR, _CLOTHES, _FACE, _SHADE = range(5)

_FACES = tuple(map(Colour.from_hex, ("ffe0c2", "fbd0a6", "f3bd8c", "e6a873", "d89560")))
"""One family of warm colours. All of them are light enough for dark lines to be read."""

_LINE, _WHITE = Colour.from_hex("2b1d1d"), Colour.from_hex("fffdfa")
_BLUSH, _TONGUE = Colour.from_hex("f2545b"), Colour.from_hex("e85d6f")

_DISTINCT = 0.16
"""The distance in Oklab of two colours that are easy to tell apart in neighbouring areas."""

_HEADS = (
    "M-19 0a19 19 0 0 1 38 0a19 19 0 0 1-38 0z",
    "M-17-6a12 12 0 0 1 12-12h10a12 12 0 0 1 12 12v12a12 12 0 0 1-12 12h-10a12 12 0 0 1-12-12z",
    "M-17-2a17 17 0 0 1 34 0v5a17 17 0 0 1-34 0z",
    "M-18 2C-18-27 18-27 18 2C18 25-18 25-18 2z",
    "M-18-4C-18-25 18-25 18-4C18 28-18 28-18-4z",
)
"""Outlines around the centre of the head."""

_FRINGES = (
    "",
    "M-40-40H40V-8Q0-14-40-8z",  # short
    "M-40-40H40V-9Q10-9-3-14Q-14-8-40-3z",  # parted on the right
    "M-40-40H40V-3Q14-8 3-14Q-10-9-40-9z",  # parted on the left
    "M-40-40H40V2H17Q16-8 0-13Q-16-8-17 2H-40z",  # parted in the middle
    "M-40-40H40V-2H16V-8H-16V-2H-40z",  # straight
    "M-40-40H40V-4H17Q13-6 11-10Q7-4 3-10Q-1-4-5-10Q-9-4-13-9Q-14-6-17-4H-40z",  # curls
    "M-40-40H40V-2H17Q15-12 2-12Q-8-12-12-7Q-15-4-17-2H-40z",  # swept
)
"""The part of the scalp that has hair. The first one has none."""

_BACKS = (
    "",
    "",
    "",
    "M-22-2a22 22 0 0 1 44 0v15q0 5-5 5h-34q-5 0-5-5z",  # to the chin
    "M-22-2a22 22 0 0 1 44 0v28q0 6-6 6h-32q-6 0-6-6z",  # to the shoulders
    # curly
    "M0-24a23 23 0 0 1 20 12q5 8 3 15q3 6-1 11q-1 6-7 6h-30q-6 0-7-6q-4-5-1-11q-2-7 3-15a23 23 0 0 1 20-12z",
)
"""Hair behind the head."""

_TOPS = (
    "",
    "",
    "M0-28a6.5 6.5 0 0 1 0 13a6.5 6.5 0 0 1 0-13z",  # a bun
    "M-14-24a6 6 0 0 1 0 12a6 6 0 0 1 0-12zM14-24a6 6 0 0 1 0 12a6 6 0 0 1 0-12z",  # two buns
    "M-14-10L-13-23L-6-18L0-27L6-18L13-23L14-10z",  # spikes
    "M-1-15Q-1-23-9-24Q-8-18-1-17Q0-26 9-26Q8-19 1-18V-15z",  # a tuft
)
"""Hair above the head, partly behind it."""
_TUFT = 5

_NECK = "M-6 10h12v14h-12z"
_SHOULDERS = (
    "M7 70C7 47 22 49 32 49S57 47 57 70z",
    "M9 70C9 50 20 48 32 48S55 50 55 70z",
    "M5 70C5 52 20 49 32 49S59 52 59 70z",
)
_EARS = "M-18-1a4.5 4.5 0 0 0 0 9zM18-1a4.5 4.5 0 0 1 0 9z"
_CHEEK = '<ellipse cy="6" rx="3.2" ry="2.2" fill="{cheek}"/>'

_DOT = '<circle cx="{gaze}" r="2.5" fill="{line}"/><circle cx="{glint}" cy="-0.8" r="0.8" fill="{white}"/>'
_OVAL = (
    '<ellipse cx="{gaze}" rx="2.2" ry="3.2" fill="{line}"/>'
    '<circle cx="{glint}" cy="-1.2" r="0.8" fill="{white}"/>'
)
_ROUND = '<circle r="4.6" fill="{white}"/><circle cx="{gaze}" r="2.5" fill="{line}"/>'
_TALL = '<ellipse rx="3.6" ry="4.8" fill="{white}"/><circle cx="{gaze}" cy="0.8" r="2.3" fill="{line}"/>'
_LASHES = '<path d="M{side}3.4-2.2l{side}1.6-1.6M{side}2.2-3.2l{side}0.9-1.9" {fine}/>'
_BROW = '<path d="M-3-5.4Q0-7.4 3-5.4" {fine}/>'
_WINK = '<path d="M-3.2 1.2a3.2 3.2 0 0 1 6.4 0" {stroke}/>'
_GLASSES = '<circle r="5.4" {fine}/>'

_EYES = (
    (_DOT, _DOT),
    (_OVAL, _OVAL),
    (_ROUND, _ROUND),
    (_TALL, _TALL),
    (_DOT + _BROW, _DOT + _BROW),
    (_OVAL + _LASHES, _OVAL + _LASHES),
    (_DOT, _WINK),
    (f'{_GLASSES}{_DOT}<path d="M5.4 0h{{gap}}" {{fine}}/>', _GLASSES + _DOT),
    (_ROUND + _BROW, _ROUND + _BROW),
)
"""The left eye and the right eye, around their centres. Every open eye has a pupil."""

_OPEN = "M-6.5-1.5h13a6.5 6.5 0 0 1-13 0z"
_TEETH = '<path d="M-5.4-1.5h10.8v1.4q0 0.9-0.9 0.9h-9q-0.9 0-0.9-0.9z" fill="{white}"/>'
_MOUTHS = (
    '<path d="M-5 0Q0 5 5 0" {stroke}/>',
    '<path d="M-4 1.5Q3 4 6-1.5" {stroke}/>',
    '<path d="M-3.5 0.5Q0 3 3.5 0.5" {stroke}/>',
    '<path d="M-6.5-1Q0 7 6.5-1" {stroke}/>',
    '<ellipse cy="1" rx="2.4" ry="2.8" fill="{line}"/>',
    f'<path d="{_OPEN}" fill="{{line}}"/><ellipse cy="2.9" rx="3.4" ry="1.7" fill="{{tongue}}"/>',
    f'<path d="{_OPEN}" fill="{{line}}"/>{_TEETH}',
)
"""Only the widest smile shows teeth."""

_LINES = 'fill="none" stroke="{line}" stroke-width="%s" stroke-linecap="round" stroke-linejoin="round"'


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    """Draw a head with hair on shoulders.

    The ground, the hair and the clothes have the colours of the input.
    """
    primary, foreign = style_input.primary, style_input.foreign
    third, face_number = third_colour(chance, style_input), chance.below(len(_FACES))
    head, fringe, top = chance.choice(_HEADS), chance.choice(_FRINGES), chance.below(len(_TOPS))
    back, shoulders, tilt = chance.choice(_BACKS), chance.choice(_SHOULDERS), chance.below(13) - 6
    x, y = 31 + chance.below(3), 31 + chance.below(2)
    features, gap = _features(chance)
    gaze = (chance.below(3) - 1) * 0.9

    # Without hair, the clothes show the primary colour.
    bald = not fringe and top != _TUFT
    colours = _colours(primary, foreign, third, face_number, bald=bald)

    def paint(fills: Sequence[str], unique: str) -> str:
        names = dict(zip(_NAMES, fills, strict=True))
        drawn = features.format(
            **names,
            stroke=(_LINES % 2.2).format(**names),
            fine=(_LINES % 1.5).format(**names),
            gaze=f"{gaze:g}",
            glint=f"{gaze + 0.8:g}",
            gap=gap,
        )
        behind = [path(_TOPS[top], fills[_HAIR])] if not bald else []
        parts = [
            path(_EARS, fills[_FACE]),
            path(head, fills[_FACE]),
            _hair(head, fringe, fills[_HAIR], f"{unique}a") if fringe else "",
            drawn,
        ]
        turned = f"translate({x} {y})rotate({tilt})"
        return (
            group(turned, [path(back, fills[_HAIR]) if fringe else ""])
            + group(f"translate({x} {y})", [path(_NECK, fills[_SHADE])])
            + path(shoulders, fills[_CLOTHES])
            + group(turned, [*behind, *parts])
        )

    return Vector(colours, Svg(_SIDE, paint, _GROUND))


def _features(chance: Chance) -> tuple[str, int]:
    """Return the drawing of eyes, mouth and cheeks, and the gap between the eyes of glasses."""
    x, y = chance.below(7) - 3, chance.below(3)
    apart = 7 + chance.below(2)
    left, right = chance.choice(_EYES)
    mouth, mouth_y = chance.choice(_MOUTHS), y + 9 + chance.below(2)
    placed = [
        (x - apart, y, left.replace("{side}", "-")),
        (x + apart, y, right.replace("{side}", "")),
        (x, mouth_y, mouth),
    ]
    if chance.below(2):
        placed[:0] = [(x - apart - 3, y + 1, _CHEEK), (x + apart + 3, y + 1, _CHEEK)]
    drawn = "".join(group(f"translate({at_x} {at_y})", [shape]) for at_x, at_y, shape in placed)
    return drawn, 2 * apart - 11


def _colours(primary: Colour, foreign: Colour, third: Colour, face_number: int, *, bald: bool) -> Palette:
    """Return the palette. The face differs from the ground and the hair."""
    turned = (*_FACES[face_number:], *_FACES[:face_number])
    face = max(turned, key=lambda tone: min(distance(tone, primary), distance(tone, foreign), _DISTINCT))
    hair, clothes = (third, primary) if bald else (primary, third)
    return palette(
        foreign, hair, clothes, face, lit(face, 0.7), _LINE, _WHITE, blend(face, _BLUSH, 0.45), _TONGUE
    )


def _hair(head: str, fringe: str, fill: str, name: str) -> str:
    """Return hair that is larger than the head, so that no rim of the scalp shows."""
    return (
        f'<clipPath id="{name}"><path d="{fringe}"/></clipPath><g clip-path="url(#{name})">'
        f'<path d="{head}" transform="translate(0 -0.8)scale(1.1)" fill="{fill}"/></g>'
    )


SMILE = Style("smile", "Smile", _draw, ground="foreign")
