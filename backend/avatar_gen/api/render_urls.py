"""Which picture an address under `/api/render` asks for, read as strictly as everything else.

`/api/render/{style}/{seed}.{format}` or `/api/render/{style}.{format}?seed=`. A seed is any text, slashes and
dots included: what follows its last dot is a format where it is one that there is, and a part of the seed
where it is not. So `ada.png` is the seed `ada`; whoever needs the seed `ada.png` writes `ada.png.png`, or
gives it in the query.
"""

import re
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import unquote_to_bytes, urlencode

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from avatar_gen.api.dicebear import read_dicebear_options
from avatar_gen.api.requests import LONGEST, Parameters, known, parse_query, refuse, split_query, whole_number
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.drawing import DEFAULT_ANGLE
from avatar_gen.drawing.palette import SCHEMES, Colour, UnknownColour, parse_colour
from avatar_gen.drawing.styles import STYLES, traits
from avatar_gen.drawing.svg import ROUNDING
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.services.rendering import DEFAULT_PX, MAX_PX, DicebearRequest, RenderOptions, RenderRequest

PREFIX = b"/api/render/"

MAX_SEED_LENGTH = 256
"""Code points, of a seed and of a name."""

EXTENSIONS = {**{media: media for media in DRAWN_TYPES}, "jpg": "jpeg"}
"""Formats by the end of a name, in any case."""

STYLE_PARAMETERS: dict[str, Literal["angle", "text"]] = {"angle": "angle", "name": "text"}
"""The parameters that not every style heeds, and the options of styles that they are for."""

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,6})?")
_BARE_HEX = re.compile(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}")


def _number(text: str) -> float:
    """Digits, perhaps a point and more of them: not `1e2`, `nan` or `+5`, all of which float() would take."""
    if not _DECIMAL.fullmatch(text):
        raise PydanticCustomError("decimal", "must be a number in digits, such as 45 or 22.5")
    return float(text)


def _colour(text: str) -> Colour:
    try:
        return parse_colour(f"#{text}" if _BARE_HEX.fullmatch(text) else text)
    except UnknownColour as error:
        raise PydanticCustomError("colour", "{reason}", {"reason": str(error)}) from None


def _checked_colour(text: str) -> str:
    _colour(text)
    return text


_ColourText = Annotated[str, AfterValidator(_checked_colour)]
_SchemeName = Annotated[
    str, AfterValidator(lambda name: known(name, SCHEMES)), Field(json_schema_extra={"enum": [*SCHEMES]})
]


class CommonParameters(Parameters):
    """How a picture by URL is to look, whatever its style."""

    longest: ClassVar[int] = LONGEST

    size: Annotated[int, Field(ge=16, le=MAX_PX), BeforeValidator(whole_number)] = Field(
        default=DEFAULT_PX, description="Width in px."
    )
    filter: Literal["grayscale", "sepia", "negative"] | None = Field(
        default=None, description="As CSS's grayscale(1), sepia(1) and invert(1)."
    )
    shape: Literal["square", "circle", "rounded"] = Field(
        default="square", description="Outside of it the picture is transparent, as JPEG white."
    )


class RenderParameters(CommonParameters):
    """How a picture by URL is to look, in one of our own styles."""

    primaryColor: _ColourText | None = Field(  # noqa: N815 - as in generate's body
        default=None,
        description="A CSS colour: rgb or rrggbb, with or without #, or a name; without it the seed chooses.",
        examples=["0077BE"],
    )
    foreignColor: _ColourText | None = Field(  # noqa: N815
        default=None, description="Likewise.", examples=["orange"]
    )
    colorScheme: _SchemeName | None = Field(  # noqa: N815
        default=None, description="It wins over the two colours."
    )
    hue: Annotated[int | None, Field(ge=0, le=359), BeforeValidator(whole_number)] = Field(
        default=None, description="Degrees, as in CSS's hsl(): keeps the colours that the seed chooses to it."
    )
    angle: Annotated[float | None, Field(ge=0, le=360), BeforeValidator(_number)] = Field(
        default=None,
        description="Degrees, for styles with this option: 0 to the right, 90 (the default) downwards.",
    )
    name: str | None = Field(
        default=None,
        max_length=MAX_SEED_LENGTH,
        description="For styles that write: whose letters; without it they are the seed's.",
    )

    def options(self, style: str) -> RenderOptions:
        """The same, checked against what the style heeds. Raises `InvalidRequest`."""
        for parameter, option in STYLE_PARAMETERS.items():
            if getattr(self, parameter) is not None and option not in STYLES[style].options:
                users = [name for name, other in STYLES.items() if option in other.options]
                refuse(parameter, f"is for the style {', '.join(users)} alone" if users else "has no use")
        primary = _colour(self.primaryColor) if self.primaryColor else None
        foreign = _colour(self.foreignColor) if self.foreignColor else None
        if self.colorScheme:
            scheme = SCHEMES[self.colorScheme]
            primary, foreign = parse_colour(scheme.primary), parse_colour(scheme.foreign)
        if self.hue is not None and primary and foreign:
            refuse("hue", "is for colours that the seed chooses, of which there are none here")
        return RenderOptions(
            px=self.size,
            primary=primary,
            foreign=foreign,
            hue=self.hue,
            angle=DEFAULT_ANGLE if self.angle is None else self.angle,
            text=self.name,
            filter=self.filter,
            shape=self.shape,
        )


class SeededRenderParameters(RenderParameters):
    """The same, where the path has no seed."""

    seed: str = Field(
        max_length=MAX_SEED_LENGTH,
        description=f"Any text of at most {MAX_SEED_LENGTH} code points.",
        examples=["ada"],
    )


class RenderUrlParts(NamedTuple):
    """What the path of an address says."""

    style: str
    seed: str | None
    """None where it is to stand in the query."""
    media: str | None
    """None where `Accept` is to decide."""


def split_render_url(path: bytes) -> RenderUrlParts:
    """Take a path apart, as it was sent: decoded, an encoded slash looks like any other.

    Raises `InvalidRequest`.
    """
    head, slash, tail = path[len(PREFIX) :].partition(b"/")
    if not slash:
        style, media = _split(_decoded(head, "style"))
        return RenderUrlParts(style, None, media)
    seed, media = _split(_decoded(tail, "seed"))
    if len(seed) > MAX_SEED_LENGTH:
        refuse("seed", f"must have at most {MAX_SEED_LENGTH} characters")
    return RenderUrlParts(_decoded(head, "style"), seed, media)


def read_render_url(parts: RenderUrlParts, query: bytes, accept: bytes) -> RenderRequest | DicebearRequest:
    """What is asked for: in a style of ours, or of DiceBear's. Raises `InvalidRequest`."""
    style, seed, media = parts
    if theirs := dicebear_name(style):
        return _read_dicebear(theirs, seed, query, media or _preferred(accept[:_LONGEST_ACCEPT]))
    if style not in STYLES:
        refuse("style", f"must be one of {', '.join(STYLES)}, or of DiceBear's, which /api/styles lists, too")
    if seed is None:
        parameters = parse_query(query, SeededRenderParameters)
        seed, options = parameters.seed, parameters.options(style)
    else:
        options = _options(style, query)
    if media == "svg" and not traits(style).has_svg:
        refuse(
            "format", f"must be one of png, webp, avif, jpeg for the style {style}, which is no line drawing"
        )
    return RenderRequest(style, seed, media or negotiate(accept, style), options)


def dicebear_name(style: str) -> str | None:
    """Which of DiceBear's styles a name stands for: that of its own, unless one of ours has it, too."""
    if style in STYLES:
        return None
    name = style.removeprefix(_THEIRS)
    return name if name in dicebear.names() else None


def name_here(style: str) -> str:
    """The name by which a style of DiceBear's is asked for here."""
    return _THEIRS + style if style in STYLES else style


_THEIRS = "dicebear-"
"""What may stand before the name of any style of DiceBear's."""

_RADII = {"circle": 50, "rounded": 100 * ROUNDING}
"""Shapes as DiceBear's `borderRadius`: percent of the width."""


@lru_cache(maxsize=256)
def _read_dicebear(style: str, seed: str | None, query: bytes, media: str) -> DicebearRequest:
    """What is asked of a style of DiceBear's: by its own options, but for those that all styles have here."""
    pairs = split_query(query, LONGEST)
    common = [(name, value) for name, value in pairs if name in CommonParameters.model_fields]
    parameters = parse_query(urlencode(common).encode(), CommonParameters)
    theirs = [pair for pair in pairs if pair not in common]
    names = {name.removesuffix("[]") for name, _ in theirs}
    if (seed is None) == ("seed" not in names):
        refuse("seed", "is required" if seed is None else "stands in the path already")
    if parameters.shape != "square":
        if "borderRadius" in names:
            refuse("shape", "and borderRadius exclude each other")
        theirs.append(("borderRadius", f"{_RADII[parameters.shape]:g}"))
    if seed is not None:
        theirs.append(("seed", seed))
    options = read_dicebear_options(style, [("size", str(parameters.size)), *theirs])
    return DicebearRequest(style, options, media, parameters.filter, own_ids=True)


@lru_cache(maxsize=256)
def _options(style: str, query: bytes) -> RenderOptions:
    """Remembered, for few different ones are asked for, over and over."""
    parameters: RenderParameters = parse_query(query, RenderParameters)
    return parameters.options(style)


def _decoded(part: bytes, field: str) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        refuse(field, "must be text in UTF-8, percent-encoded")


def _split(text: str) -> tuple[str, str | None]:
    """What stands before an extension, and the format that it names."""
    name, _, extension = text.rpartition(".")
    media = EXTENSIONS.get(extension.lower())
    return (name, media) if media and "." in text else (text, None)


def negotiate(accept: bytes, style: str) -> str:
    """The format for an address that names none: PNG, unless the client says that it prefers another one."""
    return _preferred(accept[:_LONGEST_ACCEPT], has_svg=traits(style).has_svg)


_LONGEST_ACCEPT = 512
"""Bytes of an `Accept` header that are read; browsers send some 100."""


@lru_cache(maxsize=256)
def _preferred(accept: bytes, *, has_svg: bool = True) -> str:
    """The format of the greatest quality, PNG among equals, and where the client takes none of them."""
    qualities: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        qualities[name] = float(quality) if re.fullmatch(r"[01](?:\.[0-9]{0,3})?", quality) else 0.0

    def quality_of(media: str) -> float:
        ranges = (DRAWN_TYPES[media], "image/*", "*/*")
        return next((qualities[name] for name in ranges if name in qualities), 0.0)

    # max() returns the first among equals, and PNG stands first.
    return max((media for media in DRAWN_TYPES if has_svg or media != "svg"), key=quality_of)
