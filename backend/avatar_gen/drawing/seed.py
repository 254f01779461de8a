"""The one source of chance: the same seed draws the same picture, on every machine and release."""

from collections.abc import Sequence
from hashlib import shake_128
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Numbers that look random and are fixed by a style's name and a seed.

    They are read from SHAKE-128 of both, eight bytes a draw whatever is drawn, so a draw never depends
    on how wide the ones before it were. Each style has a stream of its own. What this yields is part of
    the contract: to change it is to change every avatar that anyone has by seed.
    """

    def __init__(self, style: str, seed: str) -> None:
        self._hash = shake_128(b"\0".join((b"avatar", style.encode(), seed.encode())))
        self._stream = self._hash.digest(256)
        self._position = 0

    def _word(self) -> int:
        start, self._position = self._position, self._position + 8
        if self._position > len(self._stream):
            # A longer digest begins with the shorter one: SHAKE is an extendable-output function.
            self._stream = self._hash.digest(2 * len(self._stream))
        return int.from_bytes(self._stream[start : self._position])

    def bits(self, count: int) -> int:
        """A whole number of `count` fair bits, at most 64."""
        return self._word() >> (64 - count)

    def between(self, low: float, high: float) -> float:
        """A number from `low` up to, never quite, `high`, in 2**53 even steps."""
        return low + (high - low) * (self._word() >> 11) * 2.0**-53

    def below(self, count: int) -> int:
        """A whole number from 0 up to, not including, `count`; uneven by `count` in 2**64 at most."""
        return self._word() * count >> 64

    def choice(self, options: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return options[self.below(len(options))]
