"""How many processors this process may use: CPU affinity and the quota of its control groups count."""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def usable_processors(root: Path = Path("/")) -> int:
    """Return the number of processors this process may keep busy, at least 1.

    A container's `cpus: 1` is a quota of a control group, which `os.cpu_count()` does not see. A quota of 1.5
    processors counts as 2. `root` is the folder that holds `proc` and `sys`.
    """
    return max(1, min([_in_affinity(), *map(math.ceil, _quotas(root))]))


def _in_affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """The quotas that apply, in processors: each group's, and those of all groups above it."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, group = line.split(":", 2)
        if number == "0":
            for folder in _with_parents(root / "sys/fs/cgroup", group):
                # "max 100000" if there is no quota.
                yield from _ratio(*_read(folder / "cpu.max").split())
        elif "cpu" in controllers.split(","):
            for folder in _with_parents(root / "sys/fs/cgroup" / controllers, group):
                # "-1" if there is no quota.
                yield from _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _with_parents(mount: Path, group: str) -> Iterator[Path]:
    """The folder of a control group and of those above it, as far as the container has them mounted.

    A container can see itself as `/../other`, or have its own group mounted as the top: a folder that is not
    there has no quota.
    """
    parts = [part for part in PurePosixPath(group).parts if part not in {"/", ".."}]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _ratio(quota: str = "", period: str = "") -> Iterator[float]:
    quota, period = quota.strip(), period.strip()
    if quota.isdecimal() and period.isdecimal() and int(period):
        yield int(quota) / int(period)


def _read(file: Path) -> str:
    """The text of a file; nothing if it is not there or cannot be read."""
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
