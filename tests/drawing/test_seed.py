import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.seed import Chance


def test_the_stream_does_not_change() -> None:
    # SHAKE-128 of b"avatar\0pixelize\0ada", eight bytes at a time; checked with `openssl dgst -shake128`.
    chance = Chance("pixelize", "ada")
    assert [f"{chance.bits(64):016x}" for _ in range(3)] == [
        "b081758d1d791281",
        "8af0d6b27e68d8d4",
        "3082b7531172a578",
    ]


def test_the_stream_continues_after_the_first_digest() -> None:
    long, again = Chance("wave", "ada"), Chance("wave", "ada")
    numbers = [long.bits(64) for _ in range(100)]
    assert len(set(numbers)) == 100
    assert numbers == [again.bits(64) for _ in range(100)]


def test_a_draw_does_not_depend_on_the_ranges_of_earlier_draws() -> None:
    narrow, wide = Chance("wave", "ada"), Chance("wave", "ada")
    narrow.bits(1)
    wide.between(-1e300, 1e300)
    assert narrow.bits(64) == wide.bits(64)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("wave", "a"), ("wave", "b")), (("wave", "a"), ("pixelize", "a")), (("a", "b"), ("ab", ""))],
)
def test_other_styles_and_seeds_have_other_streams(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert Chance(*one).bits(64) != Chance(*other).bits(64)


@given(st.text(), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_number_lies_between_its_bounds(seed: str, low: float, width: float) -> None:
    assert low <= Chance("wave", seed).between(low, low + width) <= low + width


def test_integers_below_a_bound_are_equally_likely() -> None:
    chance = Chance("blocks", "ada")
    drawn = [chance.below(7) for _ in range(7000)]
    assert set(drawn) == set(range(7))
    # 1,000 of each are to be expected; 150 off, five deviations, have a chance of one in a million.
    assert all(abs(drawn.count(number) - 1000) < 150 for number in range(7))


def test_a_choice_uses_the_same_draw_as_an_integer() -> None:
    numbers, letters = Chance("blocks", "ada"), Chance("blocks", "ada")
    assert [letters.choice("abcde") for _ in range(50)] == ["abcde"[numbers.below(5)] for _ in range(50)]


def test_a_choice_of_one_option_uses_a_draw() -> None:
    one, other = Chance("blocks", "ada"), Chance("blocks", "ada")
    one.choice("a")
    other.below(100)
    assert one.bits(64) == other.bits(64)
