"""What docs/styles.md shows of the styles is so."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing.styles import STYLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "styles.md").read_text(encoding="utf-8")
SHEETS = runpy.run_path(str(ROOT / "docs" / "styles.py"))


def test_every_style_has_a_section_with_its_number_and_sheets() -> None:
    assert re.findall(r"^## `(.*)`$", PAGE, re.MULTILINE) == list(STYLES)
    for style in STYLES:
        section = PAGE.split(f"\n## `{style}`\n")[1].split("\n## ")[0]
        assert re.search(r"\*\*[0-9,]+\*\* different pictures?", section)
        assert f"](styles/{style}.webp)" in section
        assert f"](styles/{style}-256.webp)" in section


@pytest.mark.parametrize("style", STYLES)
def test_the_sheets_are_what_the_styles_draw(style: str) -> None:
    """Where they are not, `make gallery` redraws them; another renderer may smooth a little otherwise.

    Sheets that are kept with loss are 2 off; other pictures would be 10 or more.
    """
    drawn = np.asarray(SHEETS["small"](style)).astype(int)
    shown = np.asarray(Image.open(ROOT / "docs" / "styles" / f"{style}.webp").convert("RGB")).astype(int)
    assert shown.shape == drawn.shape
    assert np.abs(shown - drawn).mean() < 3


def test_the_sheets_are_light_enough_for_a_page() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "styles").glob("*.webp")) < 2_700_000
    assert all(path.stat().st_size < 150_000 for path in (ROOT / "docs" / "decisions").glob("*.webp"))


def test_the_count_of_distinct_pictures_runs() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.distinct",
        "--seeds",
        "50",
        "--sample",
        "20",
        "retro",
        "rings",
    ]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == [
        "retro: 50 of 50 seeds, 20 of 20 by pixels",
        "rings: 50 of 50 seeds, 20 of 20 by pixels",
    ]
