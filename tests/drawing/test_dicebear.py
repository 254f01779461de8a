import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from dicebear import Style
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import (
    Choice,
    InvalidOption,
    Numbers,
    Text,
    Value,
    Words,
    read_options,
)
from avatar_gen.settings.pictures import Dicebear

GOLDEN = Path(__file__).parent.parent / "golden" / "dicebear.json"
RECORDED: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def drawn(style: str, options: Mapping[str, Value]) -> tuple[str, str]:
    return digest(dicebear.draw_svg(style, options)), digest(dicebear.draw_json(style, options))


@pytest.mark.parametrize("style", dicebear.names())
def test_every_style_is_drawn_as_dicebear_draws_it_byte_for_byte(style: str) -> None:
    """`record_dicebear.mjs` recorded what its packages for Node draw."""
    cases = [case for case in RECORDED["cases"] if case["style"] == style]
    assert len(cases) >= 19
    for case in cases:
        assert drawn(style, case["options"]) == (case["svg"], case["json"]), case["options"]


def test_the_releases_are_those_that_were_recorded() -> None:
    assert f"{RECORDED['core']}/{RECORDED['styles']}" == dicebear.RELEASE
    assert {case["style"] for case in RECORDED["cases"]} == set(dicebear.names())


@pytest.mark.skipif(not shutil.which("npm"), reason="there is no Node here to draw with: no npm")
def test_dicebear_for_node_draws_now_what_was_recorded(tmp_path: Path) -> None:
    packages = [f"@dicebear/{name}@{RECORDED[name]}" for name in ("core", "styles")]
    impatient = ["--fetch-timeout=20000", "--fetch-retries=0"]
    command = ["npm", "install", "--silent", *impatient, "--prefix", str(tmp_path), *packages]
    if subprocess.run(command, check=False, capture_output=True, timeout=120).returncode:
        pytest.skip("npm is here, but DiceBear's packages are not to be had")
    recorder = Path(__file__).parent / "record_dicebear.mjs"
    record = ["node", str(recorder), str(tmp_path)]
    result = subprocess.run(record, check=True, capture_output=True, timeout=120)
    assert json.loads(result.stdout) == RECORDED


def test_many_threads_draw_a_style_that_none_has_drawn_before() -> None:
    """In a process of its own, for here it has been."""
    code = f"{drawn_by_many.__name__}()"
    command = [sys.executable, "-c", f"from {__name__} import {drawn_by_many.__name__}; {code}"]
    root = Path(__file__).parent.parent.parent
    subprocess.run(command, cwd=root, env=dict(os.environ), check=True, timeout=60)


def drawn_by_many() -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: dicebear.draw_svg("lorelei", {"seed": "x"}), range(64)))) == 1


@pytest.mark.parametrize("name", ["lorelei", "initials"])
def test_a_style_made_without_its_constructor_is_what_the_constructor_makes(name: str) -> None:
    """`_load` sets the constructor's private attributes. A release that changes them fails here first."""
    definition = dicebear._definition(name)
    ours, theirs = dicebear._load(name), Style(definition)
    assert vars(ours).keys() == vars(theirs).keys()
    assert vars(ours)["_data"] == vars(theirs)["_data"]
    assert ours.components().keys() == theirs.components().keys()


def test_every_style_says_whose_it_is() -> None:
    works = [dicebear.artwork(name) for name in dicebear.names()]
    assert {work.licence for work in works} == set(dicebear.LICENCES)
    for work in works:
        assert work.title.lower().replace(" ", "-") == work.name
        assert work.creator
        assert work.source
        for url in (work.licence_url, work.creator_url, work.source_url):
            assert url
            assert url.startswith(("http://", "https://"))


def test_every_licence_can_be_set() -> None:
    assert Dicebear(licenses=list(dicebear.LICENCES)).licenses == list(dicebear.LICENCES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ({"seed": ""}, ""),
        ({"seed": "a,b"}, "a,b"),
        ({"size": "96"}, 96),
        ({"size": "96.0"}, 96),
        ({"scale": "1.25"}, [1.25]),
        ({"rotate": "-10,12.5"}, [-10, 12.5]),
        ({"rotate": ""}, []),
        ({"backgroundColor": "b6e3f4,#FFF,"}, ["b6e3f4", "#FFF"]),
        ({"backgroundColor[]": "fff"}, ["fff"]),
        ({"backgroundColor": ""}, []),
        ({"backgroundColorFillStops": "2,3"}, [2, 3]),
        ({"flip": "horizontal,none"}, ["horizontal", "none"]),
        ({"eyesVariant": "variant01,variant02"}, ["variant01", "variant02"]),
        ({"eyesVariant": "variant01:3,variant02"}, {"variant01": 3, "variant02": 1}),
        ({"eyesVariant": "variant01:,variant02:0.5"}, {"variant01": 0, "variant02": 0.5}),
        ({"beardProbability": "62.5"}, 62.5),
        ({"eyesColorOrder": "fixed"}, "fixed"),
        ({"fontWeight": "400,700"}, [400, 700]),
        ({"fontFamily": "Arial,Noto Sans"}, ["Arial", "Noto Sans"]),
    ],
)
def test_options_are_read_from_a_query_as_dicebears_api_reads_them(
    query: dict[str, str], value: object
) -> None:
    (read,) = read_options(dicebear.options("lorelei"), query.items()).values()
    assert read == value
    assert type(read) is type(value)


def test_an_option_that_is_given_twice_has_both_values() -> None:
    pairs = [("flip", "none"), ("flip", "both")]
    assert read_options(dicebear.options("lorelei"), pairs) == {"flip": ["none", "both"]}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("seed", "x" * 257, "must be one text of at most 256 characters that XML can hold"),
        ("title", "\0", "must be one text of at most 256 characters that XML can hold"),
        ("size", "", "must be a whole number from 1 to 4096"),
        ("size", "4097", "must be a whole number from 1 to 4096"),
        ("size", "1.5", "must be a whole number from 1 to 4096"),
        ("size", "1e3", "must be a whole number from 1 to 4096"),
        ("size", "64,96", "must be a whole number from 1 to 4096"),
        ("beardProbability", "\u0665", "must be a number from 0 to 100"),
        ("scale", "1,2,3", "must be at most 2 numbers from 0 to 10, separated by commas"),
        ("scale", "nan", "must be at most 2 numbers from 0 to 10, separated by commas"),
        ("backgroundColorFillStops", "1", "must be at most 2 whole numbers from 2 to 128"),
        ("flip", "true", "must be at most 4 of none, horizontal, vertical, both"),
        ("eyesVariant", "sunny", "must be at most 128 of variant01, "),
        ("eyesVariant", ",".join(["variant01"] * 129), "must be at most 128 of variant01, "),
        ("eyesVariant", "variant01:-1", "must have weights from 0 to 1000000"),
        ("eyesVariant", "variant01:x", "must have weights from 0 to 1000000"),
        ("eyesColorOrder", "fixed,random", "must be one of random, fixed"),
        ("backgroundColor", "red", "must be at most 128 colours in 3, 4, 6 or 8 hexadecimal digits"),
        ("backgroundColor", "fff\n", "must be at most 128 colours in 3, 4, 6 or 8 hexadecimal digits"),
        ("fontFamily", 'x"/>', "must be at most 128 names of fonts"),
    ],
)
def test_an_option_that_cannot_be_taken_is_refused_with_what_it_takes(
    name: str, value: str, reason: str
) -> None:
    with pytest.raises(InvalidOption) as refused:
        read_options(dicebear.options("lorelei"), [(name, value)])
    assert refused.value.option == name
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize("name", ["idRandomization", "mood", "eyesvariant", ""])
def test_an_option_that_there_is_not_is_answered_with_those_that_there_are(name: str) -> None:
    with pytest.raises(InvalidOption, match="known: seed, size, title, flip") as refused:
        read_options(dicebear.options("lorelei"), [(name, "1")])
    assert refused.value.option is None


def test_tags_choose_among_the_variants_of_a_style_that_has_them() -> None:
    tagged = next(name for name in dicebear.names() if "tags" in dicebear.options(name))
    read = read_options(dicebear.options(tagged), [("tags", "hairLength:long,!hat")])
    assert read == {"tags": ["hairLength:long", "!hat"]}
    with pytest.raises(InvalidOption, match="tags such as"):
        read_options(dicebear.options(tagged), [("tags", "<hat>")])
    assert "tags" not in dicebear.options("glyphs")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def queries(option: Text | Numbers | Words | Choice) -> st.SearchStrategy[str]:
    """Values of an option, some of which it takes."""
    match option:
        case Numbers():
            likely = st.floats(option.lowest - 1, min(option.highest, 1000) + 1).map("{:.3f}".format)
        case Choice(weighted=True):
            weights = st.sampled_from(["", ":", ":2", ":0.5"])
            likely = st.tuples(st.sampled_from(option.names), weights).map("".join)
        case Choice():
            likely = st.sampled_from(option.names)
        case Words():
            likely = st.sampled_from(["fff", "#B6E3F480", "Noto Sans", "hat", "!hairLength:long"])
        case Text():
            return texts
    return st.lists(st.one_of(likely, likely, likely, texts), max_size=3).map(",".join)


@given(st.data())
def test_any_query_is_drawn_as_well_formed_xml_or_refused(data: st.DataObject) -> None:
    style = data.draw(st.sampled_from(dicebear.names()))
    options = dicebear.options(style)
    names = data.draw(st.lists(st.sampled_from(sorted(options)), max_size=5))
    pairs = [(name, data.draw(queries(options[name]), label=name)) for name in names]
    try:
        read = read_options(options, [*pairs, ("seed", data.draw(texts))] if "seed" not in names else pairs)
    except InvalidOption:
        return
    root = ET.fromstring(dicebear.draw_svg(style, read))  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    # https://www.w3.org/TR/xml/#AVNormalize: what DiceBear writes as they are, a parser reads as spaces.
    title = read.get("title")
    assert root.get("aria-label") == (title and re.sub("\r\n|[\t\r\n]", " ", str(title)))
    assert not any(element.tag.endswith("}script") for element in root.iter())
    assert json.loads(dicebear.draw_json(style, read))["svg"] == dicebear.draw_svg(style, read)


@pytest.mark.parametrize("style", ["lorelei", "initials", "shapes"])
def test_as_many_values_as_are_accepted_are_drawn(style: str) -> None:
    """DiceBear's core accepts fewer of some options than of others, and raises for more."""
    options = dicebear.options(style)
    for name, option in options.items():
        value = option.names[0] if isinstance(option, Choice) else "fff"
        value = f"{option.highest:g}" if isinstance(option, Numbers) else value
        accepted = 0
        for count in (1, 2, 4, 5, 32, 33, 128, 129):
            try:
                read = read_options(options, [(name, ",".join([value] * count))])
            except InvalidOption:
                continue
            accepted += 1
            dicebear.draw_svg(style, {"seed": "", **read})
        assert accepted


def test_what_a_person_is_called_is_escaped() -> None:
    svg = dicebear.draw_svg("initials", {"seed": "<&>", "title": "<script>&\"'"})
    assert "&lt;script&gt;&amp;&quot;&apos;" in svg
    assert "<script" not in svg


def test_nothing_of_dicebears_is_read_before_it_is_asked_for() -> None:
    code = "import sys, avatar_gen.app; assert not {'dicebear', 'jsonschema'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
