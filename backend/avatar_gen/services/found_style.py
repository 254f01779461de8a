"""The interface of a style of any family."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from avatar_gen.avatar import AvatarSpec
from avatar_gen.drawing.dicebear import Component
from avatar_gen.drawing.palette import Filter
from avatar_gen.services.rendering import PictureRequest


class Drawer(NamedTuple):
    """Draws one avatar at any width."""

    draw: Callable[[int, str, Filter | None], bytes]
    """Return the picture of a width in px, in a format of `imaging.MEDIA_TYPES`, with a filter if any."""
    pngs: Callable[[Sequence[int]], dict[int, bytes]]
    """Return the pictures of these widths, by their widths: the files of `draw`, in less time if it can."""


Pairs = Sequence[tuple[str, str]]
"""The names and values of options as text, in the order of the request."""


@dataclass(frozen=True, slots=True)
class StyleDescription:
    """A style as the list of styles shows it."""

    name: str
    title: str
    licence: str | None
    """The licence of the artwork; None for the service's own styles."""
    creator: str | None
    options: Sequence[str]
    """The options that change the picture, besides seed, size and shape."""
    formats: Sequence[str]
    components: Sequence[Component] = ()
    """The parts of its pictures whose variants the seed chooses."""


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
        """Return whether `prepare` has been called, or is not needed."""

    def prepare(self, licences: frozenset[str]) -> None:
        """Load the style, for which it may read files. Raises `StyleNotServed` for another licence."""

    def read(self, pairs: Pairs, format_name: str) -> PictureRequest:
        """Return the request of a picture with the seed `""`, once `prepare` has returned.

        Raises `InvalidRequest`.
        """

    @property
    def is_exact(self) -> bool:
        """Return whether a picture is drawn without a renderer."""

    def memory(self, px: int) -> int:
        """Return the most bytes that drawing a PNG takes, `px` wide."""

    def options_to_store(self, options: Mapping[str, object]) -> str | None:
        """Return the options of an avatar as it stores them, once `prepare` has returned.

        Raises `InvalidRequest`.
        """

    def drawer(self, spec: AvatarSpec, seed: str) -> Drawer:
        """Return what draws an avatar with these options at any width.

        Raises `InvalidRequest`, `KeyError` or `UnknownColour` for options that the style does not have.
        """

    def describe(self) -> StyleDescription:
        """Describe the style, for which it may read files."""
