"""The options of a picture by URL, each with its name, limits and description.

The routes, the OpenAPI document and the commands all read them from here.
"""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.drawing import DEFAULT_ANGLE, DEFAULT_LETTERS, Letters, StyleInput
from avatar_gen.drawing.filters import DESCRIPTION as FILTER_DESCRIPTION
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.palette import SCHEMES, Colour, parse_colour
from avatar_gen.drawing.palettes import CuratedPalette, choose
from avatar_gen.drawing.styles import STYLES
from avatar_gen.services.palettes import find_palette
from avatar_gen.services.validation import (
    OneOf,
    StrictModel,
    background,
    boolean,
    colour,
    decimal_number,
    refuse,
    whole_number,
)

MIN_PX, DEFAULT_PX, MAX_PX = 16, 128, 1024
"""The lowest, the default and the highest width of a picture by URL, in every style."""

STYLE_OPTIONS: dict[str, Literal["angle", "text"]] = {
    "angle": "angle",
    "name": "text",
    "length": "text",
    "uppercase": "text",
    "bold": "text",
}
"""The options that not every style uses, and the parts of `StyleInput` that they set."""

FilterName = Annotated[str, OneOf(FILTERS)]
Flag = Annotated[
    bool | None, PlainValidator(boolean), WithJsonSchema({"type": "string", "enum": ["true", "false"]})
]
PaletteName = Annotated[
    CuratedPalette | None, PlainValidator(find_palette), WithJsonSchema({"type": "string"})
]
Background = Annotated[
    Colour | Literal["transparent"] | None, PlainValidator(background), WithJsonSchema({"type": "string"})
]
ColourText = Annotated[Colour | None, PlainValidator(colour), WithJsonSchema({"type": "string"})]


class CommonOptions(StrictModel):
    """The options that the styles of every family have."""

    size: Annotated[int, Field(ge=MIN_PX, le=MAX_PX), BeforeValidator(whole_number)] = Field(
        default=DEFAULT_PX, description="Width in px."
    )
    filter: FilterName | None = Field(default=None, description=FILTER_DESCRIPTION)
    shape: Shape = Field(
        default="square", description="The picture is transparent outside of its shape, or white as JPEG."
    )


class RenderOptions(CommonOptions):
    """The options of the service's own styles."""

    primaryColor: ColourText = Field(  # noqa: N815 - the name in a URL, here and below
        default=None,
        description="A CSS colour: rgb or rrggbb, with or without #, or a name. By default the seed chooses.",
        examples=["0077BE"],
    )
    foreignColor: ColourText = Field(  # noqa: N815
        default=None, description="Likewise.", examples=["orange"]
    )
    colorScheme: Annotated[str, OneOf(SCHEMES)] | None = Field(  # noqa: N815
        default=None, description="It overrides the two colours."
    )
    palette: PaletteName = Field(
        default=None,
        description="The curated palette that the seed chooses colours from; /api/palettes lists them.",
        examples=["lagoon"],
    )
    background: Background = Field(
        default=None,
        description="transparent, or the colour of the ground, which overrides the other colours.",
        examples=["transparent"],
    )
    hue: Annotated[int | None, Field(ge=0, le=359), BeforeValidator(whole_number)] = Field(
        default=None, description="Degrees, as in CSS's hsl(): the hue of the colours that the seed chooses."
    )
    angle: Annotated[float | None, Field(ge=0, le=360), BeforeValidator(decimal_number)] = Field(
        default=None,
        description="Degrees, for styles with this option: 0 to the right, 90 (the default) downwards.",
    )
    name: str | None = Field(
        default=None,
        max_length=MAX_SEED_LENGTH,
        description="For styles that draw letters: the name whose letters they draw. By default the seed.",
    )
    length: Annotated[int | None, Field(ge=1, le=3), BeforeValidator(whole_number)] = Field(
        default=None,
        description="The number of letters, 1 to 3. By default one or two, whichever can be read.",
    )
    uppercase: Flag = Field(
        default=None,
        description="Whether letters are capitals. Otherwise they are as in the name. By default true.",
    )
    bold: Flag = Field(default=None, description="Whether letters are bold. By default true.")

    def check_style(self, style: str) -> None:
        """Raise `InvalidRequest` if an option has no use in this style, one of `STYLES`."""
        for name, option in STYLE_OPTIONS.items():
            if getattr(self, name) is not None and option not in STYLES[style].options:
                users = [each for each, other in STYLES.items() if option in other.options]
                refuse(name, f"is only for the style {', '.join(users)}")
        if self.background is not None and STYLES[style].ground is None:
            users = [name for name, other in STYLES.items() if other.ground]
            refuse("background", f"is for the styles with a ground: {', '.join(users)}")
        if self.hue is not None and all(self.colours):
            refuse("hue", "is for colours that the seed chooses. Give a hue or both colours")
        if self.palette and (self.hue is not None or any(self.colours)):
            refuse("palette", "is for colours that the seed chooses. Give a palette, a hue or colours")

    @cached_property
    def colours(self) -> tuple[Colour | None, Colour | None]:
        """The primary and the foreign colour; None for each that the seed chooses."""
        if self.colorScheme:
            scheme = SCHEMES[self.colorScheme]
            return parse_colour(scheme.primary), parse_colour(scheme.foreign)
        return self.primaryColor, self.foreignColor

    @cached_property
    def canonical(self) -> bytes:
        """The same bytes for all spellings of the same options; part of ETags and of checkpoints."""
        primary, foreign = (each and tuple(each) for each in self.colours)
        angle = DEFAULT_ANGLE if self.angle is None else self.angle
        parts: tuple[object, ...] = (
            self.size,
            primary,
            foreign,
            self.hue,
            angle,
            self.name,
            self.filter,
            self.shape,
        )
        others = (self.palette and self.palette.colours, self.background, self.letters)
        if others != (None, None, DEFAULT_LETTERS):
            # Requests without these options keep the key that they had before the options existed.
            parts += others
        return repr(parts).encode("utf-8", "backslashreplace")

    @cached_property
    def letters(self) -> Letters:
        """How `initials` draws letters."""
        return Letters(self.length, self.uppercase is not False, self.bold is not False)

    def style_input(self, style: str, seed: str) -> StyleInput:
        """Return what one of `STYLES` draws with. Choosing the colours is most of the work."""
        primary, foreign, palette = self._colours_for(seed, STYLES[style].ground)
        angle = DEFAULT_ANGLE if self.angle is None else self.angle
        text = seed if self.name is None else self.name
        transparent = self.background == "transparent"
        return StyleInput(primary, foreign, angle, text, self.letters, palette, transparent)

    def with_name(self, name: str) -> "RenderOptions":
        """Return the same options with another name, of at most `MAX_SEED_LENGTH` characters."""
        return self._with(name=name)

    def with_palette(self, palette: CuratedPalette) -> "RenderOptions":
        """Return the same options with another palette, which need not be a served one."""
        return self._with(palette=palette)

    def _with(self, **fields: object) -> "RenderOptions":
        # A copy would have the cached properties of these options.
        return self.model_construct(
            **{**{name: getattr(self, name) for name in type(self).model_fields}, **fields}
        )

    def _colours_for(
        self, seed: str, ground: Literal["primary", "foreign"] | None
    ) -> tuple[Colour, Colour, tuple[Colour, ...]]:
        """Return the primary and the foreign colour, and the curated palette that they are from, if any."""
        primary, foreign = self.colours
        if isinstance(self.background, Colour):
            primary = self.background if ground == "primary" else primary
            foreign = self.background if ground == "foreign" else foreign
        if primary and foreign:
            return primary, foreign, ()
        given = primary or foreign
        if given is None and self.hue is None:
            return choose(seed, self.palette)
        candidates = self.palette.colours if self.palette else seed_colours(seed, self.hue)
        if given is None:
            return (*seed_colours(seed, self.hue), ())
        # The candidates contrast with each other, so one of them contrasts with the given colour.
        other = max(candidates, key=lambda each: contrast(given, each))
        return (given, other, ()) if primary else (other, given, ())
