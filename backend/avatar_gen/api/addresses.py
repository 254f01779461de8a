"""Which picture an address under `/api/render` asks for, read as strictly as everything else.

`/api/render/{style}/{seed}.{format}` or `/api/render/{style}.{format}?seed=`. A seed is any text, slashes and
dots included: what follows its last dot is a format where it is one that there is, and a part of the seed
where it is not. So `ada.png` is the seed `ada`; whoever needs the seed `ada.png` writes `ada.png.png`, or
gives it in the query.
"""

import re
from functools import lru_cache
from typing import Annotated, ClassVar, Literal
from urllib.parse import unquote_to_bytes

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from avatar_gen.api.requests import Parameters, known, parse_query, refuse, whole_number
from avatar_gen.drawing.palette import SCHEMES, Colour, UnknownColour, parse_colour
from avatar_gen.drawing.styles import STYLES
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.rendering import DEFAULT_ANGLE, DEFAULT_PX, Options, Rendition, traits

PREFIX = b"/api/render/"

SEED_LENGTH = 256
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
_SchemeName = Annotated[str, AfterValidator(lambda name: known(name, SCHEMES))]


class RenderParameters(Parameters):
    """How a picture by URL is to look."""

    longest: ClassVar[int] = 8192

    size: Annotated[int, Field(ge=16, le=1024), BeforeValidator(whole_number)] = Field(
        default=DEFAULT_PX, description="Width in px."
    )
    primaryColor: _ColourText | None = Field(  # noqa: N815 - as in generate's body
        default=None,
        description="A CSS colour: rgb or rrggbb, with or without #, or a name; without it the seed chooses.",
        examples=["0077BE"],
    )
    foreignColor: _ColourText | None = Field(  # noqa: N815
        default=None, description="Likewise.", examples=["orange"]
    )
    colorScheme: _SchemeName | None = Field(  # noqa: N815
        default=None, description=f"One of {', '.join(SCHEMES)}; it wins over the two colours."
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
        max_length=SEED_LENGTH,
        description="For styles that write: whose letters; without it they are the seed's.",
    )
    filter: Literal["grayscale", "sepia", "negative"] | None = Field(
        default=None, description="As CSS's grayscale(1), sepia(1) and invert(1)."
    )
    shape: Literal["square", "circle", "rounded"] = Field(
        default="square", description="Outside of it the picture is transparent, as JPEG white."
    )

    def options(self, style: str) -> Options:
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
        return Options(
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

    seed: str = Field(max_length=SEED_LENGTH, description=f"Any text of at most {SEED_LENGTH} code points.")


def read_address(path: bytes, query: bytes, accept: bytes) -> tuple[Rendition, bool]:
    """What an address asks for, and whether its format was negotiated. Raises `InvalidRequest`.

    `path` is as it was sent: decoded, an encoded slash looks like any other.
    """
    head, slash, tail = path[len(PREFIX) :].partition(b"/")
    name, media = _split(_decoded(head if not slash else tail, "seed" if slash else "style"))
    if slash:
        style, seed = _style(_decoded(head, "style")), name
        if len(seed) > SEED_LENGTH:
            refuse("seed", f"must have at most {SEED_LENGTH} characters")
        options = _options(style, query)
    else:
        style = _style(name)
        parameters = parse_query(query, SeededRenderParameters)
        seed, options = parameters.seed, parameters.options(style)
    if media == "svg" and not traits(style).has_svg:
        refuse(
            "format", f"must be one of png, webp, avif, jpeg for the style {style}, which is no line drawing"
        )
    return Rendition(style, seed, media or negotiate(accept, style), options), media is None


@lru_cache(maxsize=256)
def _options(style: str, query: bytes) -> Options:
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


def _style(name: str) -> str:
    if name not in STYLES:
        refuse("style", f"must be one of {', '.join(STYLES)}")
    return name


def negotiate(accept: bytes, style: str) -> str:
    """The format for an address that names none: PNG, unless the client says that it prefers another one."""
    media = _preferred(accept[:_LONGEST_ACCEPT])
    return "png" if media == "svg" and not traits(style).has_svg else media


_LONGEST_ACCEPT = 512
"""Bytes of an `Accept` header that are read; browsers send some 100."""


@lru_cache(maxsize=256)
def _preferred(accept: bytes) -> str:
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
    return max(DRAWN_TYPES, key=quality_of)
