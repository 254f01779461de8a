import errno
import os
import stat
from pathlib import Path

import pytest

from avatar_gen.errors import IdentityLinkDamaged, StorageFull, StorageUnavailable
from avatar_gen.objects.identities import LocalIdentityStore
from avatar_gen.objects.local import LocalStore

MD5, SHA256 = "ab" * 16, "cd" * 32
ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    LocalStore(tmp_path / "avatars").open()
    return tmp_path / "avatars"


@pytest.fixture
def ties(root: Path) -> LocalIdentityStore:
    ties = LocalIdentityStore(root)
    ties.open()
    return ties


@pytest.mark.parametrize("identity", [MD5, SHA256])
def test_what_is_tied_is_found_until_it_is_untied(ties: LocalIdentityStore, identity: str) -> None:
    assert ties.get(identity) is None
    ties.put(identity, ONE)
    assert ties.get(identity) == ONE
    ties.put(identity, OTHER)
    assert ties.get(identity) == OTHER
    assert ties.remove(identity)
    assert ties.get(identity) is None
    assert not ties.remove(identity)


def test_another_process_sees_it_at_once(ties: LocalIdentityStore, root: Path) -> None:
    other = LocalIdentityStore(root)
    other.open()
    ties.put(MD5, ONE)
    assert other.get(MD5) == ONE


def test_objects_do_not_mind_them(ties: LocalIdentityStore, root: Path) -> None:
    ties.put(MD5, ONE)
    assert list(LocalStore(root).ids()) == []


@pytest.mark.parametrize("identity", ["", "ab", MD5.upper(), "../" + "a" * 29, MD5 + "\n", "g" * 32])
def test_what_is_no_hash_has_no_file(ties: LocalIdentityStore, identity: str) -> None:
    for call in (ties.get, ties.remove):
        with pytest.raises(ValueError, match="not an MD5"):
            call(identity)
    with pytest.raises(ValueError, match="not an MD5"):
        ties.put(identity, ONE)


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"avatarId": 5}', '{"avatarId": "x"}', "\xff"])
def test_a_file_that_cannot_be_read_is_damaged(ties: LocalIdentityStore, root: Path, content: str) -> None:
    ties.put(MD5, ONE)
    (root / "identities" / "ab" / f"{MD5}.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(IdentityLinkDamaged):
        ties.get(MD5)
    ties.put(MD5, OTHER)
    assert ties.get(MD5) == OTHER


def test_a_tie_is_on_disk_before_it_is_seen(
    ties: LocalIdentityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def noted_rename(source: str, target: str) -> None:
        events.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    ties.put(MD5, ONE)
    assert events == ["sync file", "rename", "sync folder"]
    events.clear()
    ties.remove(MD5)
    assert events == ["sync folder"]


def test_a_full_disk_leaves_the_old_tie(
    ties: LocalIdentityStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ties.put(MD5, ONE)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            ties.put(MD5, OTHER)
    assert ties.get(MD5) == ONE
    assert list((root / "incoming").iterdir()) == []


def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(
    ties: LocalIdentityStore, root: Path
) -> None:
    root.rename(root.with_name("elsewhere"))
    for call in (ties.get, ties.remove):
        with pytest.raises(StorageUnavailable):
            call(MD5)
    with pytest.raises(StorageUnavailable):
        ties.put(MD5, ONE)
