import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing.palette import SCHEMES, parse_colour
from avatar_gen.drawing.styles import STYLES
from tests.conftest import MakeApp, Service, assert_failure

FIELDS = {
    "id",
    "name",
    "createdAt",
    "version",
    "primaryColor",
    "foreignColor",
    "colorScheme",
    "seed",
    "generatorType",
    "palette",
    "options",
}


def picture(client: httpx.Client, identity: str, **parameters: object) -> bytes:
    answer = client.get(f"/api/{identity}", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.content


def drawn(client: httpx.Client, **body: object) -> tuple[bytes, ...]:
    """All six pictures of a new avatar."""
    answer = client.post("/api/generate", json=body)
    assert answer.status_code == 201, answer.text
    identity = answer.json()["data"]["id"]
    return tuple(picture(client, identity, size=size) for size in range(4, 10))


@pytest.mark.parametrize("address", ["/api/generate", "/api/v1/generate"])
def test_an_avatar_is_answered_as_the_contract_says(client: httpx.Client, address: str) -> None:
    asked = {"type": "Wave", "primaryColor": "#0077BE", "foreignColor": "Orange", "seed": "ada"}
    answer = client.post(address, json=asked)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"statusCode", "message", "data"}
    assert body["statusCode"] == 201
    data = body["data"]
    assert set(data) == FIELDS
    assert str(UUID(data["id"], version=4)) == data["id"] == data["name"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["createdAt"])
    assert abs(datetime.fromisoformat(data["createdAt"]) - datetime.now(UTC)) < timedelta(seconds=60)
    assert data["version"] == "0.0.1"
    assert data["generatorType"] == "wave"
    assert (data["primaryColor"], data["foreignColor"], data["seed"]) == ("#0077BE", "Orange", "ada")
    assert data["colorScheme"] is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"seed": null, "type": null, "angle": null}'])
def test_an_absent_body_is_an_empty_one_and_its_picture_is_random(
    client: httpx.Client, content: bytes
) -> None:
    pictures = set()
    for _ in range(2):
        answer = client.post("/api/generate", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 201
        data = answer.json()["data"]
        assert data["generatorType"] == "pixelize"
        assert data["seed"] is None
        pictures.add(picture(client, data["id"]))
    assert len(pictures) == 2


@pytest.mark.parametrize("kind", STYLES)
def test_the_same_body_gives_two_avatars_with_equal_pictures(client: httpx.Client, kind: str) -> None:
    body = {"type": kind, "seed": "Grace", "colorScheme": "ocean"}
    assert drawn(client, **body) == drawn(client, **body)


def test_every_field_of_a_body_counts(client: httpx.Client) -> None:
    bodies: list[dict[str, object]] = [
        {"seed": "a"},
        {"seed": "A"},
        {"seed": "a "},
        {"seed": "a", "type": "wave"},
        {"seed": "a", "primaryColor": "black"},
        {"seed": "a", "foreignColor": "black"},
        {"seed": "a", "colorScheme": "pastel"},
        {"type": "gradient"},
        {"type": "gradient", "angle": 0},
        {"type": "gradient", "angle": 45.5},
    ]
    assert len({drawn(client, **spec) for spec in bodies}) == len(bodies)


def test_what_is_said_twice_is_said_once(client: httpx.Client) -> None:
    blue = drawn(client, seed="a", primaryColor="#3B82F6", foreignColor="#60a5fa")
    assert drawn(client, seed="a") == blue
    assert drawn(client, seed="a", primaryColor="blue", foreignColor="LightBlue") == blue
    assert drawn(client, seed="a", colorScheme="blue", primaryColor="red", foreignColor="red") == blue
    assert drawn(client, type="gradient", angle=90) == drawn(client, type="GRADIENT", seed="other")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", ["pixelize", "wave"])
def test_every_scheme_is_drawn_in_its_own_colours(client: httpx.Client, kind: str, scheme: str) -> None:
    name, primary, foreign = SCHEMES[scheme]
    data = drawn(client, type=kind, seed="ada", colorScheme=name)
    assert data == drawn(client, type=kind, seed="ada", primaryColor=primary, foreignColor=foreign)
    colours = Image.open(io.BytesIO(data[-1])).convert("RGB").getcolors(512 * 512) or []
    # The edge of a wave is blended, so it has more colours, each in a few pixels.
    most_frequent = {colour for _, colour in sorted(colours, key=lambda each: -each[0])[:2]}
    assert most_frequent == {parse_colour(primary), parse_colour(foreign)}


@pytest.mark.parametrize("kind", STYLES)
@pytest.mark.parametrize("palette", ["any", "neon"])
def test_a_palette_is_drawn_as_by_url(client: httpx.Client, kind: str, palette: str) -> None:
    query = {} if palette == "any" else {"palette": palette}
    by_url = client.get(f"/api/render/{kind}/Grace.png", params={"size": "512", **query}).content
    assert drawn(client, type=kind, seed="Grace", palette=palette)[-1] == by_url


def test_without_a_palette_and_colours_the_two_default_colours_are_drawn(client: httpx.Client) -> None:
    blue = drawn(client, type="marble", seed="a")
    assert blue == drawn(client, type="marble", seed="a", primaryColor="#3B82F6", foreignColor="#60A5FA")
    assert drawn(client, type="marble", seed="a", palette="any") != blue


def test_a_palette_without_a_seed_is_random(client: httpx.Client) -> None:
    pictures = {drawn(client, palette="any") for _ in range(4)}
    assert len(pictures) == 4


def test_a_stored_avatar_survives_the_change_and_the_removal_of_its_palette(
    make_app: MakeApp, tmp_path: Path
) -> None:
    house = ["#fff8f0", "#ffb000", "#dc267f", "#648fff", "#1b1035"]
    storage = {"local": {"save_path": str(tmp_path / "avatars")}}
    app = make_app({"storage": storage, "palettes": {"house": house}}).start()
    first = app.client.post("/api/generate", json={"seed": "ada", "type": "bauhaus", "palette": "house"})
    identity = first.json()["data"]["id"]
    email = f"{'a' * 32}"
    assert app.client.put(f"/api/identities/{email}", json={"avatarId": identity}).status_code == 200
    before = [app.client.get(f"/avatar/{email}?s={px}").content for px in (64, 100)]
    by_url = app.client.get("/api/render/bauhaus/ada.png?palette=house&size=64").content
    assert picture(app.client, identity) == before[0] == by_url
    assert before[1] == app.client.get("/api/render/bauhaus/ada.png?palette=house&size=100").content
    app.close()
    for palettes in ({"house": house[::-1]}, {}):
        other = make_app({"storage": storage, "palettes": palettes}).start()
        assert picture(other.client, identity) == before[0]
        scaled = Image.open(io.BytesIO(other.client.get(f"/avatar/{email}?s=100").content)).convert("RGB")
        was = Image.open(io.BytesIO(before[1])).convert("RGB")
        assert np.abs(np.asarray(scaled, np.int16) - np.asarray(was, np.int16)).mean() < 4
        assert other.run("reindex").returncode == 0
        [row] = other.client.get("/api/list").json()["data"]["avatars"]
        assert (row["palette"], row["primaryColor"]) == ("house", None)
        other.close()


def test_version_two_draws_gradients(client: httpx.Client) -> None:
    answer = client.post("/api/v2/generate", json={"angle": 45, "colorScheme": "sunset"})
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert data["generatorType"] == "gradient"
    expected = drawn(client, type="gradient", angle=45, colorScheme="sunset")
    assert picture(client, data["id"], size=9) == expected[-1]
    assert client.post("/api/v2/generate", json={"angle": 0, "type": "Gradient"}).status_code == 201


REFUSED = [
    ({"type": "hexagon"}, "type", "type must be one of pixelize, wave, gradient, "),
    (
        {"type": "adventurer"},
        "type",
        "The licence of this style, CC BY 4.0, is not among",
    ),
    (
        {"type": "wave", "options": {"a": 1}},
        "options",
        "options is for DiceBear's styles. ",
    ),
    ({"type": "lorelei", "options": []}, "options", "options must be a JSON object."),
    ({"type": "lorelei", "options": {"x": 1}}, "options", "options has an option that is not known"),
    (
        {"type": "lorelei", "options": {"seed": "a"}},
        "options",
        "options has an option that is not known",
    ),
    ({"type": "lorelei", "options": {"size": 64}}, "options", "options has an option that is not known"),
    ({"type": "lorelei", "options": {"flip": True}}, "options", "options has a value that is not a text"),
    ({"type": "lorelei", "options": {"flip": None}}, "options", "options has a value that is not a text"),
    (
        {"type": "lorelei", "options": {"flip": [["a"]]}},
        "options",
        "options has a value that is not a text",
    ),
    (
        {"type": "lorelei", "options": {"eyesVariant": "none"}},
        "options.eyesVariant",
        "options.eyesVariant must be at most 128 of variant01, ",
    ),
    (
        {"type": "lorelei", "options": {"scale": 1e300}},
        "options.scale",
        "options.scale must be at most 2 numbers from 0 to 10, separated by commas.",
    ),
    ({"type": "lorelei", "seed": "\x01"}, "seed", "seed must be one text of at most 256 characters that XML"),
    (
        {"type": "lorelei", "primaryColor": "red"},
        "primaryColor",
        "primaryColor is for the service's own styles.",
    ),
    (
        {"type": "lorelei", "colorScheme": "ocean"},
        "colorScheme",
        "colorScheme is for the service's own styles.",
    ),
    ({"type": "lorelei", "palette": "any"}, "palette", "palette is for the service's own"),
    ({"type": "lorelei", "angle": 5}, "angle", "angle is only for the type gradient."),
    (
        {"type": "dicebear-initials", "seed": "山田"},
        "seed",
        "Only svg can show the letters of this avatar",
    ),
    ({"colorScheme": "Ocean"}, "colorScheme", "colorScheme must be one of green, blue, red, "),
    ({"primaryColor": "#12345"}, "primaryColor", "primaryColor is not a colour. Use #rgb, #rrggbb, a CSS"),
    ({"foreignColor": "blurple"}, "foreignColor", "foreignColor is not a colour. Use "),
    ({"seed": "x" * 257}, "seed", "seed must have at most 256 characters."),
    ({"seed": "\0"}, "seed", "seed must not contain the NUL character."),
    ({"seed": 5}, "seed", "seed must be text."),
    ({"seed": ["a"]}, "seed", "seed must be text."),
    ({"type": "gradient", "angle": -1}, "angle", "angle must be at least 0."),
    ({"type": "gradient", "angle": 360.5}, "angle", "angle must be at most 360."),
    ({"type": "gradient", "angle": "90"}, "angle", "angle must be a number."),
    ({"type": "gradient", "angle": True}, "angle", "angle must be a number."),
    ({"angle": 90}, "angle", "angle is only for the type gradient."),
    ({"type": "wave", "angle": 90}, "angle", "angle is only for the type gradient."),
    ({"palette": "Lagoon"}, "palette", "palette must be one of sorbet, lagoon, "),
    ({"palette": 5}, "palette", "palette must be text."),
    ({"palette": "any", "colorScheme": "ocean"}, "palette", "palette is for colours that the seed chooses"),
    ({"palette": "mint", "primaryColor": "red"}, "palette", "palette is for colours that the seed chooses"),
    ({"colour": "red"}, "body", "body has a field that is not known here; known: type, primaryColor, "),
]


@pytest.mark.parametrize(("body", "field", "message"), REFUSED)
def test_what_is_not_understood_is_refused_in_one_sentence(
    client: httpx.Client, body: dict[str, object], field: str, message: str
) -> None:
    before = client.get("/api/list").json()["data"]["pagination"]["total"]
    failure = assert_failure(client.post("/api/generate", json=body), 400, mentions=message)
    assert client.get("/api/list").json()["data"]["pagination"]["total"] == before
    details = failure["details"]
    assert isinstance(details, list)
    assert [set(detail) for detail in details] == [{"field", "message"}]
    assert details[0]["field"] == field


def test_all_faults_are_listed(client: httpx.Client) -> None:
    answer = client.post("/api/generate", json={"type": "x", "seed": 1, "angle": "y"})
    details = assert_failure(answer, 400)["details"]
    assert isinstance(details, list)
    assert [detail["field"] for detail in details] == ["type", "seed", "angle"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "angle is required."),
        ({"angle": None}, "angle is required."),
        ({"angle": "x"}, "angle must be a number."),
        ({"angle": 1, "type": "wave"}, "type must be one of gradient."),
    ],
)
def test_version_two_requires_an_angle(client: httpx.Client, body: dict[str, object], message: str) -> None:
    assert_failure(client.post("/api/v2/generate", json=body), 400, mentions=message)


def test_seeds_are_counted_in_code_points(client: httpx.Client) -> None:
    assert client.post("/api/generate", json={"seed": "😀" * 256}).status_code == 201
    assert_failure(client.post("/api/generate", json={"seed": "😀" * 257}), 400, mentions="at most 256")


def test_generate_takes_no_query(client: httpx.Client) -> None:
    assert_failure(
        client.post("/api/generate?seed=a"), 400, mentions="query has a parameter that is not known"
    )


def test_a_body_must_be_said_to_be_json(client: httpx.Client) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": media_type}
        answer = client.post("/api/generate", content=b'{"seed": "a"}', headers=headers)
        assert_failure(answer, 415, mentions="Content-Type: application/json")
        assert client.post("/api/generate", headers=headers).status_code == 201
    for media_type in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"):
        answer = client.post("/api/generate", content=b"{}", headers={"Content-Type": media_type})
        assert answer.status_code == 201


@given(
    seed=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=256),
    kind=st.sampled_from(["pixelize", "wave"]),
)
def test_any_text_is_a_seed(service: Service, seed: str, kind: str) -> None:
    content = json.dumps({"seed": seed, "type": kind}).encode()
    headers = {"Content-Type": "application/json"}
    first, second = (service.client.post("/api/generate", content=content, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 201
    # An empty text means "not given".
    assert first.json()["data"]["seed"] == (seed or None)
    pictures = [picture(service.client, answer.json()["data"]["id"]) for answer in (first, second)]
    assert (pictures[0] == pictures[1]) == bool(seed)
