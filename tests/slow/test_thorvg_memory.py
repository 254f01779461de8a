"""ThorVG draws random documents without errors of memory. In full size this takes two minutes."""

import shutil
import subprocess
import sys

import pytest

from avatar_gen.drawing import dicebear
from avatar_gen.imaging import thorvg
from tests.slow.size import sized
from tools.thorvg_memory import _resident, check

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")


def test_random_documents_leave_no_memory_behind() -> None:
    assert check(sized(full=10_000, small=500), seed=1, by_valgrind=False) == 0


@pytest.mark.skipif(not shutil.which("valgrind"), reason="this needs valgrind: apt-get install valgrind")
def test_random_documents_read_and_write_only_their_own_memory(capfd: pytest.CaptureFixture[str]) -> None:
    assert check(sized(full=300, small=5), seed=2, by_valgrind=True) == 0
    # It drew all of them.
    assert "documents drawn" in capfd.readouterr().out


def test_memory_does_not_grow_with_pictures() -> None:
    """In a process of its own: 2,000 pictures, and the growth of the last 1,500 of them."""
    code = f"from {__name__} import grow; grow(500); before = grow(1); print(grow(1500) - before)"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    # Pages of the heap come and go; a leak of one 64 px picture each would be 24 MB.
    assert int(result.stdout) < 4_000_000


def grow(pictures: int) -> int:
    """Draw so many pictures. Return the memory of this process in bytes."""
    for seed in range(pictures):
        thorvg.draw(dicebear.draw_svg("lorelei", {"seed": str(seed)}), 64)
    return _resident()
