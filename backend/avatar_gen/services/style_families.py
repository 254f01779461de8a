"""The families of styles: the service's own, and DiceBear's with those that the operator defines.

A style's name is resolved here once. The style that is found reads its own options. A new family is a class
and a line in `_FAMILIES`.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Protocol

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import InvalidOption, Value, read_options
from avatar_gen.drawing.frames import ROUNDING
from avatar_gen.drawing.styles import STYLES, traits
from avatar_gen.errors import InvalidRequest, Problem, StyleNotServed
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.services.render_options import STYLE_OPTIONS, CommonOptions, RenderOptions
from avatar_gen.services.rendering import DicebearRequest, PictureRequest, RenderRequest
from avatar_gen.services.validation import read_pairs, refuse

Pairs = Sequence[tuple[str, str]]
"""The names and values of options as text, in the order in which they were given."""


@dataclass(frozen=True, slots=True)
class StyleDescription:
    """A style as the list of styles shows it."""

    name: str
    title: str
    licence: str | None
    """Of the artwork; None for the service's own styles."""
    creator: str | None
    options: Sequence[str]
    """Those that change the picture, beside seed, size and shape."""
    formats: Sequence[str]


class FoundStyle(Hashable, Protocol):
    """A style of any family."""

    @property
    def name(self) -> str:
        """Return its name in a URL."""

    @property
    def licence(self) -> str | None:
        """Return what its artwork is licensed under; None for the service's own styles."""

    @property
    def formats(self) -> Sequence[str]:
        """Return the formats that it can be drawn in."""

    def is_served(self, licences: frozenset[str]) -> bool:
        """Return whether these licences allow the style, for which it may read files."""

    def is_ready(self, licences: frozenset[str]) -> bool:
        """Return whether `prepare` has nothing left to do."""

    def prepare(self, licences: frozenset[str]) -> None:
        """Load the style, for which it may read files. Raises `StyleNotServed` for another licence."""

    def read(self, pairs: Pairs, format_name: str) -> PictureRequest:
        """Return the request of a picture with the seed `""`, once `prepare` has returned.

        Raises `InvalidRequest`.
        """

    def describe(self) -> StyleDescription:
        """Describe the style, for which it may read files."""


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

    def describe(self) -> StyleDescription:
        style = STYLES[self.name]
        unused = {name for name, option in STYLE_OPTIONS.items() if option not in style.options}
        unused |= set() if style.ground else {"background"}
        options = [name for name in RenderOptions.model_fields if name not in {"size", "shape", *unused}]
        return StyleDescription(self.name, style.title, None, None, options, self.formats)


@cache
def _formats_of(style: str) -> Sequence[str]:
    return tuple(format_name for format_name in DRAWN_TYPES if format_name != "svg" or traits(style).has_svg)


_READY: set[tuple[str, frozenset[str]]] = set()
"""The styles of DiceBear that were loaded, each with licences that allow it."""

_BORDER_RADIUS: Mapping[str, list[int | float]] = {"circle": [50], "rounded": [round(100 * ROUNDING, 4)]}
"""The shapes as DiceBear's `borderRadius`, in percent of the width."""


@dataclass(frozen=True, slots=True)
class DicebearStyle:
    """One of DiceBear's styles, or one that the operator defines in the same format."""

    artwork: str
    """DiceBear's or the operator's name for it."""

    @property
    def name(self) -> str:
        """Return its name in a URL."""
        return _PREFIX + self.artwork if self.artwork in STYLES else self.artwork

    @property
    def licence(self) -> str | None:
        """Return what the artwork is licensed under, or None if an operator's style does not say it."""
        return dicebear.artwork(self.artwork).licence

    @property
    def formats(self) -> Sequence[str]:
        """Return every format."""
        return tuple(DRAWN_TYPES)

    def is_served(self, licences: frozenset[str]) -> bool:
        """Return whether these licences allow the style. An operator's own styles are always served."""
        return self.licence in licences or not dicebear.is_built_in(self.artwork)

    def is_ready(self, licences: frozenset[str]) -> bool:
        """Return whether `prepare` has nothing left to do."""
        return (self.artwork, licences) in _READY

    def prepare(self, licences: frozenset[str]) -> None:
        """Load the style. Raises `StyleNotServed` for another licence."""
        if not self.is_served(licences):
            raise StyleNotServed(
                f"The licence of this style, {self.licence}, is not among those in the setting"
                " dicebear.licenses."
            )
        dicebear.options(self.artwork)
        _READY.add((self.artwork, licences))

    def read_as_dicebear(self, pairs: Pairs, format_name: str) -> DicebearRequest:
        """Return what DiceBear's own HTTP API returns for these options. Raises `InvalidRequest`."""
        return DicebearRequest(self.artwork, self._options(pairs), format_name)

    def read(self, pairs: Pairs, format_name: str) -> DicebearRequest:
        """Return the request of a picture with the seed `""`. Raises `InvalidRequest`."""
        common = read_pairs([pair for pair in pairs if pair[0] in CommonOptions.model_fields], CommonOptions)
        own = [pair for pair in pairs if pair[0] not in CommonOptions.model_fields]
        values = self._options(own)
        values["size"] = common.size
        if common.shape != "square" and "borderRadius" in values:
            refuse("shape", "and borderRadius exclude each other")
        # DiceBear cuts the shapes that it knows, as its own API does.
        shape = "square" if common.shape in _BORDER_RADIUS else common.shape
        if common.shape in _BORDER_RADIUS:
            values["borderRadius"] = _BORDER_RADIUS[common.shape]
        values["seed"] = ""
        ordered = dict(sorted(values.items()))
        return DicebearRequest(self.artwork, ordered, format_name, common.filter, shape, own_ids=True)

    def _options(self, pairs: Pairs) -> dict[str, Value]:
        try:
            return read_options(dicebear.options(self.artwork), pairs)
        except InvalidOption as refused:
            problem = Problem(refused.option or "query", str(refused))
            raise InvalidRequest(f"{problem.field} {problem.message}.", (problem,)) from None

    def describe(self) -> StyleDescription:
        """Describe the style, for which it may read files."""
        artwork = dicebear.artwork(self.artwork)
        own = [name for name in dicebear.options(self.artwork) if name not in {"seed", "size"}]
        return StyleDescription(
            self.name, artwork.title, artwork.licence, artwork.creator, ["filter", *own], self.formats
        )


_PREFIX = "dicebear-"
"""May precede the name of any style of DiceBear, and must where one of our own has the same name."""


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
        artwork = name.removeprefix(_PREFIX)
        return DicebearStyle(artwork) if artwork in dicebear.names() else None

    def styles(self) -> Iterable[FoundStyle]:
        return map(DicebearStyle, dicebear.names())


_FAMILIES = (_OwnFamily(), _DicebearFamily())
"""Where two families have a style of the same name, the first one counts."""


def find_style(name: str) -> FoundStyle:
    """Return the style with this name. Raises `InvalidRequest`."""
    found = next((found for family in _FAMILIES if (found := family.find(name))), None)
    if found is None:
        refuse("style", f"must be one of {', '.join(STYLES)}, or another one that /api/styles lists")
    return found


def find_dicebear_style(artwork: str, licences: frozenset[str]) -> DicebearStyle:
    """Return a style by DiceBear's own name. Raises `StyleNotServed`."""
    if artwork not in dicebear.names():
        served = [name for name in dicebear.names() if DicebearStyle(name).is_served(licences)]
        there = ", ".join(served) or "none, because of the setting dicebear.licenses"
        raise StyleNotServed(f"DiceBear has no style of this name here. There are {there}.")
    return DicebearStyle(artwork)


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
