"""The curated palettes that requests can name: the built-in ones, and those of the settings."""

from collections.abc import Mapping, Sequence

from avatar_gen.avatar import ANY_PALETTE
from avatar_gen.drawing.palette import UnknownColour, parse_colour
from avatar_gen.drawing.palettes import PALETTES, CuratedPalette, UnusablePalette, build_palette
from avatar_gen.errors import SettingsError
from avatar_gen.services.validation import invalid

_SERVED: dict[str, CuratedPalette] = dict(PALETTES)
"""The palettes of this process, which has one set of settings."""


def serve_palettes(own: Mapping[str, Sequence[str]]) -> None:
    """Serve the palettes of the settings beside the built-in ones, instead of those of an earlier call.

    Raises `SettingsError` for a palette that cannot be used.
    """
    built = {name: _build(name, colours) for name, colours in own.items()}
    _SERVED.clear()
    _SERVED.update({**PALETTES, **built})


def _build(name: str, colours: Sequence[str]) -> CuratedPalette:
    if name in PALETTES or name == ANY_PALETTE:
        raise SettingsError(f"palettes.{name}: is the name of a built-in palette; choose another one")
    try:
        return build_palette(name, tuple(map(parse_colour, colours)))
    except (UnknownColour, UnusablePalette) as error:
        raise SettingsError(f"palettes.{name}: {error}") from None


def served_palettes() -> Mapping[str, CuratedPalette]:
    """Return the palettes by name."""
    return _SERVED


def check_palette(name: str) -> str:
    """Return the name of a palette, or `ANY_PALETTE`, for a model's field."""
    if name != ANY_PALETTE:
        find_palette(name)
    return name


def find_palette(name: object) -> CuratedPalette | None:
    """Return the palette with this name, for a model's field."""
    if name is None or isinstance(name, CuratedPalette):
        return name
    palette = _SERVED.get(name) if isinstance(name, str) else None
    if palette is None:
        raise invalid(f"must be one of {', '.join(_SERVED)}")
    return palette
