"""Stored avatars in DiceBear's styles."""

import io
import shutil
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing import dicebear
from avatar_gen.imaging import MEDIA_TYPES
from tests.conftest import App, MakeApp, assert_failure

FREE = [name for name in dicebear.names() if dicebear.artwork(name).licence in {"CC0 1.0", "MIT"}]

PEBBLE = Path(__file__).parents[2] / "docs" / "definitions" / "pebble.json"


def by_url(client: httpx.Client, style: str, seed: str, **query: str) -> bytes:
    answer = client.get(f"/api/render/{style}/{seed}.png", params=query)
    assert answer.status_code == 200, answer.text
    return answer.content


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


@pytest.mark.parametrize("style", FREE[::5])
def test_every_size_is_the_picture_by_url(app: App, style: str) -> None:
    identity = app.generate(type=style, seed="Felix")
    for size in range(4, 10):
        stored = app.client.get(f"/api/{identity}?size={size}").content
        assert stored == by_url(app.client, style, "Felix", size=str(1 << size))


def test_options_are_those_of_the_url_and_listed(app: App) -> None:
    options = {
        "eyesVariant": {"variant01": 3, "variant02": 1},
        "backgroundColor": ["b6e3f4", "c0aede"],
        "scale": 0.8,
    }
    answer = app.client.post("/api/generate", json={"type": "Lorelei", "seed": "Felix", "options": options})
    data = answer.json()["data"]
    assert data["generatorType"] == "lorelei"
    assert data["options"] == {**options, "scale": [0.8]}
    [row] = app.client.get("/api/list?pick=1&order=newest").json()["data"]["avatars"]
    assert row == data
    query = {"eyesVariant": "variant01:3,variant02:1", "backgroundColor": "b6e3f4,c0aede", "scale": "0.8"}
    stored = app.client.get(f"/api/{data['id']}?size=7").content
    assert stored == by_url(app.client, "lorelei", "Felix", size="128", **query)
    same = {"eyesVariant": "variant01:3,variant02", "backgroundColor": "b6e3f4,c0aede", "scale": [0.8]}
    other = app.generate(type="lorelei", seed="Felix", options=same)
    assert app.client.get(f"/api/{other}?size=7").content == stored


@pytest.mark.parametrize("number", [0.1 + 0.2, 100 / 3, 1e-7, 5e-21, -0.0, 1e2, -123.45678901234567])
def test_a_number_may_have_any_digits_and_exponent(app: App, number: float) -> None:
    options = {"rotate": number, "eyesVariant": {"variant01": abs(number)}}
    identity = app.generate(type="lorelei", seed="Felix", options=options)
    in_digits = format(Decimal(str(number)), "f")
    query = {"rotate": in_digits, "eyesVariant": f"variant01:{in_digits.removeprefix('-')}"}
    for px in (64, 100):
        stored = app.client.get(f"/api/{identity}?px={px}").content
        drawn = by_url(app.client, "lorelei", "Felix", size=str(px), **query)
        assert np.abs(pixels(stored) - pixels(drawn)).mean() < 2
    app.generate(type="lorelei", options={"rotate": in_digits})


def test_a_number_out_of_range_is_refused_whatever_its_size(app: App) -> None:
    for number in (1e300, -1e300, 361, 10**30):
        body = {"type": "lorelei", "options": {"rotate": number}}
        answer = app.client.post("/api/generate", json=body)
        assert_failure(answer, 400, mentions="options.rotate must be at most 2 numbers from -360 to 360")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        *(
            ({name: {}}, f"options.{name} must not be an object")
            for name in ("rotate", "flip", "backgroundColor")
        ),
        ({"rotate": {"x": 1}}, "options.rotate must not be an object"),
        *(({"title": value}, "options.title must be text") for value in (5, {}, {"x": 1}, ["a"])),
    ],
)
def test_an_option_takes_its_own_kind_of_value_alone(
    app: App, options: dict[str, object], reason: str
) -> None:
    answer = app.client.post("/api/generate", json={"type": "lorelei", "options": options})
    assert_failure(answer, 400, mentions=reason)


def test_every_format_and_filter_names_the_artist(app: App) -> None:
    identity = app.generate(type="lorelei", seed="Felix", options={"backgroundColor": "ffffff"})
    for format_name in MEDIA_TYPES:
        for filter_ in ("", "&filter=sepia"):
            content = app.client.get(f"/api/{identity}?size=7&format={format_name}{filter_}").content
            xmp = Image.open(io.BytesIO(content)).info["xmp"]
            assert "Lisa Wischofsky" in (xmp if isinstance(xmp, str) else xmp.decode())


def test_it_is_linked_to_an_identity_and_drawn_at_any_width(app: App) -> None:
    identity = app.generate(type="lorelei", seed="Felix")
    hashed = uuid4().hex
    assert app.client.put(f"/api/identities/{hashed}", json={"avatarId": identity}).status_code == 200
    assert app.client.get(f"/avatar/{hashed}?s=100").content == by_url(
        app.client, "lorelei", "Felix", size="100"
    )


def test_without_a_seed_it_is_random(app: App) -> None:
    first, second = (app.client.get(f"/api/{app.generate(type='shapes')}").content for _ in "ab")
    assert first != second


def test_a_name_with_a_prefix_is_stored_without_it(app: App) -> None:
    answers = [
        app.client.post("/api/generate", json={"type": name, "seed": "a"}).json()["data"]["generatorType"]
        for name in ("dicebear-lorelei", "dicebear-initials", "initials")
    ]
    assert answers == ["lorelei", "dicebear-initials", "initials"]


@pytest.mark.usefixtures("nothing_added")
def test_it_survives_the_end_of_its_style_a_reindex_and_an_export(make_app: MakeApp, tmp_path: Path) -> None:
    shutil.copy(PEBBLE, tmp_path)
    app = make_app({"styles": {"path": str(tmp_path)}}).start()
    identity = app.generate(type="pebble", seed="ada", options={"eyesVariant": "happy"})
    hashed = uuid4().hex
    app.client.put(f"/api/identities/{hashed}", json={"avatarId": identity})
    whole, scaled = f"/api/{identity}?size=8", f"/avatar/{hashed}?s=100"
    before = [app.client.get(url).content for url in (whole, scaled)]
    rows = app.client.get("/api/list").json()["data"]
    app.run("export", "-o", "out")
    app.close()

    (tmp_path / "pebble.json").unlink()
    app.start()
    assert app.client.get(whole).content == before[0]
    assert app.client.get("/api/render/pebble/ada.png").status_code == 400
    assert np.abs(pixels(app.client.get(scaled).content) - pixels(before[1])).mean() < 2
    assert b"Ada Lovelace" in app.client.get(scaled).content
    assert app.run("reindex").returncode == 0
    assert app.client.get("/api/list").json()["data"] == rows

    other = make_app().start()
    imported = other.run("import", "--exported", str(app.folder / "out"))
    assert imported.returncode == 0, imported.stderr
    assert other.client.get(whole).content == before[0]
    assert other.client.get("/api/list").json()["data"] == rows
    assert rows["avatars"][0]["options"] == {"eyesVariant": ["happy"]}
