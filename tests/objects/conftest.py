"""A record of the calls by which the stores in a folder write to the disk."""

import os
import stat

import pytest


@pytest.fixture
def disk_events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The syncs of files and folders, and the renames, in the order in which they ended."""
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")

    def noted_rename(source: str, target: str) -> None:
        rename(source, target)
        events.append("rename")

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    return events
