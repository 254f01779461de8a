# ruff: noqa: RUF001 - letters of one script look like those of another
import re
from itertools import zip_longest
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import DARK, LIGHT
from avatar_gen.drawing.drawing import Drawing, Letters, StyleInput, Vector
from avatar_gen.drawing.glyphs import typeface
from avatar_gen.drawing.initials import in_writing_order, initials
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import draw
from avatar_gen.drawing.svg import document
from avatar_gen.imaging.svg import rasterise

GOLDEN = Path(__file__).parent.parent / "golden"
NAVY, WHITE = Colour(0, 0, 128), Colour(255, 255, 255)
STYLE_INPUT = StyleInput(NAVY, WHITE)

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)
covered = st.lists(st.sampled_from(list(typeface())), min_size=1, max_size=3).map(" ".join)


def drawn(name: str) -> Drawing:
    return draw("initials", "", StyleInput(NAVY, WHITE, text=name))


def svg(name: str, shape: str = "square", px: int = 64) -> str:
    drawing = drawn(name)
    assert isinstance(drawing, Vector)
    return document(drawing.at(px), drawing.palette, px, "circle" if shape == "circle" else "square", "x")


def pixels(drawing: Drawing, px: int) -> np.ndarray:
    assert isinstance(drawing, Vector)
    return rasterise(document(drawing.at(px), drawing.palette, px, "square", "x"), px)


def ink(name: str, px: int = 64) -> np.ndarray:
    """Return the share of each pixel that has the letters' colour, 0 to 1."""
    return rasterise(svg(name, px=px), px)[:, :, 0] / 255


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("ada lovelace", "AL"),
        ("Augusta Ada King", "AK"),
        ("Madonna", "M"),
        ("  ada\tlovelace\n", "AL"),
        ("Ада Лавлейс", "АЛ"),
        ("ädä öberg", "ÄÖ"),
        ("a\u0308da o\u0308berg", "ÄÖ"),
        ("nguyễn ế", "NẾ"),
        ("ἀδα ὅμηρος", "ἈὍ"),
        ("straße ßer", "Sẞ"),
        ("ırmak inci", "II"),
        ("ǆemal ﬁona", "ǅF"),
        ("3 doors", "3D"),
        ("42", "4"),
        ("2 4", "24"),
        ("O'Brien", "O"),
        ("d\u2019Artagnan", "D"),
        ("Jean-Luc", "JL"),
        ("Jean\u2011Luc", "JL"),
        ("ada_lovelace", "AL"),
        ("ada.lovelace", "AL"),
        ("@ada", "A"),
        ("R&D", "RD"),
        ("J. R. R. Tolkien", "JT"),
        ("ada.lovelace@example.org", "AL"),
        ("ada@example.org", "A"),
        (" ada.lovelace+a.b@example.org ", "AL"),
        ("...@example.org", "EO"),
        ("Ada Lovelace (she/her)", "AL"),
        ("ada.lovelace@example.org (she/her)", "AL"),
        ("ada.lovelace@example.org [они/их]", "AL"),
        ("(she/her)", "SH"),
        ("Dr. h.c. mult. Ada Lovelace", "AL"),
        ("Dr. e.h. Ada Lovelace", "AL"),
        ("Ada Lovelace [Countess] {of} <ada@example.org>", "AL"),
        ("王小明\uff08Wang\uff09", "王"),
        ("(Ada)", "A"),
        ("🚀 Ada ¿Lovelace? 🚀", "AL"),
        ("👩🏽\u200d🚀Ada 1\ufe0f\u20e3", "A1"),
        ("ꓮ Ada", "A"),
        ("王小明", "王"),
        ("王 小明", "王"),
        ("山田\u3000太郎", "山"),
        ("アダ・ラブレス", "アラ"),
        ("ｱﾀﾞ ﾗﾌﾞﾚｽ", "アラ"),
        ("さくら", "さ"),
        ("김민수", "김"),
        ("\u1100\u1175\u11b7", "김"),
        ("דוד לוי", "דל"),
        ("בן־גוריון", "בג"),
        ("أحمد علي", "أع"),
        ("٣ أبواب", "٣أ"),
        ("ada علي", "Aع"),
        ("किरण श्रीदेवी", "कि"),
        ("मोहन गांधी", "मो"),
        ("พิมพ์ เอก", "พอ"),
        ("Tim Berners-Lee", "TB"),
        ("Mary-Jane Watson-Parker", "MW"),
        ("Kim Min-su", "KM"),
        ("Dr. Ada Lovelace", "AL"),
        ("Prof. Dr.-Ing. Ada Lovelace, PhD", "AL"),
        ("Martin Luther King Jr.", "MK"),
        ("King, Martin Luther, Jr.", "MK"),
        ("Sir Tim Berners-Lee OBE", "TB"),
        ("Jean-Luc Picard III", "JP"),
        ("Lovelace, Ada", "AL"),
        ("Lovelace, Dr. Ada", "AL"),
        ("Smith, PhD", "S"),
        ("Acme, Inc.", "A"),
        ("Dr.", "D"),
        ("Ada Lovelace <x.y@example.org>", "AL"),
        ("x.y@example.org (Ada Lovelace)", "AL"),
        ("x.y@example.org Ada Lovelace", "AL"),
        ("Ada x.y@example.org Lovelace", "AL"),
        ("[x@example.org] {y@example.org} Ada", "A"),
        ("<ada.lovelace@example.org>", "AL"),
        ("mailto:ada.lovelace@example.org", "AL"),
        ("মিতা", "মি"),
        ("முருகன்", "மு"),
        ("ರಮೇಶ್", "ರ"),
        ("శ్రీనివాస్", "శ"),
        ("മോഹൻ", "മോ"),
        ("ગીતા", "ગી"),
        ("ਗੁਰਪ੍ਰੀਤ", "ਗੁ"),
        ("සමන්", "ස"),
        ("ខេមរា", "ខេ"),
        ("အောင်", "အ"),
        ("ສົມ", "ສ"),
        ("ሰላም ዓለም", "ሰዓ"),
        ("գարիկ մարտիրոսյան", "ԳՄ"),
        ("გია ყანჩელი", "გყ"),
        ("", ""),
        ("🚀", ""),
        ("...", ""),
        ("ꓮꓲ", ""),
    ],
)
def test_a_name_has_the_letters_that_people_expect(name: str, letters: str) -> None:
    assert "".join(initials(name)) == letters


@pytest.mark.parametrize(
    "title",
    [
        "Doctor",
        "Dr. med.",
        "Dr. rer. nat.",
        "Univ.-Prof. Dr.",
        "Assoc. Prof.",
        "Dipl. Ing.",
        "Mag.",
        "Lord",
        "Lady",
        "Madam",
        "Sr.",
        "Fr.",
        "Col.",
        "Lt. Col.",
        "Maj. Gen.",
        "Rt. Hon.",
        "Sen.",
        "Sig.ra",
        "Доктор",
        "господин",
        "доц.",
        "Δρ.",
        "ד״ר",
        "د.",
        "डॉ.",
    ],
)
def test_titles_are_left_out(title: str) -> None:
    for name in ("Ada Lovelace", "Lovelace, Ada"):
        assert initials(f"{title} {name}") == ("A", "L")


@pytest.mark.parametrize(
    "suffix",
    [
        "Junior",
        "jun.",
        "VIII",
        "3rd",
        "KBE",
        "MEng",
        "M.A.",
        "B.A.",
        "M.Sc.",
        "Ph.D",
        "M. D.",
        "Ph. D.",
        "M. Sc.",
        "B. Eng.",
    ],
)
def test_suffixes_are_left_out(suffix: str) -> None:
    for name in (f"Ada Lovelace {suffix}", f"Ada Lovelace, {suffix}", f"Lovelace, Ada, {suffix}, MA"):
        assert initials(name) == ("A", "L")


@pytest.mark.parametrize("suffix", ["MA", "BA", "RN", "PMP", "KC, MP"])
def test_suffixes_that_are_also_names_stand_after_a_comma(suffix: str) -> None:
    assert initials(f"Ada Lovelace, {suffix}") == ("A", "L")


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Jack Ma", "JM"),
        ("Ma, Jack", "JM"),
        ("MA", "M"),
        ("Gen Urobuchi", "GU"),
        ("Amartya Sen", "AS"),
        ("Sen, Amartya", "AS"),
        ("Ada V.", "AV"),
        ("B. A. Baracus", "BB"),
        ("Junior", "J"),
    ],
)
def test_names_are_not_taken_for_titles_and_suffixes(name: str, letters: str) -> None:
    assert "".join(initials(name)) == letters


@pytest.mark.parametrize(
    "around", ["()", "[]", "{}", "<>", "\u00ab\u00bb", "（）", "＜＞", "【】", "《》", "||", "::", "，，"]
)
@pytest.mark.parametrize("space", ["", " "])
def test_an_e_mail_address_beside_a_name_gives_no_letters(around: str, space: str) -> None:
    for address in ("zoe.young@example.org", '"zoe young"@example.org', "Email: zoe@example.org"):
        enclosed = around[0] + address + around[1]
        assert initials(f"Ada Lovelace{space}{enclosed}") == ("A", "L")
        assert initials(f"{enclosed}{space}Ada Lovelace") == ("A", "L")


def test_an_e_mail_address_is_told_from_a_name_in_quotes() -> None:
    assert initials('"Ada Lovelace" <zoe@example.org>') == ("A", "L")
    assert initials('"ada.lovelace"@example.org') == ("A", "L")


def test_the_docs_list_the_right_letters() -> None:
    page = (GOLDEN.parent.parent / "docs" / "initials.md").read_text(encoding="utf-8")
    table = page.split("| because |\n")[1].split("\n\n")[0]
    for row in table.splitlines()[1:]:
        names_said, letters_said = (re.findall("`([^`]+)`", cell) for cell in row.split("|")[1:3])
        assert names_said
        for name, letters in zip_longest(names_said, letters_said, fillvalue=""):
            assert "".join(initials(name)) == letters


@pytest.mark.parametrize(
    ("letters", "seen"),
    [
        ("דל", "לד"),
        ("أع", "عأ"),
        ("٣أ", "أ٣"),
        ("Aع", "Aع"),
        ("عA", "Aع"),
        ("AL", "AL"),
        ("٣٤", "٣٤"),
        ("ש", "ש"),
    ],
)
def test_letters_stand_as_they_are_written(letters: str, seen: str) -> None:
    assert "".join(in_writing_order(letters)) == seen


@given(names)
def test_any_text_has_at_most_two_letters_and_they_can_be_drawn(name: str) -> None:
    letters = initials(name)
    assert len(letters) <= 2
    assert set(letters) <= set(typeface())


@pytest.mark.parametrize(
    ("name", "options", "letters"),
    [
        ("Augusta Ada King", Letters(length=3), "AAK"),
        ("Augusta Ada Byron King", Letters(length=3), "AAK"),
        ("Augusta Ada King", Letters(length=1), "A"),
        ("Madonna", Letters(length=3), "M"),
        ("王 小明", Letters(length=2), "王小"),
        ("किरण श्रीदेवी", Letters(length=2), "किश्री"),
        ("ada Lovelace", Letters(uppercase=False), "aL"),
        ("ßer ﬁona", Letters(uppercase=False), "ßF"),
        ("e\u0301mile ж", Letters(uppercase=False), "éж"),
    ],
)
def test_options_decide_about_number_and_case(name: str, options: Letters, letters: str) -> None:
    assert "".join(initials(name, options)) == letters


@pytest.mark.parametrize(
    ("px", "same_as"), [(16, "Ada"), (32, "Ada"), (33, "Ada Lovelace"), (64, "Ada Lovelace")]
)
def test_small_pictures_have_one_letter(px: int, same_as: str) -> None:
    two, expected = drawn("Ada Lovelace"), drawn(same_as)
    assert isinstance(two, Vector)
    assert isinstance(expected, Vector)
    assert two.at(px).paint(["a", "b"], "") == expected.svg.paint(["a", "b"], "")


def test_a_length_is_kept_at_every_size() -> None:
    asked_for = draw("initials", "", StyleInput(NAVY, WHITE, text="Ada Lovelace", letters=Letters(length=2)))
    assert isinstance(asked_for, Vector)
    assert asked_for.at(16) == asked_for.svg


def test_letters_are_thinner_without_bold_where_the_typeface_has_them() -> None:
    def share(name: str, letters: Letters) -> float:
        drawing = draw("initials", "", StyleInput(NAVY, WHITE, text=name, letters=letters))
        return float(pixels(drawing, 128)[:, :, 0].mean())

    for name in ("Ada Lovelace", "Ада", "שרה", "ดี", "ሰላም"):
        assert share(name, Letters(bold=False)) < 0.85 * share(name, Letters())
    assert share("王", Letters(bold=False)) == share("王", Letters())


def test_letters_without_a_ground_have_the_primary_colour() -> None:
    drawing = draw("initials", "", StyleInput(NAVY, WHITE, text="Ada", transparent=True))
    assert drawing.palette[1].tolist() == list(NAVY)


@given(names)
@example("")
@example("🚀")
@example("a\0b")
def test_any_text_gives_a_picture_that_is_not_empty(name: str) -> None:
    assert ET.fromstring(svg(name)).tag.endswith("svg")  # noqa: S314 - our own
    assert ink(name, 16).max() > 0.5


@given(covered)
def test_letters_of_all_scripts_stay_in_the_circle(name: str) -> None:
    picture = ink(name)
    centres = np.arange(64) - 31.5
    away = np.hypot(centres, centres[:, np.newaxis])
    assert picture[away > 0.45 * 64].max() == 0
    assert picture.sum() > 10


@pytest.mark.parametrize(
    "name",
    [
        "ada lovelace",
        "Max Weber",
        "M",
        "Жанна Щукина",
        "Άλφα",
        "שרה",
        "محمد علي",
        "किरण",
        "王",
        "さ",
        "김 민",
        "3 doors",
    ],
)
def test_letters_are_large_enough_to_be_read_at_16_px_and_in_the_middle(name: str) -> None:
    picture = ink(name, 256)
    rows, columns = np.flatnonzero(picture.max(axis=1) > 0.5), np.flatnonzero(picture.max(axis=0) > 0.5)
    assert len(rows) >= 256 * 0.25
    assert max(len(rows), len(columns)) >= 256 * 0.36
    assert abs(columns[0] + columns[-1] - 255) <= 3
    assert abs(rows[0] + rows[-1] - 255) <= 256 * 0.12


def test_an_accent_does_not_move_its_letter() -> None:
    plain, accented = ink("E", 256), ink("É", 256)
    assert np.abs(plain - accented)[80:].max() < 0.05
    assert accented.sum() > plain.sum()


@pytest.mark.parametrize(
    ("primary", "foreign", "letters"),
    [
        (Colour(59, 130, 246), Colour(96, 165, 250), DARK),
        (Colour(0, 0, 128), Colour(10, 10, 140), LIGHT),
        (Colour(0, 0, 128), Colour(255, 215, 0), Colour(255, 215, 0)),
    ],
)
def test_letters_have_the_foreign_colour_if_it_can_be_read(
    primary: Colour, foreign: Colour, letters: Colour
) -> None:
    palette = draw("initials", "", StyleInput(primary, foreign, text="Ada")).palette
    assert palette.tolist() == [list(primary), list(letters)]


PINNED = [
    "Ada Lovelace",
    "Max Weber",
    "Ệ",
    "Ада",
    "דוד לוי",
    "أحمد علي",
    "श्रीदेवी",
    "王小明",
    "김민수",
    "3 doors",
    "🚀",
]


@pytest.mark.parametrize("name", PINNED)
def test_letters_do_not_change(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / f"initials-of-{name.encode().hex()[:24]}.svg"
    if request.config.getoption("--record-golden") and not path.exists():
        path.write_text(svg(name) + "\n", encoding="utf-8")
    assert svg(name) + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("cross", ["\u534d", "\u5350"])
def test_a_hooked_cross_is_not_drawn(cross: str) -> None:
    assert initials(cross) == ()
    assert initials(f"{cross}王小明") == ("王",)
