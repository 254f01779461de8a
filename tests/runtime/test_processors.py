"""Files as the kernel shows them, in a folder of the test's own; the affinity is a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avatar_gen.runtime.processors import usable_processors

AFFINITY = len(os.sched_getaffinity(0))


@pytest.fixture
def many_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with 16 processors, all of which this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)))


def system(root: Path, groups: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.usefixtures("many_processors")
@pytest.mark.parametrize(
    ("groups", "files", "processors"),
    [
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 16),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {}, 16),
        ("", {}, 16),
        # The quota of a group above holds too: systemd's slice, or a pod around its containers.
        (
            "0::/pod/service\n",
            {
                "sys/fs/cgroup/pod/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/pod/service/cpu.max": "max 100000\n",
            },
            2,
        ),
        ("0::/pod/service\n", {"sys/fs/cgroup/pod/service/cpu.max": "300000 100000\n"}, 3),
        # The container's own group is mounted as the top, but it sees another name.
        ("0::/../elsewhere\n", {"sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        (
            "5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n",
            {
                "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            "5:cpu:/docker/1\n0::/\n",
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "25000\n",
            },
            2,
        ),
        (
            "5:cpu:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            16,
        ),
        ("6:cpuset:/\n", {"sys/fs/cgroup/cpuset/cpu.cfs_quota_us": "1\n"}, 16),
        (
            "5:cpu:/\n",
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "10\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "0\n"},
            16,
        ),
    ],
)
def test_a_quota_of_any_control_group_bounds_the_processors(
    tmp_path: Path, groups: str, files: dict[str, str], processors: int
) -> None:
    assert usable_processors(system(tmp_path, groups, files)) == processors


def test_the_affinity_bounds_the_processors() -> None:
    """In a process of its own, which this one's affinity then is not changed by."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from avatar_gen.runtime.processors import usable_processors; print(usable_processors())"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout == "1\n"


def test_this_machine_has_as_many_processors_as_it_lets_us_use() -> None:
    assert 1 <= usable_processors() <= AFFINITY


def test_a_system_without_affinity_has_all_its_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_processors(tmp_path) == 6
