"""`smile`: a friendly face that looks somewhere."""

from collections.abc import Sequence

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import ACCENTS, accent, eye, half, line_on, palette
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import ground, group, path

_SIDE = 64

_NAMES = ("ground", "face", "accent", "half", "line", "white", "pupil", "teeth")
"""The palette's colours, by which the drawings of eyes and mouths below call them."""
_GROUND, _FACE, _ACCENT, _HALF = range(4)

_HEADS = (
    "M-20 0a20 20 0 0 1 40 0a20 20 0 0 1-40 0z",
    "M-18-7a12 12 0 0 1 12-12h12a12 12 0 0 1 12 12v14a12 12 0 0 1-12 12h-12a12 12 0 0 1-12-12z",
    "M-17-3a17 17 0 0 1 34 0v8a17 17 0 0 1-34 0z",
    "M-19 3C-19-28 19-28 19 3C19 27-19 27-19 3z",
    "M-19-4C-19-27 19-27 19-4C19 30-19 30-19-4z",
)
"""Outlines about the middle of the head, some 20 to each side."""

_FRINGES = (
    "",
    "M-40-40H40V-9H-40z",
    "M-40-40H40V-14L-40 1z",
    "M-40-40H40V1L-40-14z",
    "M-40-40H40V6Q6 0 0-14Q-6 0-40 6z",
    "M-40-40H40V1H15V-8H-15V1H-40z",
    "M-40-40H40V-6Q15-3 8-10T-8-10T-40-6z",
    "M-40-40H40V2Q18 2 13-9Q0-14-13-9Q-18 2-40 2z",
)
"""Where hair is seen of a head that is somewhat larger; the first is bald."""

_TOPS = (
    "",
    "M0-29a7 7 0 0 1 0 14a7 7 0 0 1 0-14z",  # a bun
    "M-15-25a6 6 0 0 1 0 12a6 6 0 0 1 0-12zM15-25a6 6 0 0 1 0 12a6 6 0 0 1 0-12z",  # two
    "M-15-6L-18-26L-3-16zM15-6L18-26L3-16z",  # a cat's ears
    "M-16-24a7 7 0 0 1 0 14a7 7 0 0 1 0-14zM16-24a7 7 0 0 1 0 14a7 7 0 0 1 0-14z",  # a bear's
    "M-14-10L-13-25L-5-19L0-29L5-19L13-25L14-10z",  # spikes
    "M-1-16Q-1-24-10-25Q-9-19-1-18Q0-28 9-28Q9-21 1-20V-16z",  # a sprout
)
"""What stands on a head, partly behind it."""
_EARS = (3, 4)

_SHOULDERS = "M6 70C6 46 58 46 58 70z"
_CHEEK = '<ellipse cy="6" rx="3" ry="2.2" fill="{accent}"/>'

_EYES = (
    ('<circle r="2.4" fill="{line}"/>',) * 2,
    ('<ellipse rx="2.2" ry="3.6" fill="{line}"/>',) * 2,
    ('<circle r="4.6" fill="{white}"/><circle cx="{gaze}" r="2.4" fill="{pupil}"/>',) * 2,
    ('<ellipse rx="3.4" ry="5" fill="{white}"/><circle cx="{gaze}" cy="1" r="2.2" fill="{pupil}"/>',) * 2,
    ('<path d="M-3.2 1.5a3.2 3.2 0 0 1 6.4 0" {stroke}/>',) * 2,
    ('<path d="M-3.2-1a3.2 3.2 0 0 0 6.4 0" {stroke}/>',) * 2,
    ('<ellipse rx="2.4" ry="2.8" fill="{line}"/>', '<path d="M-3.2 1.5a3.2 3.2 0 0 1 6.4 0" {stroke}/>'),
    (
        '<circle r="5" {stroke}/><circle cx="{gaze}" r="2" fill="{line}"/><path d="M5 0h{gap}" {stroke}/>',
        '<circle r="5" {stroke}/><circle cx="{gaze}" r="2" fill="{line}"/>',
    ),
)
"""The left one and the right one, about their middles."""

_MOUTHS = (
    '<path d="M-5 0Q0 5 5 0" {stroke}/>',
    '<path d="M-4 1Q3 4 6-2" {stroke}/>',
    '<path d="M-4 1H4" {stroke}/>',
    '<path d="M-7-1Q-3 4 0 0Q3 4 7-1" {stroke}/>',
    '<ellipse cy="1" rx="2.6" ry="3.2" fill="{line}"/>',
    '<path d="M-7-1h14a7 7 0 0 1-14 0z" fill="{line}"/>',
    '<path d="M-7-1h14a7 7 0 0 1-14 0z" fill="{line}"/><path d="M-5-1h10v2.5h-10z" fill="{teeth}"/>',
    '<path d="M-6-1h12a6 6 0 0 1-12 0z" fill="{line}"/><ellipse cy="3.2" rx="3" ry="1.6" fill="{accent}"/>',
)

_STROKE = 'fill="none" stroke="{line}" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"'


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    primary, foreign = style_input.primary, style_input.foreign
    third = accent(primary, foreign, chance.choice(ACCENTS))
    white, pupil = eye(primary)
    line = line_on(primary)
    teeth = white if line == pupil else pupil
    colours = palette(foreign, primary, third, half(primary, primary, foreign), line, white, pupil, teeth)

    head, fringe, top = chance.choice(_HEADS), chance.choice(_FRINGES), chance.below(len(_TOPS))
    shoulders, tilt = chance.below(2), chance.below(17) - 8
    x, y = 30 + chance.below(5), 34 - shoulders + chance.below(3)
    face_x, face_y = chance.below(9) - 4, chance.below(5) - 1
    apart, gaze = 6 + chance.below(3), chance.below(3) - 1
    left, right = chance.choice(_EYES)
    mouth, mouth_y = chance.choice(_MOUTHS), 9 + chance.below(2)
    features = [(-apart, 0, left), (apart, 0, right), (0, mouth_y, mouth)]
    if chance.below(3) == 0:
        features[:0] = [(-apart - 4, 0, _CHEEK), (apart + 4, 0, _CHEEK)]
    face = "".join(group(f"translate({at_x} {at_y})", [shape]) for at_x, at_y, shape in features)

    def paint(fills: Sequence[str], unique: str) -> str:
        names = dict(zip(_NAMES, fills, strict=True))
        drawn = face.format(**names, stroke=_STROKE.format(**names), gaze=gaze, gap=2 * apart - 10)
        parts = [
            path(_TOPS[top], fills[_FACE if top in _EARS and not fringe else _ACCENT]),
            path(head, fills[_FACE]),
            _hair(head, fringe, fills[_ACCENT], f"{unique}a") if fringe else "",
            group(f"translate({face_x} {face_y})", [drawn]),
        ]
        body = path(_SHOULDERS, fills[_HALF]) if shoulders else ""
        return ground(_SIDE, fills[_GROUND]) + body + group(f"translate({x} {y})rotate({tilt})", parts)

    return Vector(colours, Svg(_SIDE, paint))


def _hair(head: str, fringe: str, fill: str, name: str) -> str:
    """Larger than the head, so that no rim of it is seen."""
    return (
        f'<clipPath id="{name}"><path d="{fringe}"/></clipPath><g clip-path="url(#{name})">'
        f'<path d="{head}" transform="scale(1.07)" fill="{fill}"/></g>'
    )


SMILE = Style("smile", "Smile", _draw)
