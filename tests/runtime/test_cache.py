import asyncio
import tracemalloc
from uuid import uuid4

import pytest

from avatar_gen.avatar import AvatarSpec
from avatar_gen.objects.avatar_object import AvatarObject, read_object
from avatar_gen.runtime.cache import OVERHEAD, Cache, PictureCache
from avatar_gen.services.avatars import draw_object, size_of


def room_for(pictures: int, size: int) -> PictureCache:
    return PictureCache(pictures * (size + OVERHEAD))


def test_what_is_put_is_got() -> None:
    cache = room_for(1, 3)
    assert cache.get(b"a") is None
    cache.put(b"a", b"abc")
    assert cache.get(b"a") == b"abc"


def test_the_least_recently_used_entry_is_removed_first() -> None:
    cache = room_for(3, 1)
    for key in (b"a", b"b", b"c"):
        cache.put(key, key)
    cache.get(b"a")
    cache.put(b"d", b"d")
    assert [cache.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"a", None, b"c", b"d"]


def test_it_never_takes_more_than_its_limit() -> None:
    cache = PictureCache(10_000)
    for number in range(1000):
        cache.put(b"%d" % number, bytes(number))
        assert cache.size <= 10_000
    assert sum(cache.get(b"%d" % number) is not None for number in range(1000)) == 8
    assert cache.size == sum(number + OVERHEAD for number in range(992, 1000))


def test_what_has_no_room_at_all_is_not_kept_and_drives_nothing_out() -> None:
    cache = room_for(1, 3)
    cache.put(b"a", b"abc")
    cache.put(b"b", b"abcd")
    assert cache.get(b"b") is None
    assert cache.get(b"a") == b"abc"


def test_with_no_limit_left_nothing_is_kept() -> None:
    cache = PictureCache(0)
    cache.put(b"a", b"")
    assert cache.get(b"a") is None
    assert cache.size == 0


def test_the_same_key_twice_counts_once() -> None:
    cache = room_for(2, 3)
    cache.put(b"a", b"abc")
    cache.put(b"a", b"abc")
    assert cache.size == 3 + OVERHEAD


def test_what_many_ask_for_at_once_is_made_once() -> None:
    async def scenario() -> None:
        cache, made = PictureCache(1000), []
        gate = asyncio.Event()

        async def make() -> bytes:
            made.append(1)
            await gate.wait()
            return b"abc"

        asking = [asyncio.create_task(cache.get_or_make(b"a", make)) for _ in range(10)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        gate.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [b"abc"] * 9
        assert await cache.get_or_make(b"a", make) == b"abc"
        assert len(made) == 1

    asyncio.run(scenario())


def test_all_callers_get_an_error_and_it_is_not_cached() -> None:
    async def scenario() -> None:
        cache = PictureCache(1000)

        async def fail() -> bytes:
            await asyncio.sleep(0)
            raise RuntimeError("no")

        async def succeed() -> bytes:
            return b"abc"

        answers = await asyncio.gather(
            *(cache.get_or_make(b"a", fail) for _ in range(3)), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [RuntimeError] * 3
        assert await cache.get_or_make(b"a", succeed) == b"abc"

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [1, 300, 5000])
def test_the_overhead_is_what_a_picture_takes_beside_its_own_bytes(size: int) -> None:
    """What the limit says is what the process takes."""
    count = 2000
    cache = PictureCache(10**9)
    tracemalloc.start()
    for number in range(count):
        cache.put(number.to_bytes(16), bytes(size))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert abs(taken - cache.size) < 0.1 * cache.size


def test_the_size_of_an_opened_object_is_what_it_takes() -> None:
    spec = AvatarSpec(seed="somebody", primary_color="#336699")
    cache: Cache[tuple[str, int], AvatarObject] = Cache(10**9, size_of)
    objects = {}
    for _ in range(500):
        avatar = spec.as_avatar(str(uuid4()))
        objects[avatar.id] = draw_object(avatar, spec)
    tracemalloc.start()
    for number, (avatar_id, data) in enumerate(objects.items()):
        cache.put((avatar_id, number), read_object(avatar_id, data))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert abs(taken - cache.size) < 0.1 * cache.size
