import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.objects.container import Damaged, pack, unpack

names = st.text("abcdefghijklmnopqrstuvwxyz.0123456789", min_size=1, max_size=20)
archives = st.dictionaries(names, st.binary(max_size=300), max_size=8)


@given(archives)
def test_what_is_packed_is_unpacked(files: dict[str, bytes]) -> None:
    assert unpack(pack(files)) == files


@given(archives)
def test_it_is_a_zip_file_to_others(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(files))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_seal_can_be_checked_by_hand() -> None:
    data = pack({"avatar.json": b"{}", "16.png": b"x" * 200})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        seal = archive.comment.decode()
    assert seal == f"sha256={hashlib.sha256(data[: -len(seal)]).hexdigest()}"


def test_a_file_that_holds_marks_of_the_format_stays_whole() -> None:
    nested = pack({"16.png": pack({"inner": b"PK\1\2PK\3\4PK\5\6"})})
    assert unpack(unpack(nested)["16.png"]) == {"inner": b"PK\1\2PK\3\4PK\5\6"}


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_can_change_unnoticed(bit: int) -> None:
    """Names, offsets, sizes, checksums and the seal itself are covered, not the contents alone."""
    data = pack({"avatar.json": b'{"id": 1}', "16.png": b"sixteen", "32.png": b"thirty-two"})
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << bit
        with pytest.raises(Damaged):
            unpack(bytes(damaged))


def test_neither_can_it_be_cut_off_or_go_on() -> None:
    data = pack({"avatar.json": b"{}"})
    for length in range(len(data)):
        with pytest.raises(Damaged):
            unpack(data[:length])
    with pytest.raises(Damaged):
        unpack(data + b"\0")
