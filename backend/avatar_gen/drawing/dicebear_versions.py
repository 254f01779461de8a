"""The options of DiceBear 5 to 9, as those of DiceBear 10.

The older releases drew with other random numbers, so the same seed has another picture. What a request sets
by an option stays, as far as release 10 can do it. The names and values are those of the schemas of
`@dicebear/core` and `@dicebear/collection` 9.4.3. Releases 5 to 8 have the same ones, or fewer. As in
DiceBear's API, unknown options are left out.
"""

import re
from collections.abc import Iterable, Mapping

from avatar_gen.drawing.dicebear_options import Choice, InvalidOption, Option, Words

OLD_VERSIONS = ("5", "6", "7", "8", "9")

_RENAMED = {
    "base": "head",
    "blushes": "blush",
    "body": "clothes",
    "bodyIcon": "clothesGraphic",
    "brows": "eyebrows",
    "cheek": "details",
    "clothing": "clothes",
    "clothingGraphic": "clothesGraphic",
    "ear": "ears",
    "face": "head",
    "features": "details",
    "lips": "mouth",
    "ringFive": "ring05",
    "ringFour": "ring04",
    "ringOne": "ring01",
    "ringThree": "ring03",
    "ringTwo": "ring02",
    "shape1": "shape01",
    "shape2": "shape02",
    "shape3": "shape03",
    "shirt": "clothes",
    "sideburn": "sideburns",
}
"""The components whose names have changed."""

_RENAMED_IN = {("open-peeps", "face"): "expression"}

_FIXED = {
    "backgroundRotation": "backgroundColorAngle",
    "backgroundType": "backgroundColorFill",
    "radius": "borderRadius",
}
"""The options of all styles whose names have changed."""

_VALUES = {
    ("backgroundType", "gradientLinear"): "linear",
    ("chars", "1"): "single",
    ("chars", "2"): "double",
    ("flip", "false"): "none",
    ("flip", "true"): "horizontal",
}

_TRANSPARENT = "ffffff00"
_NUMBERED = re.compile(r"variant([1-9])(?:W[0-9]{2})?")
_PERCENT = re.compile(r"[0-9]{1,3}")
_MAX_SCALE = 200


def translate_options(
    style: str, options: Mapping[str, Option], pairs: Iterable[tuple[str, str]]
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the pairs of a query for release 10, and the old name of each name in them.

    `options` are those of the style in release 10. Raises `InvalidOption`.
    """
    found, old_names = [], {}
    for name, value in ((name.removesuffix("[]"), value) for name, value in pairs):
        target = _target(style, options, name)
        if target is None:
            continue
        new = _translate(name, options[target], value)
        if new:
            found.append((target, new))
            old_names[target] = name
    return found, old_names


def _target(style: str, options: Mapping[str, Option], name: str) -> str | None:
    """Return the name of an option in release 10, or None if there is none."""
    part = name.removesuffix("Probability")
    new = _RENAMED_IN.get((style, part)) or _RENAMED.get(part, part)
    names = ("lettersVariant",) if name == "chars" else (_FIXED.get(name, name), f"{name}Variant")
    renamed = f"{new}Probability" if name != part else f"{new}Variant"
    return next((each for each in (*names, renamed) if each in options), None)


def _translate(name: str, option: Option, text: str) -> str:
    if name == "scale":
        return _scale(text)
    words = [_VALUES.get((name, word), word) for word in text.split(",")]
    if isinstance(option, Words):
        words = [_TRANSPARENT if word == "transparent" else word for word in words]
    elif isinstance(option, Choice) and name not in {"backgroundType", "flip"}:
        numbered = (word if word in option.names else _NUMBERED.sub(r"variant0\1", word) for word in words)
        words = [word for word in numbered if word in option.names]
    return ",".join(words)


def _scale(text: str) -> str:
    """Return a scale in percent as a factor."""
    if not _PERCENT.fullmatch(text) or int(text) > _MAX_SCALE:
        raise InvalidOption("scale", f"must be a whole number from 0 to {_MAX_SCALE}, in percent")
    return f"{int(text) / 100:g}"
