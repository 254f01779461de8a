import errno
import os
import time
from pathlib import Path

import pytest

from avatar_gen.errors import IdentityLinkDamaged, StorageFull, StorageUnavailable, TooManyIdentityLinks
from avatar_gen.objects.local import LocalStore
from avatar_gen.objects.local_identities import LocalIdentityStore

MD5, SHA256 = "ab" * 16, "cd" * 32
ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    LocalStore(tmp_path / "avatars").prepare()
    return tmp_path / "avatars"


@pytest.fixture
def links(root: Path) -> LocalIdentityStore:
    links = LocalIdentityStore(root)
    links.prepare()
    return links


def test_another_process_sees_a_link_at_once(links: LocalIdentityStore, root: Path) -> None:
    other = LocalIdentityStore(root)
    other.prepare()
    links.put(MD5, ONE)
    assert other.get(MD5) == ONE


def test_links_are_not_listed_as_objects(links: LocalIdentityStore, root: Path) -> None:
    links.put(MD5, ONE)
    assert list(LocalStore(root).ids()) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"avatarId": 5}', '{"avatarId": "x"}', "\xff"])
def test_a_file_that_cannot_be_read_is_damaged(links: LocalIdentityStore, root: Path, content: str) -> None:
    links.put(MD5, ONE)
    (root / "identities" / "ab" / f"{MD5}.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(IdentityLinkDamaged):
        links.get(MD5)
    links.put(MD5, OTHER)
    assert links.get(MD5) == OTHER


def test_a_link_is_on_disk_before_it_is_seen(links: LocalIdentityStore, disk_events: list[str]) -> None:
    links.put(MD5, ONE)
    note, link = ["sync file", "sync folder"], ["sync file", "rename", "sync folder"]
    assert disk_events == [*note, *link]
    disk_events.clear()
    links.remove(MD5)
    replaced, removed, link_and_note = link, link, ["sync folder"] * 2
    assert disk_events == [*replaced, *removed, *link_and_note]


def test_a_full_disk_leaves_the_old_link(
    links: LocalIdentityStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links.put(MD5, ONE)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            links.put(MD5, OTHER)
    assert links.get(MD5) == ONE
    assert list((root / "incoming").iterdir()) == []


def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(
    links: LocalIdentityStore, root: Path
) -> None:
    root.rename(root.with_name("elsewhere"))
    for call in (links.get, links.remove):
        with pytest.raises(StorageUnavailable):
            call(MD5)
    with pytest.raises(StorageUnavailable):
        links.put(MD5, ONE)


@pytest.mark.parametrize("kind", ["pipe", "folder", "sparse"])
def test_odd_files_are_damaged_links(links: LocalIdentityStore, root: Path, kind: str) -> None:
    path = root / "identities" / "ab" / f"{MD5}.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 1_500_000_000)
    with pytest.raises(IdentityLinkDamaged):
        links.get(MD5)


@pytest.mark.parametrize(
    "content", ['{"format": 1e999, "avatarId": "x"}', "[" * 5000, f'{{"format": 2, "avatarId": "{ONE}"}}']
)
def test_odd_records_are_damaged_links(links: LocalIdentityStore, root: Path, content: str) -> None:
    (root / "identities" / "ab" / f"{MD5}.json").write_text(content[:4096])
    with pytest.raises(IdentityLinkDamaged):
        links.get(MD5)


def test_their_number_is_bounded(root: Path) -> None:
    links = LocalIdentityStore(root, max_links=2 * 256)
    links.prepare()
    first, second, third = (f"ab{number:030x}" for number in range(3))
    links.put(first, ONE)
    links.put(second, ONE)
    with pytest.raises(TooManyIdentityLinks):
        links.put(third, ONE)
    links.put(first, OTHER)
    assert links.get(first) == OTHER
    links.remove(second)
    links.put(third, ONE)
    links.put("cd" * 16, ONE)


def test_a_note_that_a_killed_process_left_is_no_link(links: LocalIdentityStore, root: Path) -> None:
    note = root / "identities" / ONE[:2] / f"{ONE}.{MD5}"
    note.touch()
    assert not links.is_linked(ONE)
    assert not note.exists()


def test_a_link_of_an_older_release_is_never_reported_as_replaced(
    links: LocalIdentityStore, root: Path
) -> None:
    links.put(MD5, ONE, personal=True)
    (root / "identities" / ONE[:2] / f"{ONE}.{MD5}").unlink()
    links.put(MD5, OTHER)
    assert links.replaced() == []


def test_a_damaged_link_may_be_a_link_to_any_avatar(links: LocalIdentityStore, root: Path) -> None:
    links.put(MD5, ONE)
    (root / "identities" / "ab" / f"{MD5}.json").write_bytes(b"{")
    assert links.is_linked(ONE)


def test_a_removal_is_forgotten_after_two_days(links: LocalIdentityStore, root: Path) -> None:
    links.put(MD5, ONE)
    links.remove(MD5)
    removed = root / "identities" / "removed" / MD5
    links.sweep()
    assert links.state(MD5) == removed.read_text() != ""
    days_ago = time.time() - 49 * 3600
    os.utime(removed, (days_ago, days_ago))
    links.sweep()
    assert links.state(MD5) == ""


def test_an_avatar_has_an_id_that_leads_nowhere_else(links: LocalIdentityStore) -> None:
    for use in (links.is_linked, lambda each: links.put(MD5, each)):
        with pytest.raises(ValueError, match="not a canonical UUID"):
            use("../" + ONE)
