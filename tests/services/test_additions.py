"""An operator's folder of style definitions."""

import json
import os
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_problems import _WORDS
from avatar_gen.errors import InvalidRequest, SettingsError
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.services.additions import Additions, read_additions, serve_additions
from avatar_gen.services.style_families import describe_styles, find_dicebear_style, find_style, style_names

PEBBLE = Path(__file__).parents[2] / "docs" / "definitions" / "pebble.json"

NONE: frozenset[str] = frozenset()

Definition = dict[str, Any]


pytestmark = pytest.mark.usefixtures("nothing_added")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(PEBBLE, tmp_path)
    return tmp_path


def serve(folder: Path) -> None:
    serve_additions(read_additions({}, folder))


def definition() -> Definition:
    found: Definition = json.loads(PEBBLE.read_text())
    return found


def test_it_is_served_beside_the_built_in_ones_and_no_licence_is_needed(folder: Path) -> None:
    before = list(style_names())
    serve(folder)
    assert list(style_names()) == [*before, "pebble"]
    assert find_style("pebble") == find_style("dicebear-pebble") == find_dicebear_style("pebble", NONE)
    [described] = [style for style in describe_styles(NONE) if style.licence]
    assert (described.title, described.licence, described.creator) == ("Pebble", "CC BY 4.0", "Ada Lovelace")
    assert {"eyesVariant", "leafProbability", "stoneColor"} < set(described.options)


def test_it_is_drawn_in_every_format_as_dicebears_library_draws_it(folder: Path) -> None:
    from dicebear import Avatar, Style  # noqa: PLC0415 - the import is slow

    serve(folder)
    found = find_style("pebble")
    found.prepare(NONE)
    for format_name in DRAWN_TYPES:
        assert found.read([("eyesVariant", "happy")], format_name).with_seed("ada").draw()
    by_library = Avatar(Style(definition()), {"seed": "ada"}).to_string()
    assert dicebear.draw_svg("pebble", {"seed": "ada"}) == by_library
    with pytest.raises(InvalidRequest, match="eyesVariant must be at most 128 of happy, open"):
        found.read([("eyesVariant", "closed")], "png")


def test_a_changed_definition_has_other_pictures_and_another_tag(folder: Path) -> None:
    def drawn() -> tuple[str, bytes]:
        serve(folder)
        found = find_style("pebble")
        found.prepare(NONE)
        request = found.read([], "svg").with_seed("ada")
        return request.made_by, request.draw()

    tag, picture = drawn()
    assert drawn() == (tag, picture)
    changed = definition()
    changed["colors"]["stone"]["values"] = ["#ff0000"]
    (folder / "pebble.json").write_text(json.dumps(changed))
    assert drawn()[0] != tag
    assert drawn()[1] != picture
    assert b"#ff0000" in drawn()[1]


def test_without_credits_there_are_none(folder: Path) -> None:
    anonymous = definition()
    del anonymous["meta"]
    (folder / "pebble.json").write_text(json.dumps(anonymous))
    serve(folder)
    described = find_style("pebble").describe()
    assert (described.licence, described.creator) == (None, None)
    assert not any(dicebear.credits_of("pebble"))


def test_other_files_are_left_alone_and_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Our styles")
    assert read_additions({}, tmp_path) == Additions({}, {})
    assert read_additions({}, None) == Additions({}, {})


def _edit(change: Callable[[Definition], object]) -> str:
    changed = definition()
    change(changed)
    return json.dumps(changed)


def _in_circle(style: Definition) -> None:
    style["colors"]["stone"]["contrastTo"] = "ground"
    style["colors"]["ground"]["contrastTo"] = "stone"


BAD = {
    "no": ("{", "is not JSON: "),
    "list": ("[]", "the definition has the wrong type"),
    "deep": ("[" * 100_000, "is nested too deeply"),
    "bare": (_edit(lambda style: style.pop("canvas")), "the definition lacks a required field"),
    "wide": (_edit(lambda style: style["canvas"].update(width="9")), "/canvas/width has the wrong type"),
    "script": (
        _edit(lambda style: style["canvas"]["elements"][0].update(name="script")),
        "/canvas/elements/0/name is not one of the accepted values",
    ),
    "click": (
        _edit(lambda style: style["canvas"]["elements"][0]["attributes"].update(onclick="alert(1)")),
        "/canvas/elements/0/attributes has an unknown field",
    ),
    "link": (
        _edit(lambda style: style["canvas"]["elements"][0]["attributes"].update(style="fill:url(//x)")),
        "/canvas/elements/0/attributes/style has text that is not accepted, such as a URL",
    ),
    "fill": (
        _edit(lambda style: style["canvas"]["elements"][0]["attributes"].update(fill="url(//x)")),
        "/canvas/elements/0/attributes/fill has text that is not accepted, such as a URL",
    ),
    "grey": (
        _edit(lambda style: style["colors"]["stone"].update(values=[])),
        "/colors/stone/values has too few entries",
    ),
    "noseless": (
        _edit(lambda style: style["canvas"]["elements"].append({"type": "component", "name": "nose"})),
        "refers to the component nose, which it does not define",
    ),
    "sky": (
        _edit(
            lambda style: style["canvas"]["elements"][0]["attributes"]["fill"].update(name="sky"),
        ),
        "refers to the color sky, which it does not define",
    ),
    "alias": (
        _edit(lambda style: style["components"].update(ear={"extends": "head"})),
        '/components/ear/extends references unknown component "head"',
    ),
    "circle": (_edit(_in_circle), "has colors that refer to each other in a circle: "),
    "smile": (PEBBLE.read_text(), "is the name of a built-in style; choose another one"),
    "lorelei": (PEBBLE.read_text(), "is the name of a built-in style; choose another one"),
    "dicebear-x": (PEBBLE.read_text(), "is the name of a built-in style; choose another one"),
    "photo": (PEBBLE.read_text(), "is the type of uploaded photographs; choose another name"),
    "Pebble": (PEBBLE.read_text(), "a name has lower-case letters, digits and dashes"),
    "x" * 33: (PEBBLE.read_text(), "a name has lower-case letters, digits and dashes"),
}


def test_each_file_that_cannot_be_used_is_named_in_a_line_with_what_is_wrong(folder: Path) -> None:
    for name, (text, _) in BAD.items():
        (folder / f"{name}.json").write_text(text)
    (folder / "latin.json").write_bytes(b'{"a": "\xff"}')
    (folder / "folder.json").mkdir()
    (folder / "gone.json").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.json")
    with pytest.raises(SettingsError) as refused:
        serve(folder)
    lines = str(refused.value).split("\n")
    expected = {
        **{name: message for name, (_, message) in BAD.items()},
        "latin": "is not text in UTF-8",
        "folder": "cannot be read: it is not a regular file",
        "gone": "cannot be read: No such file or directory",
        "pipe": "cannot be read: it is not a regular file",
    }
    assert [line.partition(": ")[0] for line in lines] == [
        f"{folder}/{name}.json" for name in sorted(expected)
    ]
    for line, name in zip(lines, sorted(expected), strict=True):
        assert line.partition(": ")[2].startswith(expected[name]), line
    assert "pebble" not in style_names()


def test_every_keyword_of_the_schema_has_words() -> None:
    from jsonschema import Draft7Validator  # noqa: PLC0415 - the import is slow

    schema = (files("dicebear_schema") / "definition.json").read_text()
    of_parts = {"$ref", "properties", "items", "propertyNames", "allOf", "anyOf", "const", "format"}
    used = {keyword for keyword in Draft7Validator.VALIDATORS if f'"{keyword}":' in schema} - of_parts
    assert "not" in used
    assert used <= set(_WORDS)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^styles\.path: .*/none: No such file or directory$"):
        serve(tmp_path / "none")


def test_the_built_in_definitions_pass_the_same_check() -> None:
    for name in dicebear.built_in_names()[::6]:
        assert dicebear.problem_of(dicebear._file(name)) is None
