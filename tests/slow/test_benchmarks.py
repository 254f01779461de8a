"""The benchmarks run, and write their report. How fast they are is not a matter of tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of other processes")
@pytest.mark.parametrize(
    ("what", "row"),
    [("requests", "PostgreSQL: generate pixelize"), ("scale", "delete, 1,000 stored")],
)
def test_the_benchmarks_write_a_report(what: str, row: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.run", what, "--effort", "smoke", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    assert row in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
