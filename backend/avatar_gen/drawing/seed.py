"""The random generator behind every picture. The same seed gives the same picture on every machine."""

from collections.abc import Sequence
from hashlib import shake_128
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A random generator that a style's name and a seed determine.

    It reads SHAKE-128 of both. Each draw uses eight bytes, whatever its range, so a draw does not depend on
    the ranges of the draws before it. Each style has its own stream. Changing this class would change every
    avatar that is drawn from a seed.
    """

    def __init__(self, style: str, seed: str) -> None:
        self._hash = shake_128(b"\0".join((b"avatar", style.encode(), seed.encode())))
        self._stream = self._hash.digest(256)
        self._position = 0

    def _word(self) -> int:
        start, self._position = self._position, self._position + 8
        if self._position > len(self._stream):
            # SHAKE is an extendable-output function: a longer digest begins with the shorter one.
            self._stream = self._hash.digest(2 * len(self._stream))
        return int.from_bytes(self._stream[start : self._position])

    def bits(self, count: int) -> int:
        """Return an integer of `count` random bits, at most 64."""
        return self._word() >> (64 - count)

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high), in 2**53 even steps."""
        return low + (high - low) * (self._word() >> 11) * 2.0**-53

    def below(self, count: int) -> int:
        """Return an integer in [0, count). The bias is at most `count` in 2**64."""
        return self._word() * count >> 64

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options, all equally likely."""
        return options[self.below(len(options))]
