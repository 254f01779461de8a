"""The lists of DiceBear's API, and the URLs of its older releases."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import read_options
from avatar_gen.drawing.dicebear_versions import translate_options
from avatar_gen.errors import InvalidRequest
from avatar_gen.services.dicebear_style import DicebearStyle
from tests.conftest import App, assert_failure

ROOT = Path(__file__).parents[2]
OLD: dict[str, dict[str, list[object]]] = json.loads((ROOT / "tests/golden/dicebear-9.json").read_text())
COMMON = OLD.pop("")

IGNORED = re.compile(
    r"clip|randomizeIds|fontSize|style|row[1-5]|(?:ring|shape|face)[A-Za-z1-3]*(?:Rotation|OffsetX|OffsetY)"
)
"""The options that have no equal in release 10, in all styles."""

IGNORED_IN = {
    "avataaars": {"base"},
    "glass": {"shape1", "shape2"},
    "thumbs": {"face", "shape"},
}

GONE = re.compile("variant9W[0-9]+")
"""The eyes of `thumbs` that release 10 does not have."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("old"), {"dicebear": {"old_versions": True}}).start()
    yield app.client
    app.close()


@pytest.mark.parametrize("path", ["/10.x", "/10.x/"])
def test_a_release_lists_the_styles_that_are_served(app_client: httpx.Client, path: str) -> None:
    answer = app_client.get(path)
    names = answer.json()["styles"]
    assert answer.json() == {"styles": sorted(names)}
    assert {"lorelei", "identicon", "icons"} <= set(names)
    assert all(dicebear.artwork(name).licence in {"CC0 1.0", "MIT"} for name in names)
    assert len(names) == sum(
        dicebear.artwork(each).licence in {"CC0 1.0", "MIT"} for each in dicebear.names()
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["access-control-allow-origin"] == "*"
    fresh = {"If-None-Match": answer.headers["etag"]}
    assert app_client.get(path, headers=fresh).status_code == 304


def test_a_definition_is_the_published_file(app_client: httpx.Client) -> None:
    definition = app_client.get("/10.x/lorelei/definition.json").json()
    assert definition["meta"]["creator"]["name"] == "Lisa Wischofsky"
    assert dicebear.problem_of(json.dumps(definition).encode()) is None


def test_the_options_are_those_that_a_picture_takes(app_client: httpx.Client) -> None:
    options = app_client.get("/10.x/lorelei/options.json").json()
    assert set(options) == set(dicebear.options("lorelei"))
    assert options["size"] == {"type": "number", "min": 1, "max": 4096}
    assert options["beardVariant"]["values"] == ["variant01", "variant02"]


@pytest.mark.parametrize("file", ["options.json", "definition.json"])
def test_a_style_that_is_not_served_is_not_described(app_client: httpx.Client, file: str) -> None:
    assert_failure(app_client.get(f"/10.x/adventurer/{file}"), 404, mentions="CC BY 4.0")
    assert_failure(app_client.get(f"/10.x/nothing/{file}"), 404)


@pytest.mark.parametrize(
    "path",
    [
        "/10.x?x=1",
        "/10.x/lorelei/options.json?x=1",
        "/10.x/lorelei/definition.json?seed=1",
        "/10.x/lorelei/options.json/x=1",
    ],
)
def test_the_lists_take_no_parameters(app_client: httpx.Client, path: str) -> None:
    assert_failure(app_client.get(path), 400, mentions="query has a parameter that is not known here")


def test_options_in_the_path_are_those_of_a_query(app_client: httpx.Client) -> None:
    in_path = app_client.get("/10.x/identicon/svg/seed=a%2Fb&size=64&rowColor=ff0000%2C00ff00")
    in_query = app_client.get("/10.x/identicon/svg?seed=a/b&size=64&rowColor=ff0000,00ff00")
    assert in_path.status_code == 200
    assert in_path.content == in_query.content
    assert_failure(app_client.get("/10.x/identicon/svg/size=0"), 400)


@pytest.mark.parametrize("version", ["9.x", "8.x", "7.x", "6.x", "5.x", "5"])
def test_older_releases_are_off_by_default(app_client: httpx.Client, old: httpx.Client, version: str) -> None:
    lists = [f"/{version}"] if version.endswith(".x") else []
    for path in (*lists, f"/{version}/identicon/svg"):
        assert_failure(app_client.get(path), 404, mentions="dicebear.old_versions")
        assert old.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/10", "/9", "/10.1", "/100.x", "/10.x/lorelei"])
def test_only_a_release_has_a_list(old: httpx.Client, path: str) -> None:
    assert_failure(old.get(path), 404, mentions="There is nothing at this URL")


@pytest.mark.parametrize("version", ["4.x", "11.x", "9.1", "09"])
def test_other_releases_are_never_served(old: httpx.Client, version: str) -> None:
    assert_failure(
        old.get(f"/{version}/identicon/svg"), 404, mentions="as of its release 5: /5.x/{style}/{format} to"
    )


@pytest.mark.parametrize(
    ("style", "before", "now"),
    [
        (
            "lorelei",
            "seed=F,G&radius=50&flip=true&scale=80&rotate=30&translateX=5&translateY=-5&clip=false&size=64",
            "seed=F,G&borderRadius=50&flip=horizontal&scale=0.8&rotate=30&translateX=5&translateY=-5&size=64",
        ),
        (
            "lorelei",
            "backgroundType=gradientLinear,solid&backgroundColor=ff0000,00ff00&backgroundRotation=0,90",
            "backgroundColorFill=linear,solid&backgroundColor=ff0000,00ff00&backgroundColorAngle=0,90",
        ),
        (
            "lorelei",
            "scale[]=80&flip[]=true&backgroundType[]=gradientLinear&backgroundColor[]=ff0000,00ff00",
            "scale=0.8&flip=horizontal&backgroundColorFill=linear&backgroundColor=ff0000,00ff00",
        ),
        ("lorelei", "hair[]=variant01&hair[]=variant02", "hairVariant=variant01&hairVariant=variant02"),
        (
            "lorelei",
            "eyes=variant01,gone&beardProbability=100&flip=false&seed=",
            "eyesVariant=variant01&beardProbability=100&flip=none",
        ),
        (
            "notionists",
            "brows=variant01&lips=variant02&body=variant03",
            "eyebrowsVariant=variant01&mouthVariant=variant02&clothesVariant=variant03",
        ),
        (
            "notionists",
            "bodyIcon=saturn&bodyIconProbability=100",
            "clothesGraphicVariant=saturn&clothesGraphicProbability=100",
        ),
        (
            "open-peeps",
            "face=awe&head=afro&skinColor=transparent",
            "expressionVariant=awe&headVariant=afro&skinColor=ffffff00",
        ),
        ("thumbs", "eyes=variant1W10&mouth=variant2", "eyesVariant=variant01&mouthVariant=variant02"),
        ("initials", "seed=Ada%20L&chars=1&fontSize=40&unknown=1", "seed=Ada%20L&lettersVariant=single"),
        ("identicon", "row1=xooox&rowColor=ff0000", "rowColor=ff0000"),
    ],
)
def test_the_options_of_older_releases_are_translated(
    old: httpx.Client, style: str, before: str, now: str
) -> None:
    answer = old.get(f"/9.x/{style}/svg?{before}")
    assert answer.status_code == 200, answer.text
    assert answer.text == old.get(f"/10.x/{style}/svg?{now}").text
    assert old.get(f"/5.x/{style}/svg/{before}").content == answer.content


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("scale=201", "scale must be a whole number from 0 to 200, in percent"),
        ("scale=x", "scale must be a whole number"),
        ("flip=maybe", "flip must be"),
        ("scale[]=x", "scale must be a whole number"),
        ("radius=51", "radius must be"),
        ("radius[]=51", "radius must be"),
        ("backgroundType=x", "backgroundType must be"),
        ("backgroundRotation=x", "backgroundRotation must be"),
        ("backgroundColor=red", "backgroundColor must be"),
        ("size=0", "size must be"),
    ],
)
def test_invalid_values_are_refused_as_there(old: httpx.Client, query: str, message: str) -> None:
    assert_failure(old.get(f"/9.x/lorelei/svg?{query}"), 400, mentions=message)


def test_a_lists_file_is_one_of_release_10(old: httpx.Client) -> None:
    assert_failure(old.get("/9.x/lorelei/schema.json"), 400)
    assert_failure(old.get("/9.x/lorelei/options.json"), 400)


@pytest.mark.parametrize("style", OLD)
def test_every_option_and_variant_of_release_9_is_translated_or_known_to_be_ignored(style: str) -> None:
    options = dicebear.options(style)
    for name, values in {**COMMON, **OLD[style]}.items():
        ignored = IGNORED.fullmatch(name) or name in IGNORED_IN.get(style, ())
        for value in values:
            text = str(value).lower() if value is True else str(value)
            pairs, old_names = translate_options(style, options, [(name, text)])
            is_gone = ignored or (style == "thumbs" and GONE.fullmatch(text))
            assert bool(pairs) is not bool(is_gone), (name, value)
            assert len(read_options(options, pairs)) == len(pairs)
            assert list(old_names.values()) == [name] * len(pairs)
            if pairs:
                # No option of release 10 has this many values.
                with pytest.raises(InvalidRequest) as refused:
                    DicebearStyle(style).read_as_old_dicebear([(name, text)] * 129, "svg")
                assert [each.field for each in refused.value.problems] == [name]
