"""Photographs that clients upload."""

import io
import json
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing.styles import STYLES
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.security.api_keys import hash_of
from avatar_gen.services import photos
from tests.api.test_generate import FIELDS
from tests.conftest import App, MakeApp, MakeService, assert_failure
from tests.servers.net import exchange

PHOTOGRAPHS = Path(__file__).parents[1] / "golden" / "photographs"
PHOTOGRAPH = (PHOTOGRAPHS / "turned-6.jpg").read_bytes()

NO_FORM = "body must be a whole form with one file"

IDENTITY = "cfe00dde46ef942601ffafb9e2825e802858b460e586b8305b344c1eb826357d"


def upload(client: httpx.Client, content: bytes = PHOTOGRAPH, **fields: str) -> dict[str, Any]:
    answer = client.post("/api/upload", files={"file": content}, data=fields)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def pixels(answer: httpx.Response) -> Any:  # noqa: ANN401 - numpy's
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def test_a_photograph_is_answered_as_a_generated_avatar(client: httpx.Client) -> None:
    answer = client.post("/api/upload", files={"file": ("../../me.exe", PHOTOGRAPH, "text/html")})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["statusCode"], body["message"]) == (201, "Photograph stored")
    data = body["data"]
    assert set(data) == FIELDS
    assert str(UUID(data["id"], version=4)) == data["id"] == data["name"]
    assert data["generatorType"] == "photo"
    assert {data[each] for each in ("primaryColor", "foreignColor", "colorScheme", "seed")} == {None}
    named = upload(client, name="Ada ☃")
    assert named["seed"] == "Ada ☃"
    rows = client.get("/api/list?order=newest&pick=2").json()["data"]["avatars"]
    assert {json.dumps(row) for row in rows} >= {json.dumps(data), json.dumps(named)}


def test_the_bytes_of_a_file_are_taken_as_well(app_client: httpx.Client) -> None:
    query = {"crop": "0,0,100,100", "gravity": "north", "background": "gold", "name": ""}
    answer = app_client.put("/api/upload", params=query, content=PHOTOGRAPH)
    assert answer.status_code == 201, answer.text
    formed = upload(app_client, PHOTOGRAPH, **query)
    shown = [app_client.get(f"/api/{id_}").content for id_ in (answer.json()["data"]["id"], formed["id"])]
    assert shown[0] == shown[1]


def test_the_name_in_a_query_may_have_256_of_any_characters(app_client: httpx.Client) -> None:
    name = "\N{GRINNING FACE}" * 256
    query = {
        "name": name,
        "crop": "0,0,100,100",
        "gravity": "attention",
        "background": "lightgoldenrodyellow",
    }
    answer = app_client.put("/api/upload", params=query, content=PHOTOGRAPH)
    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["seed"] == name
    longer = app_client.put("/api/upload?name=" + "x" * 8192, content=PHOTOGRAPH)
    assert_failure(longer, 400, mentions="The query string is longer than 8192 bytes.")


def test_it_is_served_in_every_size_format_and_filter_as_any_avatar(app_client: httpx.Client) -> None:
    identity = upload(app_client, crop="20,0,120,120")["id"]
    golden = np.asarray(Image.open(PHOTOGRAPHS / "turned-6.jpg.png").convert("RGB")).astype(int)
    assert np.abs(pixels(app_client.get(f"/api/{identity}")) - golden).mean() < 4
    for exponent in range(4, 10):
        shown = pixels(app_client.get(f"/api/{identity}?size={exponent}"))
        assert shown.shape == (1 << exponent, 1 << exponent, 3)
    for px in (16, 17, 300, 1024):
        assert pixels(app_client.get(f"/api/{identity}?px={px}")).shape == (px, px, 3)
    plain = pixels(app_client.get(f"/api/{identity}"))
    negative = pixels(app_client.get(f"/api/{identity}?filter=negative"))
    assert (plain + negative == 255).all()
    for extension, kind in {
        "png": "PNG",
        "webp": "WEBP",
        "avif": "AVIF",
        "jpg": "JPEG",
        "jpeg": "JPEG",
    }.items():
        answer = app_client.get(f"/api/{identity}.{extension}?px=90&v=2")
        assert answer.status_code == 200
        assert Image.open(io.BytesIO(answer.content)).format == kind
        assert answer.headers["content-type"] == f"image/{kind.lower()}"
        assert answer.headers["x-avatar-id"] == identity
        assert answer.headers["cache-control"] == "public, max-age=3600"


def test_equal_requests_have_equal_bytes_and_different_ones_different_tags(app_client: httpx.Client) -> None:
    identity = upload(app_client)["id"]
    tags = {}
    for query in ("", "?px=65", "?filter=sepia", "?format=webp", "?format=jpeg", "?px=1024", "?size=9"):
        first, second = (app_client.get(f"/api/{identity}{query}") for _ in range(2))
        assert first.content == second.content
        tags[first.headers["etag"]] = query
        known = app_client.get(f"/api/{identity}{query}", headers={"If-None-Match": first.headers["etag"]})
        assert known.status_code == 304
    assert len(tags) == 7
    assert app_client.get(f"/api/{identity}.webp").headers["etag"] in tags
    head = app_client.head(f"/api/{identity}.png")
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "image/png")


@pytest.mark.parametrize("kind", STYLES)
def test_a_drawn_avatar_is_served_at_any_width_too(app: App, kind: str) -> None:
    identity = app.generate(type=kind, seed="ada")
    for px in (16, 100, 1024):
        answer = app.client.get(f"/api/{identity}.png?px={px}")
        assert Image.open(io.BytesIO(answer.content)).size == (px, px)
    # A stored size is the stored file, with either parameter.
    small, same = (app.client.get(f"/api/{identity}?{query}") for query in ("px=128", "size=7"))
    assert (small.content, small.headers["etag"]) == (same.content, same.headers["etag"])
    plain, negative = (
        pixels(app.client.get(f"/api/{identity}?px=96{query}")) for query in ("", "&filter=negative")
    )
    assert np.abs(plain + negative - 255).mean() < 3


@pytest.mark.parametrize(
    ("path", "mentions"),
    [
        ("?px=15", "px must be at least 16."),
        ("?px=1025", "px must be at most 1024."),
        ("?px=64.5", "px must be a whole number in digits."),
        ("?px=64&size=6", "px and size exclude each other."),
        (".png?format=webp", "format and the extension of the id differ."),
        (".gif", "id may end in .png, .webp, .avif, .jpeg, .jpg, or in no extension."),
        (".svg", "id may end in .png"),
    ],
)
def test_a_width_or_format_that_does_not_exist_is_refused(app: App, path: str, mentions: str) -> None:
    assert_failure(app.client.get(f"/api/{app.generate(seed='ada')}{path}"), 400, mentions=mentions)


NO_CROPS = (
    "1,2,3",
    "1,2,30,40,5",
    "-1,2,30,40",
    "1.5,2,30,40",
    "1, 2,30,40",
    "1,2,030,40",
    " ",
    f"{2**31},0,16,16",
)


@pytest.mark.parametrize(
    ("fields", "mentions"),
    [
        *(({"crop": crop}, "crop must be x,y,width,height: four whole numbers of px.") for crop in NO_CROPS),
        ({"crop": "0,0,0,40"}, "crop must be at least 16 px wide and high."),
        ({"crop": "0,0,170,100"}, "crop must lie inside the photograph."),
        ({"crop": "0,0,16,15"}, "crop must be at least 16 px wide and high."),
        ({"gravity": "south"}, "gravity must be one of attention, centre or north."),
        ({"background": "mauvish"}, "background is not a colour."),
        ({"name": "x" * 257}, "name must have at most 256 characters."),
        ({"name": "a\0b"}, "name must not contain the NUL character."),
        ({"size": "9"}, "has a"),
    ],
)
def test_invalid_options_are_refused(app_client: httpx.Client, fields: dict[str, str], mentions: str) -> None:
    answer = app_client.post("/api/upload", files={"file": PHOTOGRAPH}, data=fields)
    assert_failure(answer, 400, mentions=mentions)
    answer = app_client.put("/api/upload", params=fields, content=PHOTOGRAPH)
    assert_failure(answer, 400, mentions=mentions)


def test_a_crop_outside_the_photograph_is_refused_with_its_field(app_client: httpx.Client) -> None:
    answer = app_client.put("/api/upload", params={"crop": "0,0,170,100"}, content=PHOTOGRAPH)
    details = assert_failure(answer, 400)["details"]
    assert details == [{"field": "crop", "message": "must lie inside the photograph"}]


def test_a_file_that_is_not_a_photograph_is_refused(app_client: httpx.Client) -> None:
    for content in (b"", b"GIF", b"<svg/>", b"II*\0" * 9, bytes(1000)):
        answer = app_client.post("/api/upload", files={"file": content})
        assert_failure(answer, 415, mentions="Send JPEG, PNG, WebP, AVIF or GIF.")
        assert_failure(app_client.put("/api/upload", content=content), 415)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    assert_failure(
        app_client.put("/api/upload", content=heic), 415, mentions="Convert the photograph to JPEG"
    )
    assert_failure(app_client.put("/api/upload", content=PHOTOGRAPH[:900]), 400, mentions="damaged")


@pytest.mark.parametrize(
    ("content_type", "body", "status", "mentions"),
    [
        ("application/json", b"{}", 415, "multipart/form-data"),
        ("", b"", 415, "multipart/form-data"),
        ("image/jpeg", PHOTOGRAPH, 415, "multipart/form-data"),
        ("multipart/form-data", b"x", 400, NO_FORM),
        ("multipart/form-data; boundary=b", b"", 400, NO_FORM),
        ("multipart/form-data; boundary=b", b"no boundary", 400, NO_FORM),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\nx\r\n--b--", 400, NO_FORM),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400, "file is required"),
        ("multipart/form-data; boundary=" + "b" * 5000, b"x", 400, NO_FORM),
    ],
)
def test_a_body_that_is_not_a_form_is_refused(
    app_client: httpx.Client, content_type: str, body: bytes, status: int, mentions: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = app_client.post("/api/upload", content=body, headers=headers)
    assert_failure(answer, status, mentions=mentions)


@pytest.mark.parametrize("charset", ["undefined", "utf-16", "utf-7", "hex", "no such charset", '"idna'])
def test_a_form_is_utf_8_whatever_its_charset(app_client: httpx.Client, charset: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    for name, status in (("+AGE- Ada ☃".encode(), 201), (b"\xff\xfe", 400)):
        body = form({"file": PHOTOGRAPH, "name": name})
        answer = app_client.post("/api/upload", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        if status == 201:
            assert answer.json()["data"]["seed"] == name.decode()
        else:
            assert_failure(answer, 400, mentions="body has a field that is not UTF-8.")


def form(fields: dict[str, bytes]) -> bytes:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (name.encode(), b'; filename="a"' if name == "file" else b"", value)
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--b--\r\n"


def test_a_form_whose_end_is_missing_is_not_stored_without_its_last_field(app_client: httpx.Client) -> None:
    whole = form({"file": PHOTOGRAPH, "crop": b"0,0,100,100"})
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    for end in (5, 20, len(whole) - whole.index(b'"crop"'), len(whole) - whole.index(b"0,0")):
        answer = app_client.post("/api/upload", content=whole[:-end], headers=headers)
        assert_failure(answer, 400, mentions=NO_FORM)
    assert app_client.post("/api/upload", content=whole, headers=headers).status_code == 201


def test_a_form_has_one_file_and_each_field_once(app_client: httpx.Client) -> None:
    one = ("file", PHOTOGRAPH)
    twice = app_client.post("/api/upload", files=[one, one])
    assert_failure(twice, 400, mentions=NO_FORM)
    no_file = app_client.post("/api/upload", files={"name": (None, "ada")}, data={"file": "text"})
    assert_failure(no_file, 400, mentions="file is required")
    again = app_client.post("/api/upload", files=[one, ("name", (None, "a")), ("name", (None, "b"))])
    assert_failure(again, 400, mentions="body has a field more than once")
    long = app_client.post("/api/upload", files=[one, ("name", (None, "a" * 5000))])
    assert_failure(long, 400, mentions="known fields of at most 4096 bytes")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(make_app: MakeApp) -> None:
    app = make_app({"uploads": {"max_bytes": len(PHOTOGRAPH), "max_pixels": 160 * 120}}).start()
    upload(app.client)
    larger = PHOTOGRAPH + b"\0"
    assert_failure(app.client.put("/api/upload", content=larger), 413, mentions="MB.")
    assert_failure(app.client.post("/api/upload", files={"file": larger}), 413)
    large = io.BytesIO()
    Image.new("1", (161, 120)).save(large, "PNG")
    assert_failure(
        app.client.put("/api/upload", content=large.getvalue()), 400, mentions="0.0192 million pixels"
    )


def test_an_upload_may_take_longer_to_arrive_than_other_requests(make_service: MakeService) -> None:
    settings = {"server": {"receive_timeout": 0.5}, "uploads": {"max_bytes": len(PHOTOGRAPH)}}
    service = make_service(settings).start()

    def slowly(content: bytes) -> Iterator[bytes]:
        yield content[:9]
        time.sleep(1)
        yield content[9:]

    assert service.client.put("/api/upload", content=slowly(PHOTOGRAPH)).status_code == 201
    assert_failure(service.client.put("/api/upload", content=slowly(PHOTOGRAPH + b"\0")), 413)
    other = b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"
    assert exchange(service.port, other).startswith(b"HTTP/1.1 408")


def test_a_temporary_folder_that_cannot_be_written_is_an_error_of_the_service(
    app_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    # A small one is in memory until it is decoded, a large one until it has arrived in part.
    for content in (PHOTOGRAPH, PHOTOGRAPH + bytes(1_000_000)):
        for arguments in ({"content": content}, {"files": {"file": content}}):
            method = "PUT" if "content" in arguments else "POST"
            answer = app_client.request(method, "/api/upload", **arguments)
            assert_failure(answer, 503, mentions="The temporary folder for uploads cannot be written.")
    monkeypatch.undo()
    upload(app_client)


def test_too_many_uploads_at_a_time_are_asked_to_wait(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "MAX_UPLOADS", 0)
    client = make_app().start().client
    answer = client.put("/api/upload", content=PHOTOGRAPH)
    assert_failure(answer, 503, mentions="Too many photographs are being uploaded.")
    assert answer.headers["retry-after"] == "1"


def test_storing_a_photograph_needs_the_permission_to_write(make_app: MakeApp) -> None:
    keys = [
        {"name": name, "sha256": hash_of(name), "may": may}
        for name, may in (("writer", ["write"]), ("reader", ["list", "delete"]))
    ]
    app = make_app({"auth": {"api_keys": keys}}).start()
    for method in ("POST", "PUT"):
        assert_failure(app.client.request(method, "/api/upload", content=b"anything"), 401)
        refused = app.client.request(method, "/api/upload", headers={"Authorization": "Bearer reader"})
        assert_failure(refused, 403)
    headers = {"Authorization": "Bearer writer"}
    assert app.client.put("/api/upload", content=PHOTOGRAPH, headers=headers).status_code == 201


def test_a_photograph_counts_as_a_write(make_app: MakeApp) -> None:
    app = make_app({"limits": {"writes": "1/hour"}}).start()
    upload(app.client)
    assert_failure(app.client.put("/api/upload", content=PHOTOGRAPH), 429)


def test_the_hash_of_an_email_address_shows_the_linked_photograph(app_client: httpx.Client) -> None:
    identity = upload(app_client)["id"]
    link = app_client.put(f"/api/identities/{IDENTITY}", json={"avatarId": identity})
    assert link.status_code == 200
    for px in (1, 15, 80, 2048):
        shown = pixels(app_client.get(f"/avatar/{IDENTITY}.jpg?s={px}"))
        assert shown.shape == (px, px, 3)
    golden = pixels(app_client.get(f"/api/{identity}?px=80"))
    assert (pixels(app_client.get(f"/avatar/{IDENTITY}?s=80")) == golden).all()
    app_client.delete(f"/api/identities/{IDENTITY}")


def test_a_deleted_photograph_is_gone(app: App) -> None:
    identity = upload(app.client)["id"]
    assert app.client.get(f"/api/{identity}").status_code == 200
    assert app.object(identity).exists()
    assert app.client.delete(f"/api/{identity}").status_code == 200
    assert_failure(app.client.get(f"/api/{identity}.png?px=64"), 404)
    assert not app.object(identity).exists()


def test_it_is_reindexed_backed_up_exported_and_imported(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app().start()
    data = upload(app.client, name="ada")
    address = f"/api/{data['id']}?size=9"
    shown = pixels(app.client.get(address))
    app.run("backup", str(tmp_path / "backup"))
    assert app.run("export", "-o", str(tmp_path / "exported")).stdout.startswith("1 exported")
    app.stop()
    (app.folder / "storage/database/avatars.db").unlink()
    assert app.run("reindex").stdout.startswith("1 avatars: 1 rows added")
    with Image.open(tmp_path / f"exported/512/{data['id']}.png") as exported:
        assert (np.asarray(exported) == shown).all()
    restored, imported = make_app(), make_app()
    restored.run("restore", str(tmp_path / "backup"))
    assert imported.run("import", "--exported", str(tmp_path / "exported")).stdout.startswith("1 imported")
    for other in (restored.start(), imported.start()):
        assert other.client.get("/api/list").json()["data"]["avatars"] == [data]
        # An export holds pictures, from which the photograph is encoded once more.
        assert np.abs(pixels(other.client.get(address)) - shown).mean() < (2 if other is imported else 0.001)
    assert restored.object(data["id"]).read_bytes() == app.object(data["id"]).read_bytes()


TAGS = [
    *("-Artist=Ada Lovelace", "-XMP:City=Zurich", "-IPTC:City=Zurich", "-Comment=comment of Ada"),
    *("-GPSLatitude=47.3769", "-GPSLatitudeRef=N", "-Model=Camera 42", "-ICC_Profile:all="),
    f"-ThumbnailImage<={PHOTOGRAPHS / 'turned-1.jpg'}",
]


@pytest.fixture(params=["jpg", "png", "webp", "avif"])
def with_secrets(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    """A file with EXIF, a position, XMP, a profile, and all other metadata of its format."""
    path: Path = tmp_path / f"secrets.{request.param}"
    image = Image.open(PHOTOGRAPHS / "display-p3.jpg")
    profile = image.info["icc_profile"].replace(b"Display P3", b"Secret ICC")
    exif = Image.Exif()
    exif.update({0x013B: "Ada Lovelace", 0x0110: "Camera 42", 0x8825: {1: "N", 2: (47.3769, 0.0, 0.0)}})
    image.save(path, exif=exif, icc_profile=profile, xmp=b"<x:xmpmeta>Zurich</x:xmpmeta>")
    return path.read_bytes() + b"a trailer of Ada"


def answers(client: httpx.Client, identity: str) -> dict[str, bytes]:
    """All that the API returns about an avatar, and its picture in every format."""
    paths = [f"/api/{identity}.{extension}?px={px}" for extension in MEDIA_TYPES for px in (64, 160, 1024)]
    paths += [f"/api/{identity}?filter=sepia", "/api/list?order=newest&pick=1"]
    return {path: client.get(path).content for path in paths}


SECRETS = (
    b"Ada",
    b"Zurich",
    b"Camera",
    b"Secret",
    b"Exif",
    b"xmpmeta",
    b"ICC_PROFILE",
    b"iCCP",
    b"eXIf",
    b"EXIF",
)


def test_only_the_pixels_of_a_file_are_stored(app: App, with_secrets: bytes) -> None:
    assert sum(secret in with_secrets for secret in SECRETS) >= 4
    identity = upload(app.client, with_secrets)["id"]
    stored = app.object(identity).read_bytes()
    for name, content in {"object": stored, **answers(app.client, identity)}.items():
        # AVIF names the kind of its colours by the same letters as a profile.
        assert not [each for each in SECRETS if each in content], name
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        assert set(archive.namelist()) == {"avatar.json", "photo.jpg"}
        assert set(jpeg_markers(archive.read("photo.jpg"))) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
    png = app.client.get(f"/api/{identity}.png").content
    assert set(png_chunks(png)) == {b"IHDR", b"IDAT", b"IEND"}
    assert app.client.get(f"/api/{identity}.webp").content[12:16] == b"VP8 "


def jpeg_markers(jpeg: bytes) -> Iterator[int]:
    at = 2
    while jpeg[at + 1] != 0xDA:
        yield jpeg[at + 1]
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    assert jpeg.endswith(b"\xff\xd9")


def png_chunks(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        yield png[at + 4 : at + 8]
        at += 12 + int.from_bytes(png[at : at + 4], "big")


@pytest.mark.skipif(
    not shutil.which("exiftool"), reason="this takes exiftool: apt-get install libimage-exiftool-perl"
)
def test_exiftool_finds_nothing_of_a_photograph_in_its_object_and_its_answers(
    app: App, tmp_path: Path
) -> None:
    path = tmp_path / "secrets.jpg"
    path.write_bytes(PHOTOGRAPH)
    subprocess.run(["exiftool", "-q", "-overwrite_original", *TAGS, str(path)], check=True)  # noqa: S607
    assert {"EXIF", "XMP", "IPTC", "Composite"} <= groups(path)
    identity = upload(app.client, path.read_bytes())["id"]
    with zipfile.ZipFile(app.object(identity)) as archive:
        archive.extractall(tmp_path / "object")
    for number, content in enumerate(answers(app.client, identity).values()):
        (tmp_path / "object" / f"answer-{number}").write_bytes(content)
    shutil.copy(app.object(identity), tmp_path / "object")
    allowed = {"ExifTool", "File", "JFIF", "PNG", "RIFF", "QuickTime", "Meta", "Composite", "ZIP", "JSON"}
    assert groups(tmp_path / "object") <= allowed
    for file in (tmp_path / "object").iterdir():
        assert not [secret for secret in SECRETS if secret in file.read_bytes()], file.name


def groups(path: Path) -> set[str]:
    """The kinds of metadata that exiftool finds in a file, or in all files of a folder."""
    command = ["exiftool", "-j", "-G", "-a", "-u", "-ee", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    return {name.partition(":")[0] for file in found for name in file if ":" in name}
