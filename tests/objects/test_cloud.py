"""How a `CloudStore` handles the errors of an object store. `test_contract.py` tests the rest."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import obstore
import pytest

from avatar_gen.errors import (
    AvatarError,
    IdentityLinkDamaged,
    ObjectDamaged,
    SettingsError,
    StartupError,
    StorageBusy,
    StorageUnavailable,
)
from avatar_gen.objects import MAX_OBJECT_SIZE
from avatar_gen.objects import bucket as bucket_module
from avatar_gen.objects import leases as module
from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.cloud import CloudStore
from avatar_gen.objects.cloud_clients import open_bucket, open_cloud_store
from avatar_gen.objects.cloud_identities import CloudIdentityStore
from avatar_gen.settings.storage import Storage
from tests.objects.test_contract import find, opened, remove
from tests.servers.net import free_port
from tests.servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server
from tests.servers.scripted_s3 import ScriptedS3

ONE, MD5 = "00000000-0000-4000-8000-000000000001", "ab" * 16


@pytest.fixture
def bucket(s3: S3Server) -> Bucket:
    return s3.bucket()


@pytest.fixture
def store(bucket: Bucket) -> CloudStore:
    return CloudStore(bucket, "s3")


def settings(section: dict[str, object]) -> Storage:
    quick = {"maxRetries": 1, "retryDelay": 0}
    return Storage.model_validate({"type": "s3", "s3": {"connection": quick, **section}})


def test_keys_are_in_folders_below_the_prefix(store: CloudStore, bucket: Bucket) -> None:
    store.put({ONE: b"x"})
    CloudIdentityStore(bucket).put(MD5, ONE)
    store.check_write()
    names = [name for name, *_ in bucket.list("")]
    assert names == ["check", f"identities/{MD5}.json", f"notes/{ONE}/{MD5}", f"objects/{ONE}.zip"]


def test_other_keys_are_passed_over(store: CloudStore, bucket: Bucket) -> None:
    store.put({ONE: b"x"})
    for name in ("README", f"{ONE}.obj", "zz.zip"):
        bucket.put(f"objects/{name}", b"of the operator")
    bucket.put("identities/README", b"of the operator")
    bucket.put("removing/README", b"of the operator")
    assert list(store.sizes()) == [(ONE, 1)]
    assert list(CloudIdentityStore(bucket).ids()) == []
    assert store.interrupted_removals() == []


def test_lists_are_read_page_by_page(bucket: Bucket) -> None:
    names = [f"{number:02}" for number in range(50)]
    for name in names:
        bucket.put(f"many/{name}", b"")
    assert [name for name, *_ in bucket.list("many", page=7)] == names


def test_a_list_without_order_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 Express One Zone returns such lists. A comparison of two lists would then delete objects."""
    bucket.put("many/a", b"")
    bucket.put("many/b", b"")
    pages = list(obstore.list(bucket.client, "many/"))
    monkeypatch.setattr(obstore, "list", lambda *_, **__: iter([pages[0][::-1]]))
    with pytest.raises(StorageUnavailable):
        list(bucket.list("many"))


def test_too_large_and_odd_objects_are_damaged(store: CloudStore, bucket: Bucket) -> None:
    bucket.put(f"objects/{ONE}.zip", bytes(MAX_OBJECT_SIZE + 1))
    with pytest.raises(ObjectDamaged):
        store.get(ONE)
    with pytest.raises(ObjectDamaged):
        opened(store, ONE)
    assert remove(store, ONE)
    bucket.put(f"identities/{MD5}.json", bytes(5000))
    links = CloudIdentityStore(bucket)
    for call in (links.get, lambda each: find(links, each)):
        with pytest.raises(IdentityLinkDamaged):
            call(MD5)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"secret_key": "wrong"}, "access is denied; check the keys"),
        ({"access_key": "unknown"}, "access is denied; check the keys"),
        (
            {"endpoint": f"http://127.0.0.1:{free_port()}"},
            "the object store cannot be reached; check its endpoint",
        ),
        ({"bucket": "not-there"}, "the bucket does not exist; make it, or correct its name"),
    ],
)
def test_a_store_that_cannot_be_used_says_what_to_check(
    s3: S3Server, change: dict[str, object], line: str
) -> None:
    storage = settings({**s3.section(), **change})
    with pytest.raises(StartupError, match=f"^{storage.where}: {line}") as caught:
        open_cloud_store(storage, make=False, bulk=False)
    assert "\n" not in str(caught.value)
    assert SECRET_KEY not in str(caught.value)


def test_a_bucket_that_is_not_there_is_not_taken_for_an_empty_one(s3: S3Server) -> None:
    missing = s3.bucket(s3.section(bucket="not-there"))
    store, links = CloudStore(missing, "s3"), CloudIdentityStore(missing)
    calls: list[Callable[[], object]] = [
        lambda: store.get(ONE),
        lambda: opened(store, ONE),
        lambda: list(store.ids()),
        store.check_read,
        lambda: links.get(MD5),
        lambda: find(links, MD5),
    ]
    for call in calls:
        with pytest.raises(StorageUnavailable):
            call()


KILLED = """
import json, os, sys
from avatar_gen.objects.cloud_clients import open_cloud_store
from avatar_gen.settings.storage import Storage
store = open_cloud_store(Storage.model_validate(json.loads(sys.argv[1])), make=False, bulk=False)
with store.removing(sys.argv[2]):
    os.kill(os.getpid(), 9)
"""


class TestRemovals:
    def test_of_killed_processes_are_found_by_their_age_and_finished(
        self, s3: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        section = s3.section()
        store = CloudStore(s3.bucket(section), "s3")
        store.put({ONE: b"x"})
        command = [sys.executable, "-c", KILLED, json.dumps({"type": "s3", "s3": section}), ONE]
        assert subprocess.run(command, check=False).returncode == -9
        assert store.get(ONE) is None
        assert store.interrupted_removals() == []
        with pytest.raises(StorageUnavailable):
            remove(store, ONE)
        monkeypatch.setattr(module, "_LEASE_SECONDS", -3600.0)
        assert store.interrupted_removals() == [ONE]
        store.finish_removal(ONE)
        assert store.interrupted_removals() == []
        assert not remove(store, ONE)

    def test_take_over_the_lease_of_a_process_that_ended(
        self, store: CloudStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.put({ONE: b"x"})
        bucket.put(f"removing/{ONE}", b"of a process that was killed")
        monkeypatch.setattr(module, "_LEASE_SECONDS", -3600.0)
        assert remove(store, ONE)
        assert [name for name, *_ in bucket.list("")] == []

    def test_that_another_process_finished_are_not_undone(self, store: CloudStore, bucket: Bucket) -> None:
        """This process was paused for longer than its lease is valid. Another process answered 200."""
        store.put({ONE: b"x"})

        def fail_late() -> None:
            with store.removing(ONE):
                bucket.delete(f"removing/{ONE}")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_late()
        assert store.get(ONE) is None


@pytest.fixture
def scripted() -> Iterator[ScriptedS3]:
    with ScriptedS3() as server:
        yield server


def calls_of(store: CloudStore) -> list[Callable[[], Any]]:
    return [
        lambda: store.get(ONE),
        lambda: opened(store, ONE),
        lambda: store.put({ONE: b"x"}),
        lambda: list(store.ids()),
        lambda: remove(store, ONE),
        store.check_write,
    ]


class TestAnswersOfTheStore:
    """A server with the errors that S3 returns under load. No real server returns them on request."""

    @pytest.mark.parametrize(
        ("status", "code", "error"),
        [
            (503, "SlowDown", StorageBusy),
            (429, "TooManyRequests", StorageBusy),
            (500, "InternalError", StorageUnavailable),
            (403, "AccessDenied", StorageUnavailable),
        ],
    )
    def test_become_errors(
        self, scripted: ScriptedS3, status: int, code: str, error: type[AvatarError]
    ) -> None:
        store = CloudStore(open_bucket(settings(scripted.section()), bulk=False), "s3")
        scripted.answer(status, code)
        for call in calls_of(store)[:3]:
            with pytest.raises(error) as caught:
                call()
            assert code in str(caught.value.__cause__)
            assert "Debug source" not in str(caught.value.__cause__)

    def test_are_asked_again_after_an_error_that_passes(self, scripted: ScriptedS3) -> None:
        store = CloudStore(open_bucket(settings(scripted.section()), bulk=False), "s3")
        scripted.answer(503, "SlowDown", times=2)
        store.put({ONE: b"x"})
        assert scripted.requests == 3

    def test_that_do_not_come_open_the_breaker(
        self, scripted: ScriptedS3, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bucket_module, "TIMEOUT_SECONDS", 0.05)
        store = CloudStore(open_bucket(settings(scripted.section()), bulk=False), "s3")
        scripted.hang()
        for _ in range(8):
            with pytest.raises(StorageUnavailable):
                opened(store, ONE)
        assert scripted.requests == 5

    def test_are_read_page_by_page_without_growing(self, scripted: ScriptedS3) -> None:
        store = CloudStore(open_bucket(settings(scripted.section()), bulk=True), "s3")
        scripted.list_objects(30_000)
        ids = iter(store.ids())
        next(ids)
        tracemalloc.start()
        assert sum(1 for _ in ids) == 29_999
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(scripted.pages) == 30
        # A page of S3 has 1,000 keys. The server of this test is in the same process.
        assert peak < 5_000_000

    def test_a_batch_of_which_one_object_fails_leaves_none(
        self, store: CloudStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = sorted(str(uuid4()) for _ in range(20))
        put = Bucket.put

        def fail_for_one(self: Bucket, key: str, data: bytes, *, create: bool = False) -> None:
            if ids[7] in key:
                raise StorageUnavailable
            put(self, key, data, create=create)

        monkeypatch.setattr(Bucket, "put", fail_for_one)
        with pytest.raises(StorageUnavailable):
            store.put(dict.fromkeys(ids, b"x"))
        assert list(store.ids()) == []


class TestClients:
    @pytest.mark.parametrize(
        ("section", "url"),
        [
            ({"endpoint": "https://s3.example.org", "force_path_style": True}, "https://s3.example.org"),
            ({"endpoint": "https://s3.example.org"}, "https://s3.example.org"),
            (
                {"endpoint": "https://s3.example.org:9000", "force_path_style": False},
                "https://b.s3.example.org:9000",
            ),
        ],
    )
    def test_put_the_bucket_where_the_settings_say(self, section: dict[str, object], url: str) -> None:
        client = open_bucket(
            settings({"bucket": "b", "access_key": "k", "secret_key": "s", **section}), bulk=False
        ).client
        assert client.config["endpoint"] == url  # type: ignore[union-attr, typeddict-item]

    @pytest.mark.parametrize("kind", ["environment", "container"])
    def test_find_the_credentials_of_the_cloud(
        self, s3: S3Server, scripted: ScriptedS3, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
    ) -> None:
        if kind == "environment":
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        else:
            url = scripted.give_credentials(ACCESS_KEY, SECRET_KEY)
            (tmp_path / "token").write_text("token")
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
            monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        section = {**s3.section(), "access_key": None, "secret_key": None, "region": None}
        bucket = open_bucket(settings(section), bulk=False)
        bucket.put("key", b"value")
        assert bucket.get("key", 10) == b"value"

    def test_of_other_clouds_are_made(self, tmp_path: Path) -> None:
        for storage in (
            {"type": "azure", "azure": {"account": "a", "container": "c", "access_key": "a2V5"}},
            {"type": "gcs", "gcs": {"bucket": "b"}},
        ):
            kind = type(open_bucket(Storage.model_validate(storage), bulk=True).client).__name__
            assert kind.lower() == f"{storage['type']}store"
        wrong = {
            "type": "gcs",
            "gcs": {"bucket": "b", "service_account_file": str(tmp_path / "missing.json")},
        }
        with pytest.raises(SettingsError, match=r"^app\.storage\.gcs: "):
            open_bucket(Storage.model_validate(wrong), bulk=True)

    def test_cost_a_service_on_a_folder_nothing(self) -> None:
        code = "import sys, avatar_gen.app, avatar_gen.cli.serve; print('obstore' in sys.modules)"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert result.stdout == "False\n"
