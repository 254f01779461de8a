"""DiceBear's styles, drawn by its own packages: the same SVG, byte for byte.

Styles that an operator defines in the same format are drawn beside them. The packages are large and slow to
import, so each function imports them when it needs them. A style's JSON file is read when the style is first
requested.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from avatar_gen.drawing.dicebear_options import Option, Value, options_of
from avatar_gen.drawing.dicebear_problems import describe_problems

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
    licence: str | None
    """One of `LICENCES`. An operator's style may have another licence, or leave out any of these."""
    licence_url: str | None
    creator: str | None
    creator_url: str | None
    source: str | None
    source_url: str | None


class Component(NamedTuple):
    """A part of a style's pictures, such as the hair.

    Its options are `{name}Variant` and `{name}Probability`.
    """

    name: str
    variants: tuple[str, ...]
    optional: bool
    """Whether some pictures are without it."""


class Credits(NamedTuple):
    """The artwork of a picture, for its metadata. None for what the style does not state."""

    title: str | None
    creator: str | None
    rights: str
    """A sentence with the title, the artist and the licence."""
    licence_url: str | None
    source_url: str | None


_added: dict[str, bytes] = {}
"""The operator's definitions by name."""


def serve_definitions(definitions: Mapping[str, bytes]) -> None:
    """Draw these definitions beside DiceBear's own, instead of those of an earlier call.

    Call this before other threads draw. `problem_of` has found nothing wrong with any of them.
    """
    if definitions == _added:
        return
    _added.clear()
    _added.update(definitions)
    for function in (artwork, components, credits_of, has_filters, options, _load):
        function.cache_clear()


@lru_cache(maxsize=256)
def problem_of(definition: bytes) -> str | None:
    """Return what is wrong with a style definition, in a clause, or None if it can be drawn."""
    from dicebear import Avatar, Style  # noqa: PLC0415
    from dicebear.errors import CircularColorReferenceError, StyleValidationError  # noqa: PLC0415

    try:
        data = json.loads(definition)
        style = Style(data)
        Avatar(style, {"seed": ""})
    except UnicodeDecodeError:
        return "is not text in UTF-8"
    except ValueError as error:
        return f"is not JSON: {error}"
    except RecursionError:
        return "is nested too deeply"
    except StyleValidationError as error:
        return describe_problems(error.details)
    except CircularColorReferenceError as error:
        return f"has colors that refer to each other in a circle: {', '.join(error.chain)}"
    return _unknown_name(
        data, {"component": set(style.components()), "color": {*style.colors(), "background"}}
    )


def _unknown_name(part: object, known: Mapping[str, set[str]]) -> str | None:
    """Return the first reference to a component or color that a definition does not have, in a clause."""
    if isinstance(part, dict):
        kind, name = part.get("type"), part.get("name")
        if isinstance(kind, str) and kind in known and name not in known[kind]:
            return f"refers to the {kind} {name}, which it does not define"
    elif not isinstance(part, list):
        return None
    below = part.values() if isinstance(part, dict) else part
    return next((found for each in below if (found := _unknown_name(each, known))), None)


def names() -> tuple[str, ...]:
    """Return the names of all styles: DiceBear's own, sorted, then the operator's."""
    return (*built_in_names(), *added_names())


def added_names() -> tuple[str, ...]:
    """Return the names of the operator's styles."""
    return tuple(_added)


def is_built_in(name: str) -> bool:
    """Return whether a style, one of `names()`, is DiceBear's own."""
    return name not in _added


def release_of(name: str) -> str:
    """Return a text that changes whenever the pictures of a style, one of `names()`, may change."""
    if is_built_in(name):
        return RELEASE
    return f"{RELEASE}-{blake2b(_added[name], digest_size=8).hexdigest()}"


@cache
def built_in_names() -> tuple[str, ...]:
    """Return the names of DiceBear's own styles, sorted."""
    found = (path.name.removesuffix(".json") for path in files("dicebear_styles").iterdir())
    return tuple(sorted(name for name in found if not name.startswith("_") and "." not in name))


@cache
def artwork(name: str) -> Artwork:
    """Return the artist and the licence of a style, one of `names()`."""
    meta = _definition(name).get("meta", {})
    licence, creator, source = (meta.get(part, {}) for part in ("license", "creator", "source"))
    return Artwork(
        name=name,
        title=name.replace("-", " ").title(),
        # One style's licence ends with a full stop, the others do not.
        licence=licence["name"].removesuffix(".") if "name" in licence else None,
        licence_url=licence.get("url"),
        creator=creator.get("name"),
        creator_url=creator.get("url"),
        source=source.get("name"),
        source_url=source.get("url"),
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
    return options_of(_descriptor(name))


def describe_options(name: str) -> bytes:
    """Return DiceBear's own description of the options of a style, one of `names()`, as JSON."""
    known = options(name)
    return json.dumps({each: field for each, field in _descriptor(name).items() if each in known}).encode()


def definition_file(name: str) -> bytes:
    """Return the definition of a style, one of `names()`, as it was published."""
    return _file(name)


def _descriptor(name: str) -> dict[str, dict[str, Any]]:
    from dicebear import OptionsDescriptor  # noqa: PLC0415 - the import is slow

    return OptionsDescriptor(_style(name)).to_json()


@cache
def components(name: str) -> tuple[Component, ...]:
    """Return the components of a style, one of `names()`, whose variants the seed chooses."""
    found = _style(name).components().values()
    return tuple(
        Component(each.name(), tuple(each.variants()), optional=each.probability() < 100)
        for each in found
        if each.extends_name() is None
    )


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

    The constructor would check the definition against a JSON schema, which is slow. The lock file's hash
    proves that the definition is the published one, and `problem_of` has checked an operator's. This relies
    on the constructor's private attributes: the dependency is pinned, and a test compares them.
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
    return _added.get(name) or files("dicebear_styles").joinpath(f"{name}.json").read_bytes()
