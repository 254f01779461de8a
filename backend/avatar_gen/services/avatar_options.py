"""The options of a stored avatar, as the API and `avatar-gen bulk --store` read them.

Only the fields that need more than their limits in `AvatarSpec` are listed here.
"""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from avatar_gen.avatar import (
    ANY_PALETTE,
    JSON_NAMES,
    MAX_SEED_LENGTH,
    SPEC_FIELDS,
    AvatarSpec,
    add_missing_options,
)
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.drawing.styles import STYLES
from avatar_gen.services.found_style import FoundStyle
from avatar_gen.services.palettes import check_palette
from avatar_gen.services.style_families import check_style, find_style, style_names
from avatar_gen.services.validation import OneOf, StrictModel, check_colour, invalid

_ANGLE_STYLES = [name for name, style in STYLES.items() if "angle" in style.options]


def _lower_case(value: Any) -> Any:  # noqa: ANN401 - text, or what pydantic refuses
    # lower() makes ASCII letters of other characters, too: of the Kelvin sign a k.
    return value.lower() if isinstance(value, str) and value.isascii() else value


class _StyleName:
    """Annotate a text field that takes the name of a style of any family."""

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check the name when it is read: the settings may add styles."""
        return core_schema.no_info_after_validator_function(check_style, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """List the names when the OpenAPI document is made."""
        return {**handler(schema), "enum": list(style_names())}


@add_missing_options("generatorType")
class AvatarOptions(StrictModel):
    """What to draw. Every field may be absent, null or empty, all of which mean "not given"."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={"examples": [{"type": "wave", "colorScheme": "ocean", "seed": "ada"}]},
    )

    type: Annotated[str, _StyleName(), BeforeValidator(_lower_case)] | None = Field(
        default=None,
        description="Case does not matter. By default pixelize. /api/styles lists the served styles.",
    )
    primaryColor: str | None = Field(  # noqa: N815 - JSON's spelling, here and below
        default=None,
        description="A CSS colour: rgb or rrggbb, with or without #, or a name. By default #3B82F6.",
        examples=["#0077BE"],
    )
    foreignColor: str | None = Field(  # noqa: N815
        default=None, description="Likewise. By default #60A5FA.", examples=["orange"]
    )
    colorScheme: Annotated[str, OneOf(SCHEMES)] | None = Field(  # noqa: N815
        default=None, description="It overrides the two colours."
    )
    seed: str | None = Field(
        default=None,
        max_length=MAX_SEED_LENGTH,
        description=f"Any text of at most {MAX_SEED_LENGTH} code points. The same type, colours, seed and"
        " angle always give the same picture. Without a seed the picture is random.",
        examples=["ada"],
    )
    angle: float | None = Field(
        default=None,
        ge=0,
        le=360,
        allow_inf_nan=False,
        description=f"Degrees, for {', '.join(_ANGLE_STYLES)} alone: 0 to the right, 90 (the default)"
        " downwards.",
    )

    palette: Annotated[str, AfterValidator(check_palette)] | None = Field(
        default=None,
        description="The curated palette that the seed chooses colours from, instead of colours: a name that"
        f" /api/palettes lists, or {ANY_PALETTE} for the built-in palette that the seed chooses, as by URL.",
        examples=["lagoon"],
    )

    options: dict[str, JsonValue] | None = Field(
        default=None,
        description="For DiceBear's styles alone: the options of the style, which /api/styles lists. A value"
        " is a text, a number, a list of these, or an object of weights.",
        examples=[{"eyesVariant": ["variant03"], "backgroundColor": ["b6e3f4"]}],
    )

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_given(cls, fields: Any) -> Any:  # noqa: ANN401 - pydantic refuses what is no object
        if not isinstance(fields, dict) or all(fields.values()):
            return fields
        missing = (None, "")
        known = cls.model_fields
        return {name: value for name, value in fields.items() if name not in known or value not in missing}

    @field_validator("primaryColor", "foreignColor")
    @classmethod
    def _known_colour(cls, value: str | None) -> str | None:
        return value and check_colour(value)

    @field_validator("seed")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value and "\0" in value:
            raise PydanticCustomError("nul", "must not contain the NUL character")
        return value

    @field_validator("palette")
    @classmethod
    def _palette_is_alone(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and any(map(info.data.get, ("primaryColor", "foreignColor", "colorScheme"))):
            raise invalid("is for colours that the seed chooses. Give a palette, a scheme or colours")
        return value

    @field_validator("primaryColor", "foreignColor", "colorScheme", "palette")
    @classmethod
    def _is_an_own_style(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (info.data.get("type") or "pixelize") not in STYLES:
            raise invalid("is for the service's own styles. DiceBear's styles have options")
        return value

    @field_validator("angle")
    @classmethod
    def _angle_has_a_use(cls, value: float | None, info: ValidationInfo) -> float | None:
        # A type that was refused is absent here.
        style = info.data.get("type", _ANGLE_STYLES[0]) or "pixelize"
        if value is not None and style not in _ANGLE_STYLES:
            users = ", ".join(_ANGLE_STYLES)
            raise PydanticCustomError("angle", "is only for the type {users}", {"users": users})
        return value

    @property
    def style(self) -> FoundStyle:
        """The style in the request, or the default."""
        return find_style(self.type or AvatarSpec().generator_type)

    def spec(self) -> AvatarSpec:
        """Return the options as the service uses them. The style must be prepared.

        Raises `InvalidRequest` for options that the style does not have.
        """
        fields: dict[str, Any] = {
            "generator_type": self.type,
            "options": self.style.options_to_store(self.options or {}),
        }
        fields.update((name, getattr(self, JSON_NAMES[name])) for name in SPEC_FIELDS if name not in fields)
        return AvatarSpec(**{name: value for name, value in fields.items() if value is not None})


class GradientOptions(AvatarOptions):
    """What to draw in version 2: a gradient, whose angle is required."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"primaryColor": "#FF6B35", "foreignColor": "gold", "angle": 45}]}
    )

    type: Annotated[str, OneOf(["gradient"]), BeforeValidator(_lower_case)] | None = Field(
        default="gradient", description="In any case, or absent."
    )
    angle: float = Field(
        ge=0, le=360, allow_inf_nan=False, description="Degrees: 0 to the right, 90 downwards.", examples=[45]
    )

    def spec(self) -> AvatarSpec:
        """Return the options of a gradient as the service uses them."""
        return replace(super().spec(), generator_type="gradient")
