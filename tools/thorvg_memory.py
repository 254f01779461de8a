"""Look for errors of memory in ThorVG: `python -m tools.thorvg_memory [--documents N] [--valgrind]`.

The command writes SVG documents of this service and of DiceBear with random seeds, options and sizes, which
ThorVG then draws in another process. It ends with status 1 if that process grows. Valgrind also finds reads
and writes outside of blocks and values that were never set, and takes a second for each document.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from avatar_gen.imaging import svg, thorvg

WIDTHS = (16, 31, 64, 100, 128, 256, 512)

HIGHEST_GROWTH = 8_000_000
"""Bytes by which a process may grow from the first fifth of the documents to the last. Pages come and go."""


def documents(chance: random.Random) -> Iterator[tuple[str, int]]:
    """Yield random documents that ThorVG draws, with widths in px. Half of them are DiceBear's."""
    while True:
        width = chance.choice(WIDTHS)
        document = chance.choice((_ours, _dicebear))(chance, width)
        if svg.suits_thorvg(document):
            yield document, width


def _ours(chance: random.Random, width: int) -> str:
    from avatar_gen.drawing.drawing import Vector  # noqa: PLC0415 - valgrind runs what is imported above
    from avatar_gen.drawing.styles import STYLES, draw, traits  # noqa: PLC0415
    from avatar_gen.drawing.svg import document  # noqa: PLC0415
    from avatar_gen.services.render_options import RenderOptions  # noqa: PLC0415

    style = chance.choice([name for name in STYLES if not traits(name).exact])
    seed = _text(chance)
    options = RenderOptions(hue=chance.randrange(360)) if chance.random() < 0.5 else RenderOptions()
    drawing = draw(style, seed, options.style_input(style, seed))
    assert isinstance(drawing, Vector)  # noqa: S101 - the others are exact
    shape = chance.choice(("square", "circle", "rounded", "squircle", "hexagon"))
    return document(drawing.at(width), drawing.palette, width, shape, "x")  # type: ignore[arg-type]


def _dicebear(chance: random.Random, _width: int) -> str:
    from avatar_gen.drawing import dicebear  # noqa: PLC0415
    from avatar_gen.drawing.dicebear_options import Words  # noqa: PLC0415

    style = chance.choice(dicebear.names())
    known = dicebear.options(style)
    # The other words are fonts and tags.
    free = [name for name in sorted(known) if name.endswith("Color") or not isinstance(known[name], Words)]
    chosen = chance.sample(free, k=chance.randrange(8))
    values = {name: known[name].read([_value(chance, known[name])]) for name in chosen}
    return dicebear.draw_svg(style, {**values, "seed": _text(chance)})


def _value(chance: random.Random, option: object) -> str:
    """Return a value of an option of DiceBear's as text."""
    from avatar_gen.drawing.dicebear_options import Choice, Numbers, Text  # noqa: PLC0415

    if isinstance(option, Choice):
        return chance.choice(option.names)
    if isinstance(option, Numbers):
        number = chance.uniform(option.lowest, option.highest)
        return f"{round(number)}" if option.whole else f"{number:.3f}"
    return _text(chance) if isinstance(option, Text) else f"{chance.randrange(16**6):06x}"


def _text(chance: random.Random) -> str:
    return "".join(chance.choice("ab <&\"'éЖ漢🙂") for _ in range(chance.randrange(1, 12)))


def draw(file: Path) -> None:
    """Draw the documents of a file. Raises `SystemExit` if this process grows."""
    drawn = json.loads(file.read_text(encoding="utf-8"))
    start = 0
    for number, (document, width) in enumerate(drawn):
        if number == len(drawn) // 5:
            start = _resident()
        thorvg.draw(document, width)
    growth = _resident() - start
    print(
        f"{len(drawn):,} documents drawn; memory grew by {growth / 1e6:.1f} MB to {_resident() / 1e6:.0f} MB"
    )
    if growth > HIGHEST_GROWTH:
        raise SystemExit(1)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def errors_in_thorvg(report: Path) -> list[str]:
    """Return the errors in a report of valgrind whose stack has a function of ThorVG."""
    return [
        f"{error.findtext('kind')}: {error.findtext('what') or error.findtext('xwhat/text')}"
        for error in ET.parse(report).iter("error")  # noqa: S314 - valgrind wrote it
        if any("libthorvg" in (frame.findtext("obj") or "") for frame in error.iter("frame"))
    ]


def check(number: int, seed: int, *, by_valgrind: bool) -> int:
    """Draw this number of documents in another process, and return its status."""
    with tempfile.TemporaryDirectory() as folder:
        file, report = Path(folder, "documents"), Path(folder, "report")
        file.write_text(json.dumps(list(islice(documents(random.Random(seed)), number))), encoding="utf-8")  # noqa: S311
        command = [sys.executable, "-m", "tools.thorvg_memory", "--draw", str(file)]
        if not by_valgrind:
            return subprocess.run(command, check=False).returncode  # noqa: S603
        valgrind = [
            "valgrind",
            "--quiet",
            "--xml=yes",
            f"--xml-file={report}",
            "--child-silent-after-fork=yes",
        ]
        environ = {**os.environ, "PYTHONMALLOC": "malloc"}
        status = subprocess.run(valgrind + command, env=environ, check=False).returncode  # noqa: S603
        found = errors_in_thorvg(report)
    print(*found, f"{len(found)} errors in ThorVG", sep="\n")
    # Valgrind's own memory grows, so 1 is no error here. Any other status is a crash.
    return int(bool(found) or status not in {0, 1})


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--valgrind", action="store_true")
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        draw(options.draw)
    else:
        raise SystemExit(check(options.documents, options.seed, by_valgrind=options.valgrind))


if __name__ == "__main__":
    main()
