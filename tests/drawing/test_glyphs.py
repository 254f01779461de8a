# ruff: noqa: RUF001 - letters of one script look like those of another
import subprocess
import sys
import unicodedata

import pytest

from avatar_gen.drawing.glyphs import BLOCK, EM, FILES, Typeface, _decode, glyph, typeface
from tools import glyphs as maker
from tools import repertoire

LETTERS = list(typeface())


def test_every_letter_has_an_outline_about_its_line() -> None:
    """One letter of every block and more. All 32,000 would take seconds."""
    for letter in [*LETTERS[:600], *LETTERS[600 :: BLOCK // 4], LETTERS[-1]]:
        drawn = glyph(letter)
        left, top, right, bottom = drawn.box
        assert 0 < right - left <= 3.3 * EM, letter
        assert 0 < bottom - top <= 2 * EM, letter
        assert drawn.top < drawn.bottom, letter
        assert 0 < drawn.advance <= 3.3 * EM, letter
        assert set(drawn.outline) <= set("mlqcz -0123456789"), letter
        assert drawn.outline.endswith("z"), letter


@pytest.mark.parametrize("norm", repertoire.NORMS)
def test_the_ideographs_of_four_standards_are_there(norm: str) -> None:
    ideographs = {letter for letter in repertoire.ideographs(norm) if unicodedata.category(letter) == "Lo"}
    assert len(ideographs) > 4600
    assert ideographs <= set(LETTERS)


@pytest.mark.parametrize(
    "alphabet",
    [
        "0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९",
        "abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿßāăąćčďđēėęěğģħīįıķĺļľłńņňőœŕřśşšţťũūůűųŵŷźżžșț",
        "ảạắằẳẵặấầẩẫậđẻẽẹếềểễệỉĩịỏọốồổỗộơớờởỡợủũụưứừửữựỷỹỵ",
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяґєіїўђјљњћџѓќѕәғқңөұүһӑӗҫӳ",
        "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰἀἁὅᾳ",
        "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
        "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگکیٹڈڑںھہے",
        "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह",
        "".join(map(chr, range(0x3041, 0x3097))) + "".join(map(chr, range(0x30A1, 0x30FB))),
        "".join(map(chr, range(0xAC00, 0xD7A4))) + "ㄱㄴㅎㅏㅣ",
        "অআইউএঐওঔকখগঘচছজঝটঠডঢতথদধনপফবভমযরলশষসহ",
        "ਅਆਇਈਉਊਏਐਓਔਸਹਕਖਗਘਚਛਜਝਟਠਡਢਣਤਥਦਧਨਪਫਬਭਮਯਰਲਵ",
        "અઆઇઈઉઊઋએઐઓઔકખગઘચછજઝટઠડઢણતથદધનપફબભમયરલવશષસહળ",
        "அஆஇஈஉஊஎஏஐஒஓஔகஙசஞடணதநபமயரலவழளறனஜஷஸஹ",
        "అఆఇఈఉఊఋఎఏఐఒఓఔకఖగఘచఛజఝటఠడఢణతథదధనపఫబభమయరలవశషసహళ",
        "ಅಆಇಈಉಊಋಎಏಐಒಓಔಕಖಗಘಚಛಜಝಟಠಡಢಣತಥದಧನಪಫಬಭಮಯರಲವಶಷಸಹಳ",
        "അആഇഈഉഊഋഎഏഐഒഓഔകഖഗഘങചഛജഝഞടഠഡഢണതഥദധനപഫബഭമയരലവശഷസഹളഴറ",
        "අආඇඈඉඊඋඌඑඒඓඔඕඖකඛගඝචඡජඣටඨඩඪණතථදධනපඵබභමයරලවශෂසහළෆ",
        "កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ",
        "ກຂຄງຈສຊຍດຕຖທນບປຜຝພຟມຢຣລວຫອຮ",
        "ကခဂဃငစဆဇဈဉညဋဌဍဎဏတထဒဓနပဖဗဘမယရလဝသဟဠအ",
        "ሀለሐመሠረሰሸቀበተቸኀነኘአከኸወዐዘዠየደጀገጠጨጰጸፀፈፐ",
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
        "喆堃玥珺祎煊翀〇々"[:-1],  # Of names, and of no old standard.
    ],
)
def test_an_alphabet_is_there_to_its_last_letter(alphabet: str) -> None:
    face = typeface()
    assert [letter for letter in alphabet if face.first(face.fold(letter)) is None] == []


@pytest.mark.parametrize(
    ("written", "letter"),
    [
        ("ß", "ẞ"),
        ("ı", "I"),
        ("i", "I"),
        ("İ", "İ"),
        ("ǆ", "ǅ"),
        ("Ǆ", "ǅ"),
        ("ﬁ", "F"),
        ("ŉ", "N"),
        ("ς", "Σ"),
        ("ΐ", "Ϊ"),
        ("e\u0301", "É"),
        ("e\u0323\u0302", "Ệ"),
        ("j\u030c", "J"),
        ("𝓪", "A"),
        ("ａ", "A"),
        ("７", "7"),
        ("ｶﾞ", "ガ"),
        ("か\u3099", "が"),
        ("\u1112\u1161\u11ab", "한"),
        ("\uf9e1", "李"),
        ("ﷺ", "ص"),
        ("ש\u05c1", "ש"),
        ("م\u064f", "م"),
        ("क\u093cी", "क\u093cी"),
        ("\u0958", "क\u093c"),
        ("स्त्री", "स्त्री"),
        ("ङ्ग", "ङ"),
        ("1\ufe0f\u20e3", "1"),
        ("李\U000e0100", "李"),
    ],
)
def test_a_letter_is_what_a_reader_sees_as_one(written: str, letter: str) -> None:
    face = typeface()
    assert face.first(face.fold(written)) == letter
    assert letter in LETTERS


def test_capitals_are_those_of_the_file_not_of_python() -> None:
    """Letters that a later Unicode may give a capital stay as they are."""
    file = Typeface(FILES["bold"].read_bytes())
    for letter in LETTERS:
        assert file.first(letter) == letter
        capital = file.first(file.fold(letter))
        assert capital is not None
        assert file.fold(capital) == capital
        assert file.compose(letter) == letter


def test_the_regular_weight_has_the_alphabets_with_the_same_letters() -> None:
    regular, bold = typeface("regular"), typeface("bold")
    assert len(list(regular)) > 2300
    assert all(letter in bold for letter in regular)
    assert {"A", "z", "Ж", "ß", "א", "ع", "ก", "ລ", "ሰ", "7"} <= set(regular)
    assert "王" not in regular
    assert glyph("A", "regular").outline != glyph("A").outline
    with pytest.raises(KeyError):
        regular.glyph("王")


@pytest.mark.parametrize(
    "text", ["", "🚀", "👩🏽\u200d🚀", "🇺🇸", "\u0301", "-", "\u200b", "\ud800", "\U0010ffff"]
)
def test_other_characters_have_no_letter(text: str) -> None:
    face = typeface()
    assert face.first(face.fold(text)) is None


def test_a_decoded_outline_is_what_the_pen_recorded() -> None:
    pen = maker.Outline(None)
    pen.moveTo((10, -700))
    pen.lineTo((10, 0))
    pen.lineTo((410, 0))
    pen.lineTo((410, 0))
    pen.lineTo((1400, -2000))
    pen.closePath()
    pen.moveTo((100, 50))
    pen.qCurveTo((200, 60), (300, 50))
    pen.curveTo((250, 0), (150, 0), (100, 50))
    pen.closePath()
    numbers = b"".join(map(maker.packed, (2, 700, -714, 0, *pen.across, *pen.down)))
    drawn = _decode(len(pen.commands).to_bytes(2) + pen.commands + numbers)
    assert (drawn.advance, drawn.top, drawn.bottom) == (1400, -1428, 0)
    assert drawn.box == (20, -4000, 2800, 120)
    assert drawn.start == (20, -1400)
    assert drawn.outline == "l0 1400l800 0l1980 -4000zm180 1500q200 20 400 0c-100 -100 -300 -100 -400 0z"
    assert drawn.at(100, 200) == "M120 -1200" + drawn.outline


def test_the_file_is_not_read_before_the_first_letter() -> None:
    code = (
        "import avatar_gen.cli.serve; from avatar_gen.drawing.glyphs import typeface;"
        " print(typeface.cache_info())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "misses=0" in result.stdout


def test_the_licence_of_the_letters_is_beside_them() -> None:
    licence = FILES["bold"].with_name("OFL.txt").read_text(encoding="utf-8")
    for owner in ("The Inter Project Authors", "Google LLC", "Adobe"):
        assert owner in licence
    assert "PERMISSION & CONDITIONS" in licence
