"""ThorVG draws random documents without errors of memory. In full size this takes two minutes."""

import shutil
import sys

import pytest

from tests.slow.size import sized
from tools.thorvg_memory import check

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")


def test_random_documents_leave_no_memory_behind() -> None:
    assert check(sized(full=10_000, small=500), seed=1, by_valgrind=False) == 0


@pytest.mark.skipif(not shutil.which("valgrind"), reason="this needs valgrind: apt-get install valgrind")
def test_random_documents_read_and_write_only_their_own_memory(capfd: pytest.CaptureFixture[str]) -> None:
    assert check(sized(full=300, small=10), seed=2, by_valgrind=True) == 0
    # It drew all of them.
    assert "documents drawn" in capfd.readouterr().out
