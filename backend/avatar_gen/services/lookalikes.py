"""The styles of this service that stand for those of other services, under the URLs of these."""

from collections.abc import Sequence

ROBOHASH_SETS = {
    "set1": ("voxel-bot", "retro"),
    "set2": ("critters", "retro"),
    "set3": ("pixelbot", "retro"),
    "set4": ("clay", "retro"),
    "set5": ("open-peeps", "smile"),
}
"""RoboHash's sets (robots, monsters, heads of robots, kittens, people) and the most similar styles.

The first style is one of DiceBear's, the second is for operators who do not serve its licence. A change here
changes the pictures of existing users.
"""

BORING_VARIANTS = {
    "marble": "marble",
    "beam": "smile",
    "pixel": "pixelize",
    "sunset": "sunset",
    "ring": "rings",
    "bauhaus": "bauhaus",
    "geometric": "smile",
    "abstract": "bauhaus",
}
"""The variants of boring-avatars, with its two older names, and the most similar styles of this service."""


def robohash_styles(sets: Sequence[str], chosen: int) -> Sequence[str]:
    """Return the styles in place of RoboHash's sets, the preferred one first.

    If there are several sets, the number `chosen` selects one. As at RoboHash, a set that is unknown is left
    out, `any` is one of the first three, and the default is `set1`.
    """
    known = [name for name in sets if name in ROBOHASH_SETS]
    if not known and "any" in sets:
        known = list(ROBOHASH_SETS)[:3]
    return ROBOHASH_SETS[known[chosen % len(known)] if known else "set1"]
