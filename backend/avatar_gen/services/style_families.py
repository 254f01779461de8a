"""The families of styles: the service's own, and DiceBear's with those that the operator defines.

A style's name is resolved here once. The style that is found reads its own options. A new family is a class
and a line in `_FAMILIES`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from avatar_gen.avatar import AvatarSpec
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.palette import Filter
from avatar_gen.drawing.styles import STYLES, draw, traits
from avatar_gen.errors import StyleNotServed
from avatar_gen.imaging import DRAWN_TYPES, memory_of
from avatar_gen.imaging.pipeline import draw_picture, draw_pngs
from avatar_gen.services.avatar_input import style_input
from avatar_gen.services.dicebear_style import PREFIX, DicebearStyle
from avatar_gen.services.found_style import Drawer, FoundStyle, Pairs, StyleDescription
from avatar_gen.services.render_options import STYLE_OPTIONS, RenderOptions
from avatar_gen.services.rendering import RenderRequest
from avatar_gen.services.validation import invalid, read_pairs, refuse


@dataclass(frozen=True, slots=True)
class _OwnStyle:
    """A style that the service itself draws."""

    name: str

    @property
    def licence(self) -> None:
        return None

    @property
    def formats(self) -> Sequence[str]:
        return _formats_of(self.name)

    def is_served(self, _licences: frozenset[str]) -> bool:
        return True

    def is_ready(self, _licences: frozenset[str]) -> bool:
        return True

    def prepare(self, _licences: frozenset[str]) -> None:
        """Do nothing."""

    def read(self, pairs: Pairs, format_name: str) -> RenderRequest:
        options = read_pairs(pairs, RenderOptions)
        options.check_style(self.name)
        if format_name not in self.formats:
            refuse("format", f"must be one of {', '.join(self.formats)} for the style {self.name}")
        return RenderRequest(self.name, "", format_name, options)

    @property
    def is_exact(self) -> bool:
        return traits(self.name).exact

    def memory(self, px: int) -> int:
        return memory_of(px, "png")

    def options_to_store(self, options: Mapping[str, object]) -> None:
        if options:
            refuse("options", f"is for DiceBear's styles. The style {self.name} has fields of its own")

    def drawer(self, spec: AvatarSpec, seed: str) -> Drawer:
        drawing = draw(self.name, seed, style_input(spec, seed))

        def draw_at(px: int, format_name: str, recolour: Filter | None) -> bytes:
            return draw_picture(drawing, px, format_name=format_name, recolour=recolour)

        return Drawer(draw_at, partial(draw_pngs, drawing))

    def describe(self) -> StyleDescription:
        style = STYLES[self.name]
        unused = {name for name, option in STYLE_OPTIONS.items() if option not in style.options}
        unused |= set() if style.ground else {"background"}
        options = [name for name in RenderOptions.model_fields if name not in {"size", "shape", *unused}]
        return StyleDescription(self.name, style.title, None, None, options, self.formats)


@cache
def _formats_of(style: str) -> Sequence[str]:
    return tuple(format_name for format_name in DRAWN_TYPES if format_name != "svg" or traits(style).has_svg)


class _OwnFamily:
    """The service's own styles."""

    _styles: Mapping[str, FoundStyle] = {name: _OwnStyle(name) for name in STYLES}

    def find(self, name: str) -> FoundStyle | None:
        return self._styles.get(name)

    def styles(self) -> Iterable[FoundStyle]:
        return self._styles.values()


class _DicebearFamily:
    """DiceBear's styles and the operator's, under their own names and with `dicebear-` before them."""

    def find(self, name: str) -> FoundStyle | None:
        artwork = name.removeprefix(PREFIX)
        return DicebearStyle(artwork) if artwork in dicebear.names() else None

    def styles(self) -> Iterable[FoundStyle]:
        return map(DicebearStyle, dicebear.names())


_FAMILIES = (_OwnFamily(), _DicebearFamily())
"""Where two families have a style of the same name, the first one counts."""


def find_style(name: str) -> FoundStyle:
    """Return the style with this name. Raises `InvalidRequest`."""
    found = _find(name)
    if found is None:
        refuse("style", _UNKNOWN_STYLE)
    return found


def has_style(name: str) -> bool:
    """Return whether a style has this name."""
    return _find(name) is not None


def check_style(name: str) -> str:
    """Return the name of a style in its shortest form, for a model's field."""
    found = _find(name)
    if found is None:
        raise invalid(_UNKNOWN_STYLE)
    return found.name


def _find(name: str) -> FoundStyle | None:
    return next((found for family in _FAMILIES if (found := family.find(name))), None)


_UNKNOWN_STYLE = f"must be one of {', '.join(STYLES)}, or another one that /api/styles lists"


def find_dicebear_style(artwork: str, licences: frozenset[str]) -> DicebearStyle:
    """Return a style by DiceBear's own name. Raises `StyleNotServed`."""
    if artwork not in dicebear.names():
        there = (
            ", ".join(served_dicebear_styles(licences)) or "none, because of the setting dicebear.licenses"
        )
        raise StyleNotServed(f"DiceBear has no style of this name here. There are {there}.")
    return DicebearStyle(artwork)


def served_dicebear_styles(licences: frozenset[str]) -> Sequence[str]:
    """Return DiceBear's own names of the styles that these licences allow, and the operator's styles."""
    return [name for name in dicebear.names() if DicebearStyle(name).is_served(licences)]


def style_names() -> Iterator[str]:
    """Iterate over the names of all styles."""
    return (style.name for family in _FAMILIES for style in family.styles())


def describe_styles(licences: frozenset[str]) -> Sequence[StyleDescription]:
    """Describe every style that these licences allow. The first time this reads many files."""
    return _describe(licences, dicebear.names())


@lru_cache(maxsize=4)
def _describe(licences: frozenset[str], _names: tuple[str, ...]) -> Sequence[StyleDescription]:
    styles = [style for family in _FAMILIES for style in family.styles()]
    return [style.describe() for style in styles if style.is_served(licences)]
