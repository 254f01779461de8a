"""A style of DiceBear, or one that the operator defines in the same format."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from avatar_gen.avatar import MAX_OPTIONS_LENGTH, AvatarSpec, write_options
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import InvalidOption, Value, pairs_of, read_options
from avatar_gen.drawing.dicebear_versions import translate_options
from avatar_gen.drawing.frames import ROUNDING
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import StyleNotServed
from avatar_gen.imaging import DRAWN_TYPES, memory_of
from avatar_gen.services.found_style import Drawer, Pairs, StyleDescription
from avatar_gen.services.render_options import CommonOptions
from avatar_gen.services.rendering import DicebearRequest
from avatar_gen.services.validation import read_pairs, refuse

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
        return PREFIX + self.artwork if self.artwork in STYLES else self.artwork

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
        """Return whether `prepare` has been called, or is not needed."""
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

    def read_as_old_dicebear(self, pairs: Pairs, format_name: str) -> DicebearRequest:
        """Return the picture for the options of releases 5 to 9. Raises `InvalidRequest`."""
        try:
            translated, old_names = translate_options(self.artwork, dicebear.options(self.artwork), pairs)
        except InvalidOption as refused:
            refuse(refused.option or "query", str(refused))
        return DicebearRequest(self.artwork, self._options(translated, old_names), format_name)

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

    def _options(self, pairs: Pairs, client_names: Mapping[str, str] | None = None) -> dict[str, Value]:
        """Read options. Errors use the client's names for them, where these are others."""
        try:
            return read_options(dicebear.options(self.artwork), pairs)
        except InvalidOption as refused:
            name = refused.option or "query"
            refuse((client_names or {}).get(name, name), str(refused))

    @property
    def is_exact(self) -> bool:
        """Return False: a renderer draws each picture."""
        return False

    def memory(self, px: int) -> int:
        """Return the most bytes that drawing a PNG takes, `px` wide."""
        return memory_of(px, "png", filtered=dicebear.has_filters(self.artwork))

    def options_to_store(self, options: Mapping[str, object]) -> str:
        """Return the options of an avatar as it stores them. Raises `InvalidRequest`."""
        text = write_options(self._stored_options(options))
        if len(text) > MAX_OPTIONS_LENGTH:
            refuse("options", f"must have at most {MAX_OPTIONS_LENGTH} characters as JSON")
        return text

    def drawer(self, spec: AvatarSpec, seed: str) -> Drawer:
        """Return what draws an avatar with these options. Raises `InvalidRequest`."""
        options = self._stored_options(json.loads(spec.options) if spec.options else {})
        request = DicebearRequest(self.artwork, options, "png").with_seed(seed)
        return Drawer(request.draw_at, lambda widths: {px: request.draw_at(px, "png", None) for px in widths})

    def _stored_options(self, options: Mapping[str, object]) -> dict[str, Value]:
        """Read the options of an avatar, which has its seed and its sizes elsewhere."""
        known = {
            name: each for name, each in dicebear.options(self.artwork).items() if name not in _ELSEWHERE
        }
        try:
            return read_options(known, pairs_of(known, options))
        except InvalidOption as refused:
            refuse(f"options.{refused.option}" if refused.option else "options", str(refused))

    def describe(self) -> StyleDescription:
        """Describe the style, for which it may read files."""
        artwork = dicebear.artwork(self.artwork)
        own = [name for name in dicebear.options(self.artwork) if name not in _ELSEWHERE]
        return StyleDescription(
            self.name,
            artwork.title,
            artwork.licence,
            artwork.creator,
            ["filter", *own],
            self.formats,
            dicebear.components(self.artwork),
        )


_ELSEWHERE = frozenset({"seed", "size"})
"""The options of DiceBear that the service has for all styles."""

PREFIX = "dicebear-"
"""An optional prefix of the name of DiceBear's styles. It is needed if one of our own has the same name."""
