"""DiceBear's styles, drawn by its own packages: the same SVG, byte for byte.

The packages hold some sixty styles in 5 MB of JSON, and take 70 ms and 10 MB to import: both are read when a
style is first asked for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

from avatar_gen.drawing.dicebear_options import Option, Value, options_of

if TYPE_CHECKING:
    from dicebear import Avatar, Style

LICENCES = ("CC0 1.0", "MIT", "CC BY 4.0", "Free for personal and commercial use")
"""What the styles are licensed under."""

RELEASE = "/".join(version(f"dicebear-{package}") for package in ("core", "styles"))
"""Of the packages: another one may draw another picture."""

_loading = Lock()


@dataclass(frozen=True, slots=True)
class Artwork:
    """A style's name and whose work it is."""

    name: str
    title: str
    licence: str
    """One of `LICENCES`."""
    licence_url: str
    creator: str
    creator_url: str
    source: str
    source_url: str


@cache
def names() -> tuple[str, ...]:
    """The names of all styles, sorted."""
    found = (path.name.removesuffix(".json") for path in files("dicebear_styles").iterdir())
    return tuple(sorted(name for name in found if not name.startswith("_") and "." not in name))


@cache
def artwork(name: str) -> Artwork:
    """What is said of a style, one of `names()`."""
    meta = _definition(name)["meta"]
    return Artwork(
        name=name,
        title=name.replace("-", " ").title(),
        # One has a full stop at its end, where its sisters have none.
        licence=meta["license"]["name"].removesuffix("."),
        licence_url=meta["license"]["url"],
        creator=meta["creator"]["name"],
        creator_url=meta["creator"]["url"],
        source=meta["source"]["name"],
        source_url=meta["source"]["url"],
    )


@cache
def has_filters(name: str) -> bool:
    """Whether pictures of a style, one of `names()`, may use SVG filters."""
    return b'"filter"' in _file(name)


@cache
def options(name: str) -> Mapping[str, Option]:
    """What a style, one of `names()`, may be asked for beside its seed, which is among them."""
    from dicebear import OptionsDescriptor  # noqa: PLC0415 - as late as possible: see above

    return options_of(OptionsDescriptor(_style(name)).to_json())


def draw_svg(name: str, chosen: Mapping[str, Value]) -> str:
    """An avatar of a style, one of `names()`, with what its `options` read. Takes 0.1 to 1.3 ms."""
    return _avatar(name, chosen).to_string()


def draw_json(name: str, chosen: Mapping[str, Value]) -> str:
    """The same with what the seed chose, as DiceBear's API spells it: `{"svg": ..., "options": {...}}`."""
    return json.dumps(_avatar(name, chosen).to_json(), ensure_ascii=False, separators=(",", ":"))


def _avatar(name: str, chosen: Mapping[str, Value]) -> "Avatar":
    from dicebear import Avatar  # noqa: PLC0415

    return Avatar(_style(name), {"seed": "", **chosen})


def _style(name: str) -> "Style":
    with _loading:
        return _load(name)


@cache
def _load(name: str) -> "Style":
    """A style, ready for threads.

    Not by its constructor, which checks the definition against its schema: 170 ms for `lorelei`, 9 s for all.
    A hash in the lock file says that it is the one that DiceBear published.
    """
    from dicebear import Style  # noqa: PLC0415

    style = Style.__new__(Style)
    vars(style).update(_data=_definition(name), _meta=None, _canvas=None, _components=None, _colors=None)
    # It shows its components to others while it still gathers them, so that is done before there are any.
    style.components()
    return style


def _definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(_file(name))
    return definition


def _file(name: str) -> bytes:
    return files("dicebear_styles").joinpath(f"{name}.json").read_bytes()
