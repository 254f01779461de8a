from typing import Any, cast

import pytest

from avatar_gen.runtime.transport import MINIMUM_RATE, Transport

GRACE = 10


class Client:
    """The other end of a connection, and the transport to it: it reads when the test says so."""

    is_ending = False

    def __init__(self) -> None:
        self.unread = 0
        self.transport = Transport(cast("Any", self), self)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: bytes) -> None:
        self.unread += len(data)

    def close(self) -> None:
        raise AssertionError

    def seconds_until_too_slow(self, rate: float, most: int) -> int | None:
        """Return when a client that reads `rate` bytes a second is too slow, checked each second."""
        total = self.unread
        for second in range(most):
            self.unread = max(0, total - int(second * rate))
            if self.transport.is_read_too_slowly(second, GRACE):
                return second
        return None


@pytest.mark.parametrize("size", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("rate", [0, 0.25, 1, MINIMUM_RATE // 2, MINIMUM_RATE * 9 // 10])
def test_the_time_of_an_answer_is_bounded_by_its_size(size: int, rate: float) -> None:
    client = Client()
    client.transport.write(b"x" * size)
    seconds = client.seconds_until_too_slow(rate, 100_000)
    # A small answer can have been read before that.
    longest = GRACE + size / MINIMUM_RATE + 1
    assert (size / rate if seconds is None else seconds) <= longest


def test_a_client_at_the_rate_has_all_the_time_that_it_needs() -> None:
    client = Client()
    client.transport.write(b"x" * 1_000_000)
    assert client.seconds_until_too_slow(MINIMUM_RATE, 2_000) is None


def test_a_fast_start_is_not_time_to_stand_still() -> None:
    client = Client()
    client.transport.write(b"x" * 2_000_000)
    assert not client.transport.is_read_too_slowly(0, GRACE)
    client.unread = 1_000_000
    assert not client.transport.is_read_too_slowly(1, GRACE)
    assert not client.transport.is_read_too_slowly(11, GRACE)
    assert client.transport.is_read_too_slowly(12, GRACE)


def test_answers_that_are_read_one_after_the_other_are_not_one() -> None:
    client = Client()
    for second in range(1000):
        client.unread = 0
        if second % 5 == 0:
            assert not client.transport.is_read_too_slowly(second, GRACE)
        client.transport.write(b"x" * 100)
        assert not client.transport.is_read_too_slowly(second, GRACE)
