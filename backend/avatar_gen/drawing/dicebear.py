"""DiceBear's styles, drawn by its own packages: the same SVG, byte for byte.

The packages are large and slow to import, so each function imports them when it needs them. A style's JSON
file is read when the style is first requested.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from avatar_gen.drawing.dicebear_options import Option, Value, options_of

if TYPE_CHECKING:
    from dicebear import Avatar, Style

LICENCES = ("CC0 1.0", "MIT", "CC BY 4.0", "Free for personal and commercial use")
"""The licences of the styles."""

RELEASE = "/".join(version(f"dicebear-{package}") for package in ("core", "styles"))
"""The releases of the packages. Another release may draw another picture."""

_loading = Lock()


@dataclass(frozen=True, slots=True)
class Artwork:
    """A style's name, artist and licence."""

    name: str
    title: str
    licence: str
    """One of `LICENCES`."""
    licence_url: str
    creator: str
    creator_url: str
    source: str
    source_url: str


class Credits(NamedTuple):
    """What the metadata of a picture say about its artwork. None for what the style does not say."""

    title: str | None
    creator: str | None
    rights: str
    """A sentence with the title, the artist and the licence."""
    licence_url: str | None
    source_url: str | None


@cache
def names() -> tuple[str, ...]:
    """Return the names of all styles, sorted."""
    found = (path.name.removesuffix(".json") for path in files("dicebear_styles").iterdir())
    return tuple(sorted(name for name in found if not name.startswith("_") and "." not in name))


@cache
def artwork(name: str) -> Artwork:
    """Return the artist and the licence of a style, one of `names()`."""
    meta = _definition(name)["meta"]
    return Artwork(
        name=name,
        title=name.replace("-", " ").title(),
        # One style's licence ends with a full stop, the others do not.
        licence=meta["license"]["name"].removesuffix("."),
        licence_url=meta["license"]["url"],
        creator=meta["creator"]["name"],
        creator_url=meta["creator"]["url"],
        source=meta["source"]["name"],
        source_url=meta["source"]["url"],
    )


@cache
def credits_of(name: str) -> Credits:
    """Return the credits of a style, one of `names()`, as the metadata of its SVG have them."""
    from dicebear.utils.license import License  # noqa: PLC0415 - the import is slow

    meta = _style(name).meta()
    return Credits(
        meta.source().name(),
        meta.creator().name(),
        License.text(meta),
        meta.license().url(),
        meta.source().url(),
    )


@cache
def has_filters(name: str) -> bool:
    """Return whether pictures of a style, one of `names()`, may use SVG filters."""
    return b'"filter"' in _file(name)


@cache
def options(name: str) -> Mapping[str, Option]:
    """Return the options of a style, one of `names()`. The seed is one of them."""
    from dicebear import OptionsDescriptor  # noqa: PLC0415 - the import is slow

    return options_of(OptionsDescriptor(_style(name)).to_json())


def draw_svg(name: str, chosen: Mapping[str, Value]) -> str:
    """Return the SVG of an avatar in a style, one of `names()`, with values that its `options` read."""
    return _avatar(name, chosen).to_string()


def draw_json(name: str, chosen: Mapping[str, Value]) -> str:
    """Return `{"svg": ..., "options": ...}` with the options that the seed chose, as DiceBear's API does."""
    return json.dumps(_avatar(name, chosen).to_json(), ensure_ascii=False, separators=(",", ":"))


def _avatar(name: str, chosen: Mapping[str, Value]) -> "Avatar":
    from dicebear import Avatar  # noqa: PLC0415

    return Avatar(_style(name), {"seed": "", **chosen})


def _style(name: str) -> "Style":
    with _loading:
        return _load(name)


@cache
def _load(name: str) -> "Style":
    """Return a style that several threads may use.

    The constructor would check the definition against a JSON schema, which takes 100 times as long. The lock
    file's hash proves that the definition is the published one. This relies on the constructor's private
    attributes: the dependency is pinned, and a test compares them.
    """
    from dicebear import Style  # noqa: PLC0415

    style = Style.__new__(Style)
    vars(style).update(_data=_definition(name), _meta=None, _canvas=None, _components=None, _colors=None)
    # A style publishes its components before the list is complete, so it is completed here, in one thread.
    style.components()
    return style


def _definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(_file(name))
    return definition


def _file(name: str) -> bytes:
    return files("dicebear_styles").joinpath(f"{name}.json").read_bytes()
