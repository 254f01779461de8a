"""What every `ObjectStore` and `IdentityStore` guarantees. A new implementation adds one line here."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest

from avatar_gen.errors import AvatarNotFound, IdentityLinkChanged, ObjectDamaged
from avatar_gen.objects import IdentityStore, ObjectStore, Opened, Replaced
from avatar_gen.objects.cloud import CloudStore
from avatar_gen.objects.cloud_identities import CloudIdentityStore
from avatar_gen.objects.local import LocalStore
from avatar_gen.objects.local_identities import LocalIdentityStore

MD5, SHA256 = "ab" * 16, "cd" * 32
ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def local(folder: Path, *, threaded: bool = False) -> ObjectStore:
    store = LocalStore(folder / "avatars", threaded=threaded)
    store.prepare()
    return store


def threaded(folder: Path) -> ObjectStore:
    return local(folder, threaded=True)


def local_identities(folder: Path, *, threaded: bool = False) -> IdentityStore:
    LocalStore(folder / "avatars").prepare()
    store = LocalIdentityStore(folder / "avatars", threaded=threaded)
    store.prepare()
    return store


def threaded_identities(folder: Path) -> IdentityStore:
    return local_identities(folder, threaded=True)


STORES: dict[str, Callable[[Path], ObjectStore]] = {"local": local, "threaded": threaded}
IDENTITY_STORES: dict[str, Callable[[Path], IdentityStore]] = {
    "local": local_identities,
    "threaded": threaded_identities,
}


@pytest.fixture(params=[*STORES, "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        cloud = CloudStore(request.getfixturevalue("s3").bucket(), "s3")
        cloud.prepare()
        return cloud
    return STORES[request.param](tmp_path)


@pytest.fixture(params=[*IDENTITY_STORES, "s3"])
def identities(request: pytest.FixtureRequest, tmp_path: Path) -> IdentityStore:
    if request.param == "s3":
        bucket = request.getfixturevalue("s3").bucket()
        CloudStore(bucket, "s3").prepare()
        return CloudIdentityStore(bucket)
    return IDENTITY_STORES[request.param](tmp_path)


def opened(store: ObjectStore, avatar_id: str, known: object = None) -> Opened | None:
    async def ask() -> Opened | None:
        return await store.open(avatar_id, known=known)

    return asyncio.run(ask())


def data_of(store: ObjectStore, avatar_id: str) -> bytes | None:
    found = opened(store, avatar_id)
    assert (found.data if found else None) == store.get(avatar_id)
    return found.data if found else None


def remove(store: ObjectStore, avatar_id: str) -> bool:
    with store.removing(avatar_id) as found:
        return found


class TestObjects:
    def test_are_read_until_they_are_removed(self, store: ObjectStore) -> None:
        one, other = str(uuid4()), str(uuid4())
        assert data_of(store, one) is None
        store.put({one: b"one", other: b"other"})
        assert (data_of(store, one), data_of(store, other)) == (b"one", b"other")
        assert remove(store, one)
        assert not remove(store, one)
        assert (data_of(store, one), data_of(store, other)) == (None, b"other")

    def test_are_not_read_again_while_their_stamp_is_known(self, store: ObjectStore) -> None:
        one, other = str(uuid4()), str(uuid4())
        store.put({one: b"one", other: b"other"})
        first, second = opened(store, one), opened(store, other)
        assert first
        assert second
        assert first.stamp != second.stamp
        assert opened(store, one, first.stamp) == Opened(first.stamp, None)
        assert opened(store, one, second.stamp) == first
        remove(store, one)
        assert opened(store, one, first.stamp) is None

    def test_are_replaced_whole_and_get_another_stamp(self, store: ObjectStore) -> None:
        one = str(uuid4())
        store.put({one: b"old"})
        old = opened(store, one)
        assert old
        store.put({one: b"new"})
        new = opened(store, one, old.stamp)
        assert new
        assert new.data == b"new"
        assert new.stamp != old.stamp

    def test_are_listed_in_order_of_their_ids(self, store: ObjectStore) -> None:
        ids = sorted(str(uuid4()) for _ in range(50))
        assert list(store.ids()) == []
        store.put(dict.fromkeys(ids, b"x"))
        assert list(store.ids()) == ids

    def test_have_sizes(self, store: ObjectStore) -> None:
        one, other = sorted(str(uuid4()) for _ in range(2))
        assert list(store.sizes()) == []
        store.put({one: b"12345", other: b""})
        assert list(store.sizes()) == [(one, 5), (other, 0)]
        assert (store.size(one), store.size(str(uuid4()))) == (5, 0)

    def test_are_out_of_sight_while_they_are_removed_and_back_if_that_fails(self, store: ObjectStore) -> None:
        one = str(uuid4())
        store.put({one: b"x"})

        def fail_to_remove() -> None:
            with store.removing(one) as found:
                assert found
                assert data_of(store, one) is None
                assert list(store.ids()) == []
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_to_remove()
        assert data_of(store, one) == b"x"

    def test_are_removed_once_however_many_try(self, store: ObjectStore) -> None:
        one = str(uuid4())
        store.put({one: b"x"})
        found: list[bool] = []
        threads = [Thread(target=lambda: found.append(remove(store, one))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [False] * 7 + [True]

    def test_no_living_removal_is_interrupted(self, store: ObjectStore) -> None:
        one = str(uuid4())
        store.put({one: b"x"})
        inside, leave = Event(), Event()

        def remove_slowly() -> None:
            with store.removing(one):
                inside.set()
                leave.wait(30)

        thread = Thread(target=remove_slowly)
        thread.start()
        assert inside.wait(30)
        assert store.interrupted_removals() == []
        store.finish_removal(one)
        leave.set()
        thread.join()
        assert store.get(one) is None
        assert store.interrupted_removals() == []

    @pytest.mark.parametrize(
        "avatar_id",
        [
            "",
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            ONE.upper().replace("0", "A"),
            "a" * 36,
            "%2e%2e",
            f"{ONE}\n",
        ],
    )
    def test_have_canonical_ids(self, store: ObjectStore, avatar_id: str) -> None:
        for use in (
            store.get,
            lambda each: opened(store, each),
            lambda each: remove(store, each),
            lambda each: store.put({each: b"x"}),
        ):
            with pytest.raises(ValueError, match="canonical"):
                use(avatar_id)

    def test_a_store_that_works_passes_its_checks(self, store: ObjectStore) -> None:
        store.check_read()
        capacity = store.check_write()
        assert capacity.free_bytes is None or capacity.free_bytes > 0
        store.sweep()
        assert list(store.ids()) == []

    def test_no_reader_sees_a_part(self, store: ObjectStore) -> None:
        one = str(uuid4())
        whole = [bytes([number]) * 200_000 for number in range(2)]
        store.put({one: whole[0]})
        done = Event()

        def write() -> None:
            for number in range(20):
                store.put({one: whole[number % 2]})
            done.set()

        thread = Thread(target=write)
        thread.start()
        while not done.is_set():
            assert store.get(one) in whole
        thread.join()


class TestIdentities:
    @pytest.mark.parametrize("identity", [MD5, SHA256])
    def test_are_found_until_they_are_removed(self, identities: IdentityStore, identity: str) -> None:
        assert find(identities, identity) is None
        assert list(identities.ids()) == []
        identities.put(identity, ONE)
        assert find(identities, identity) == identities.get(identity) == ONE
        assert list(identities.ids()) == [identity]
        identities.put(identity, OTHER)
        assert find(identities, identity) == OTHER
        assert identities.remove(identity)
        assert find(identities, identity) is None
        assert not identities.remove(identity)

    @pytest.mark.parametrize("identity", ["", "ab", MD5.upper(), "../" + "a" * 29, MD5 + "\n", "g" * 32])
    def test_have_hashes(self, identities: IdentityStore, identity: str) -> None:
        for use in (
            lambda each: find(identities, each),
            identities.remove,
            identities.state,
            lambda each: identities.put(each, ONE),
        ):
            with pytest.raises(ValueError, match="not an MD5"):
                use(identity)

    def test_have_a_state_that_none_had_before(self, identities: IdentityStore) -> None:
        states = [identities.state(MD5)]
        for change in (
            lambda: identities.put(MD5, ONE),
            lambda: identities.put(MD5, OTHER),
            lambda: identities.remove(MD5),
            lambda: identities.put(MD5, str(uuid4())),
            lambda: identities.remove(MD5),
        ):
            change()
            assert identities.state(MD5) == identities.state(MD5)
            states.append(identities.state(MD5))
        assert len(set(states)) == len(states)

    def test_are_changed_only_in_the_expected_state(self, identities: IdentityStore) -> None:
        before = identities.state(MD5)
        identities.put(MD5, ONE, expected=before)
        for change in (
            identities.remove,
            lambda each, expected: identities.put(each, OTHER, expected=expected),
        ):
            with pytest.raises(IdentityLinkChanged):
                change(MD5, expected=before)
        assert find(identities, MD5) == ONE
        assert identities.replaced() == []
        assert identities.remove(MD5, expected=ONE)

    def test_are_changed_by_one_of_many_that_expect_the_same_state(self, identities: IdentityStore) -> None:
        before = identities.state(MD5)

        def change(avatar_id: str) -> str | None:
            try:
                identities.put(MD5, avatar_id, expected=before)
            except IdentityLinkChanged:
                return None
            return avatar_id

        with ThreadPoolExecutor(8) as threads:
            changed = set(threads.map(change, [str(uuid4()) for _ in range(16)]))
        assert changed == {None, find(identities, MD5)}

    def test_tell_whether_an_avatar_is_linked(self, identities: IdentityStore) -> None:
        assert not identities.is_linked(ONE)
        identities.put(MD5, ONE)
        identities.put(SHA256, ONE)
        identities.put(MD5, OTHER)
        assert identities.is_linked(ONE)
        assert identities.is_linked(OTHER)
        identities.remove(SHA256)
        assert not identities.is_linked(ONE)

    def test_list_the_avatars_that_were_replaced_until_they_are_settled(
        self, identities: IdentityStore
    ) -> None:
        identities.put(MD5, ONE, personal=True)
        identities.put(MD5, ONE)
        assert identities.replaced() == []
        identities.put(MD5, OTHER)
        identities.remove(MD5)
        first, second = sorted(identities.replaced())
        assert (first, second) == (Replaced(ONE, MD5, personal=True), Replaced(OTHER, MD5, personal=False))
        identities.settle(first)
        assert identities.replaced() == [second]
        identities.settle(first)

    def test_are_as_before_if_the_check_raises(self, identities: IdentityStore) -> None:
        def check() -> None:
            raise AvatarNotFound

        identities.put(MD5, ONE)
        with pytest.raises(AvatarNotFound):
            identities.put(MD5, OTHER, check=check)
        assert find(identities, MD5) == ONE
        assert identities.is_linked(ONE)
        assert not identities.is_linked(OTHER)
        assert identities.replaced() == []

    def test_count_as_links_before_the_check(self, identities: IdentityStore) -> None:
        checking, go_on = Event(), Event()

        def check() -> None:
            checking.set()
            assert go_on.wait(60)

        with ThreadPoolExecutor(2) as threads:
            link = threads.submit(partial(identities.put, MD5, ONE, check=check))
            assert checking.wait(60)
            asked = threads.submit(identities.is_linked, ONE)
            assert not asked.done()
            go_on.set()
            assert asked.result(60)
            link.result(60)


def find(identities: IdentityStore, identity: str) -> str | None:
    return asyncio.run(_find(identities, identity))


async def _find(identities: IdentityStore, identity: str) -> str | None:
    return await identities.find(identity)


@pytest.mark.parametrize("kind", [False, True])
def test_odd_files_are_damaged_objects(tmp_path: Path, kind: bool) -> None:  # noqa: FBT001
    store = local(tmp_path, threaded=kind)
    (tmp_path / "avatars" / ONE[:2] / f"{ONE}.zip").mkdir()
    with pytest.raises(ObjectDamaged):
        opened(store, ONE)
