import asyncio
import threading

import pytest

from avatar_gen.errors import Overloaded
from avatar_gen.imaging.pool import FairQueue, Pool


def test_work_beyond_the_queue_is_refused_at_once_and_taken_again_later() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=2)
        gate = threading.Event()
        running = [asyncio.create_task(pool.run(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:
            await pool.run(gate.wait)
        assert caught.value.status == 503
        assert caught.value.retry_after == 1
        gate.set()
        assert await asyncio.gather(*running) == [True] * 3
        assert await pool.run(max, 1, 2) == 2
        pool.close()

    asyncio.run(scenario())


def test_what_work_raises_is_raised_where_it_was_asked_for() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=0)
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 1, 0)
        assert await pool.run(divmod, 7, 2) == (3, 1)
        pool.close()

    asyncio.run(scenario())


def test_a_line_that_is_too_long_refuses_and_counts() -> None:
    async def scenario() -> None:
        line = FairQueue(2)
        turns = await asyncio.gather(*(line.acquire() for _ in range(5)), return_exceptions=True)
        # The first does not wait, two may, and the others are two too many.
        assert [type(each) for each in turns] == [type(None)] * 3 + [Overloaded] * 2
        assert (line.refused, line.taken) == (2, 0)
        await asyncio.sleep(0)
        await line.acquire()

    asyncio.run(scenario())
