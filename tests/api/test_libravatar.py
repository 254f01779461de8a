"""Libravatar's and Gravatar's protocol."""

import asyncio
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import libgravatar
import libravatar
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.api.responses import EXAMPLE_ID
from avatar_gen.avatar import Avatar, AvatarSpec
from avatar_gen.errors import SettingsError
from avatar_gen.services import identities
from avatar_gen.services.avatars import Avatars, StoredPicture, draw_object
from tests.conftest import App, MakeApp, MakeService, Service, assert_failure

EMAIL = "Ada.Lovelace@Example.org "
ADDRESS = EMAIL.strip().lower().encode()
MD5, SHA256 = md5(ADDRESS, usedforsecurity=False).hexdigest(), sha256(ADDRESS).hexdigest()
DRAWN = [
    "mp",
    "mm",
    "identicon",
    "monsterid",
    "wavatar",
    "retro",
    "robohash",
    "initials",
    "color",
    "blank",
    "pagan",
    "mmng",
]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    shared = Service(
        tmp_path_factory.mktemp("libravatar"),
        {"libravatar": {"redirect_hosts": ["pictures.example.org", "other.example.org:8080"]}},
    ).start()
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()
    shared.client.close()


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


def link(client: httpx.Client, identity: str, avatar: str) -> httpx.Response:
    answer = client.put(f"/api/identities/{identity}", json={"avatarId": avatar})
    assert answer.status_code == 200, answer.text
    return answer


class TestDefaults:
    @pytest.mark.parametrize("name", DRAWN)
    @pytest.mark.parametrize("px", [1, 15, 16, 80, 333, 2048])
    def test_a_hash_that_nothing_is_tied_to_has_a_picture_of_its_size(
        self, client: httpx.Client, name: str, px: int
    ) -> None:
        answer = client.get(f"/avatar/{MD5}?d={name}&s={px}&name=Ada+Lovelace")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert Image.open(io.BytesIO(answer.content)).size == (px, px)
        assert client.get(f"/avatar/{MD5}?d={name}&s={px}&name=Ada+Lovelace").content == answer.content

    @pytest.mark.parametrize(
        "name", ["identicon", "monsterid", "wavatar", "retro", "robohash", "pagan", "mmng", "color"]
    )
    def test_these_differ_from_hash_to_hash(self, client: httpx.Client, name: str) -> None:
        pictures = {client.get(f"/avatar/{number:032x}?d={name}").content for number in range(30)}
        # Colours are few enough for two to be equal.
        assert len(pictures) > (20 if name in {"color", "mmng"} else 29)

    def test_names_that_share_a_style_do_not_share_pictures(self, client: httpx.Client) -> None:
        names = ("monsterid", "wavatar", "retro", "robohash", "pagan")
        assert len({client.get(f"/avatar/{MD5}?d={name}").content for name in names}) == 5

    @pytest.mark.parametrize(
        ("robohash", "style"),
        [
            ("set1", "voxel-bot"),
            ("SET2", "critters"),
            ("set3", "pixelbot"),
            ("set4", "clay"),
            ("set5", "open-peeps"),
            ("unknown", "voxel-bot"),
        ],
    )
    def test_robohash_can_have_a_set(self, client: httpx.Client, robohash: str, style: str) -> None:
        answer = client.get(f"/avatar/{MD5}?d=robohash&robohash={robohash}")
        assert answer.content == client.get(f"/avatar/{MD5}?d={style}").content
        assert answer.content == client.get(f"/api/render/{style}/{MD5}.png?size=80").content
        for form in (f"d=robohash={robohash}", f"default=RoboHash%3D{robohash}&robohash=set9"):
            assert answer.content == client.get(f"/avatar/{MD5}?{form}").content

    def test_any_set_of_robohash_is_one_of_three(self, client: httpx.Client) -> None:
        chosen = {
            f"{number:08x}{0:024x}": style
            for number, style in enumerate(("voxel-bot", "critters", "pixelbot"))
        }
        for identity, style in chosen.items():
            answer = client.get(f"/avatar/{identity}?d=robohash&robohash=any")
            assert answer.content == client.get(f"/avatar/{identity}?d={style}").content
        assert client.get("/avatar/?d=robohash&robohash=any").status_code == 200

    def test_a_set_is_for_robohash_alone(self, client: httpx.Client) -> None:
        for default in ("retro", "mp", ""):
            with_set = client.get(f"/avatar/{MD5}?d={default}&robohash=set2")
            assert with_set.content == client.get(f"/avatar/{MD5}?d={default}").content

    def test_a_set_whose_style_is_not_served_is_the_usual_robot(self, make_app: MakeApp) -> None:
        app = make_app({"dicebear": {"licenses": ["MIT"]}}).start()
        usual = app.client.get(f"/avatar/{MD5}?d=robohash")
        assert app.client.get(f"/avatar/{MD5}?d=robohash&robohash=set2").content == usual.content

    @pytest.mark.parametrize("name", ["mp", "mm", "blank"])
    def test_these_are_the_same_for_all(self, client: httpx.Client, name: str) -> None:
        answers = [client.get(f"/avatar/{each}?d={name}") for each in (MD5, SHA256, "0" * 32)]
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["etag"] for answer in answers}) == 1

    def test_blank_is_transparent_all_over(self, client: httpx.Client) -> None:
        assert pixels(client.get(f"/avatar/{MD5}?d=blank").content)[:, :, 3].max() == 0
        assert pixels(client.get(f"/avatar/{MD5}.jpg?d=blank").content)[:, :, :3].min() >= 254

    def test_color_is_one_colour(self, client: httpx.Client) -> None:
        assert (
            len(np.unique(pixels(client.get(f"/avatar/{MD5}?d=color").content).reshape(-1, 4), axis=0)) == 1
        )

    def test_without_one_or_with_one_that_is_not_known_it_is_a_silhouette(self, client: httpx.Client) -> None:
        silhouette = client.get(f"/avatar/{MD5}?d=mp").content
        for query in ("", "?d=", "?d=nope", "?d=MP", "?default=mm", "?d=initials", "?d=%ff", "?s=80"):
            assert client.get(f"/avatar/{MD5}{query}").content == silhouette
        assert 2 < len(np.unique(pixels(silhouette).reshape(-1, 4), axis=0)) < 150

    @pytest.mark.parametrize("style", ["smile", "wave", "marble", "lorelei", "dicebear-identicon", "glass"])
    def test_any_style_can_be_one(self, client: httpx.Client, style: str) -> None:
        by_url = client.get(f"/api/render/{style}/{MD5}.png?size=80")
        assert client.get(f"/avatar/{MD5}?d={style.title()}").content == by_url.content
        for px in (1, 15, 1024, 2048):
            picture = client.get(f"/avatar/{MD5}.webp?d={style}&s={px}")
            assert Image.open(io.BytesIO(picture.content)).size == (px, px)

    def test_a_style_that_is_not_served_is_like_one_that_is_not_known(self, client: httpx.Client) -> None:
        assert client.get(f"/avatar/{MD5}?d=adventurer").content == client.get(f"/avatar/{MD5}").content

    @pytest.mark.parametrize("default", ["lorelei", "bauhaus", "identicon", "404"])
    def test_a_setting_is_for_clients_that_name_none(self, make_app: MakeApp, default: str) -> None:
        app = make_app({"libravatar": {"default": default}}).start()
        answer = app.client.get(f"/avatar/{MD5}?d={default}")
        for query in ("", "?d=nope", "?d=adventurer"):
            other = app.client.get(f"/avatar/{MD5}{query}")
            assert (other.status_code, other.content) == (answer.status_code, answer.content)
        assert app.client.get(f"/avatar/{MD5}?d=mp").content != answer.content

    @pytest.mark.parametrize("default", ["nope", "adventurer", "https://example.org/"])
    def test_a_default_that_cannot_be_shown_stops_the_start(self, make_app: MakeApp, default: str) -> None:
        with pytest.raises(SettingsError, match=r"libravatar\.default: "):
            make_app({"libravatar": {"default": default}}).start()

    def test_404_is_a_404(self, client: httpx.Client) -> None:
        assert_failure(client.get(f"/avatar/{MD5}?d=404"), 404, mentions="No avatar is linked to this hash.")
        assert client.head(f"/avatar/{MD5}?default=404").status_code == 404

    @pytest.mark.parametrize(
        "address",
        [
            "https://pictures.example.org/nobody.png?x=1#y",
            "http://pictures.example.org",
            "https://PICTURES.example.org/",
            "https://other.example.org:8080/a",
        ],
    )
    def test_a_url_on_a_listed_host_is_redirected_to(self, client: httpx.Client, address: str) -> None:
        answer = client.get(f"/avatar/{MD5}?d={quote(address, safe='')}")
        assert (answer.status_code, answer.headers["location"]) == (302, address)
        assert answer.content == b""
        assert answer.headers["cache-control"] == "public, max-age=300"

    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example/",
            "https://pictures.example.org.evil.example/",
            "https://pictures.example.org@evil.example/",
            "https://evil.example/pictures.example.org",
            "https://pictures.example.org:444/",
            "https://other.example.org/",
            "https://evil.example\\@pictures.example.org/",
            "https://pictures.example.org/\r\nSet-Cookie: a=b",
            "https://pictures.example.org/é",
            "https://[pictures.example.org/",
            "//pictures.example.org/",
            "ftp://pictures.example.org/",
            "javascript:alert(1)",
            "https://",
        ],
    )
    def test_any_other_url_is_not(self, client: httpx.Client, address: str) -> None:
        answer = client.get(f"/avatar/{MD5}?d={quote(address, safe='')}")
        assert answer.status_code == 200
        assert "location" not in answer.headers
        assert answer.content == client.get(f"/avatar/{MD5}?d=mp").content


class TestReading:
    @pytest.mark.parametrize(
        ("query", "px"),
        [
            ("s=100", 100),
            ("size=100", 100),
            ("s=10&size=100", 100),
            ("s=2048", 2048),
            ("s=2049", 2048),
            ("s=999999999", 2048),
            ("s=" + "9" * 31, 2048),
            ("s=" + "9" * 5000, 2048),
            ("s=" + "0" * 5000 + "99", 99),
            ("s=0", 80),
            ("s=-5", 80),
            ("s=big", 80),
            ("s=", 80),
            ("s=1.5", 80),
            ("s=%D9%A6", 80),
        ],
    )
    def test_a_size_is_read_as_libravatar_reads_it(self, client: httpx.Client, query: str, px: int) -> None:
        answer = client.get(f"/avatar/{MD5}?{query}")
        assert Image.open(io.BytesIO(answer.content)).size == (px, px)

    @pytest.mark.parametrize(
        ("extension", "format_name"),
        [
            ("", "png"),
            (".png", "png"),
            (".jpg", "jpeg"),
            (".JPG", "jpeg"),
            (".jpeg", "jpeg"),
            (".webp", "webp"),
            (".avif", "avif"),
        ],
    )
    def test_an_extension_says_the_format(
        self, client: httpx.Client, extension: str, format_name: str
    ) -> None:
        for name in ("identicon", "mp"):
            answer = client.get(f"/avatar/{SHA256.upper()}{extension}?d={name}&s=10")
            assert answer.headers["content-type"] == f"image/{format_name}"
            assert Image.open(io.BytesIO(answer.content)).format == format_name.upper()

    def test_what_is_not_known_is_passed_over(self, client: httpx.Client) -> None:
        plain = client.get(f"/avatar/{MD5}?d=identicon")
        for more in ("&r=g", "&rating=x", "&r=nope", "&ver=1", "&x=1&x=2", "&%ff=%ff", "&d=mp&d=identicon"):
            answer = client.get(f"/avatar/{MD5}?d=identicon{more}")
            assert (answer.status_code, answer.content) == (200, plain.content)

    @pytest.mark.parametrize("path", ["x", "g" * 32, MD5 + "/x", MD5 + "%0A", "ada@example.org"])
    def test_what_is_no_hash_is_refused(self, client: httpx.Client, path: str) -> None:
        assert_failure(client.get(f"/avatar/{path}"), 400, mentions="hash must be the MD5 or SHA-256")

    @pytest.mark.parametrize("extension", [".", ".gif", ".svg", ".png.png"])
    def test_an_extension_that_is_not_known_is_refused(self, client: httpx.Client, extension: str) -> None:
        assert_failure(client.get(f"/avatar/{MD5}{extension}"), 400, mentions="hash may end in .png")

    def test_a_query_has_an_end(self, client: httpx.Client) -> None:
        failure = assert_failure(
            client.get(f"/avatar/{MD5}?x=" + "y" * 9000), 400, mentions="longer than 8192 bytes"
        )
        assert failure["details"] == [{"field": "query", "message": "must have at most 8192 bytes"}]

    def test_other_methods_are_refused(self, client: httpx.Client) -> None:
        assert_failure(client.post(f"/avatar/{MD5}"), 405, mentions="This URL takes GET, HEAD.")

    def test_initials_follow_the_name(self, client: httpx.Client) -> None:
        one, same, other = (
            client.get(f"/avatar/{MD5}?d=initials&{query}").headers["etag"]
            for query in ("name=Ada+Lovelace", "name=Ada+Lovelace", "name=Grace+Hopper")
        )
        assert one == same != other
        letters = [
            client.get(f"/avatar/{MD5}?d=initials&{query}").content
            for query in (
                "initials=मोगा",
                "name=मो+गा",
                "initials=%C3%89",
                "initials=E%CC%81",
                "initials=+AB",
                "name=A+B",
            )
        ]
        assert letters[0::2] == letters[1::2]
        long = client.get(f"/avatar/{MD5}?d=initials&initials=AL&name=" + "x" * 5000)
        assert long.headers["etag"] == client.get(f"/avatar/{MD5}?d=initials&initials=AL").headers["etag"]

    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=80))
    def test_no_query_is_an_error(self, client: httpx.Client, query: bytes) -> None:
        answer = client.get(f"/avatar/{MD5}?{quote(query, safe='=&')}")
        assert answer.status_code in {200, 404}

    def test_a_client_that_has_it_gets_304(self, service: Service, client: httpx.Client) -> None:
        linked = "1" * 32
        link(client, linked, service.generate(seed="a"))
        for address in (f"/avatar/{MD5}?d=identicon", f"/avatar/{MD5}.webp", f"/avatar/{linked}?s=33"):
            first = client.get(address)
            answer = client.get(address, headers={"If-None-Match": first.headers["etag"]})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == first.headers["etag"]
            assert client.head(address).headers["etag"] == first.headers["etag"]


class TestTies:
    def test_what_is_tied_is_shown_until_it_is_untied(self, service: Service, client: httpx.Client) -> None:
        avatar, identity = service.generate(seed="linked"), "2" * 64
        assert_failure(client.get(f"/api/identities/{identity}"), 404, mentions="No avatar is linked")
        answer = link(client, identity.upper(), avatar.upper())
        assert answer.json()["data"] == {"hash": identity, "avatarId": avatar}
        got = client.get(f"/api/identities/{identity}")
        assert got.json()["data"] == {"hash": identity, "avatarId": avatar}
        assert got.headers["cache-control"] == "no-store"
        for size in range(4, 10):
            shown = client.get(f"/avatar/{identity}?s={2**size}&d=404")
            assert shown.content == client.get(f"/api/{avatar}?size={size}").content
        other = service.generate(seed="other")
        link(client, identity, other)
        assert client.get(f"/avatar/{identity}?s=64").content == client.get(f"/api/{other}").content
        assert client.delete(f"/api/identities/{identity}").json() == {
            "statusCode": 200,
            "message": "Identity unlinked",
        }
        assert_failure(client.delete(f"/api/identities/{identity}"), 404)
        assert client.get(f"/avatar/{identity}?d=404").status_code == 404

    @pytest.mark.parametrize("kind", ["pixelize", "wave", "gradient"])
    def test_a_seed_that_is_known_is_drawn_at_any_size(
        self, service: Service, client: httpx.Client, kind: str
    ) -> None:
        identity = md5(kind.encode(), usedforsecurity=False).hexdigest()
        link(client, identity, service.generate(seed="a", type=kind, primaryColor="red", foreignColor="blue"))
        drawn = f"/api/render/{kind}/a.png?primaryColor=red&foreignColor=blue&size="
        for px in (17, 100, 1000):
            assert client.get(f"/avatar/{identity}?s={px}").content == client.get(f"{drawn}{px}").content
        for px in (1, 7, 2048):
            assert pixels(client.get(f"/avatar/{identity}?s={px}").content).shape == (px, px, 4)
        for extension, most in (("webp", 0), ("avif", 8), ("jpg", 8)):
            other = pixels(client.get(f"/avatar/{identity}.{extension}?s=100").content)
            assert np.abs(other - pixels(client.get(f"{drawn}100").content)).mean() <= most

    def test_a_random_picture_is_scaled_from_the_stored_one(
        self, service: Service, client: httpx.Client
    ) -> None:
        avatar, identity = service.generate(), "3" * 32
        link(client, identity, avatar)
        stored = pixels(client.get(f"/api/{avatar}?size=9").content)
        for px in (1, 8, 100, 700, 2048):
            shown = pixels(client.get(f"/avatar/{identity}?s={px}").content)
            assert shown.shape == (px, px, 4)
            assert np.abs(shown.mean(axis=(0, 1)) - stored.mean(axis=(0, 1))).max() < 4

    def test_imported_pictures_are_never_drawn_again(self, make_app: MakeApp) -> None:
        """Their records name seeds, types and colours that meant something else to the old service."""
        service = make_app().start()
        for number, (kind, colour) in enumerate([("pixelize", "blue"), ("nope", "blue"), ("wave", "bluish")]):
            avatar = Avatar(
                kind,
                id=f"00000000-0000-4000-8000-{number:012}",
                created_ms=0,
                seed="ada",
                primary_color=colour,
            )
            service.object(avatar.id).write_bytes(draw_object(avatar, AvatarSpec("pixelize", seed="another")))
            identity = f"{number:032}"
            link(service.client, identity, avatar.id)
            stored = pixels(service.client.get(f"/api/{avatar.id}?size=7").content)
            shown = pixels(service.client.get(f"/avatar/{identity}?s=112").content)
            assert np.array_equal(shown[4::16, 4::16], stored[5::18, 5::18][:7, :7])

    def test_forcedefault_shows_the_default_even_so(self, service: Service, client: httpx.Client) -> None:
        identity = "4" * 32
        default = client.get(f"/avatar/{identity}?d=identicon").content
        link(client, identity, service.generate(seed="a"))
        assert client.get(f"/avatar/{identity}?d=identicon").content != default
        for spelling in ("f=y", "forcedefault=y", "f=Y", "forcedefault=true"):
            assert client.get(f"/avatar/{identity}?d=identicon&{spelling}").content == default
        assert client.get(f"/avatar/{identity}?d=identicon&f=n").content != default

    def test_what_is_tied_to_an_avatar_that_was_deleted_shows_the_default(
        self, service: Service, client: httpx.Client
    ) -> None:
        avatar, identity = service.generate(), "5" * 32
        link(client, identity, avatar)
        client.delete(f"/api/{avatar}")
        assert client.get(f"/avatar/{identity}?d=404").status_code == 404
        assert client.get(f"/avatar/{identity}").content == client.get(f"/avatar/{MD5}").content
        assert client.get(f"/api/identities/{identity}").json()["data"]["avatarId"] == avatar

    def test_an_avatar_that_is_not_there_cannot_be_tied(self, client: httpx.Client) -> None:
        body = {"avatarId": "00000000-0000-4000-8000-000000000000"}
        answer = client.put(f"/api/identities/{MD5}", json=body)
        assert_failure(answer, 404, mentions="There is no avatar with this id.")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "avatarId is required."),
            ({"avatarId": "canary7f3a"}, "avatarId must be the id of a stored avatar, a UUID."),
            ({"avatarId": f"{{{EXAMPLE_ID}}}"}, "avatarId must be the id of a stored avatar, a UUID."),
            ({"avatarId": f"urn:uuid:{EXAMPLE_ID}"}, "avatarId must be the id of a stored avatar, a UUID."),
            ({"avatarId": EXAMPLE_ID.replace("-", "--")}, "avatarId must be the id of a stored avatar, a"),
            ({"avatarId": 5}, "avatarId must be text."),
            ({"avatarId": None}, "avatarId must be text."),
            ({"avatarId": MD5, "id": "x"}, "body has a field that is not known here; known: avatarId"),
            ([], "body must be a JSON object."),
        ],
    )
    def test_a_body_that_is_not_understood_is_refused(
        self, client: httpx.Client, body: object, message: str
    ) -> None:
        answer = client.put(f"/api/identities/{MD5}", json=body)
        assert_failure(answer, 400, mentions=message)
        assert "canary" not in answer.text

    def test_a_hash_that_is_none_is_refused(self, client: httpx.Client) -> None:
        body = {"avatarId": "00000000-0000-4000-8000-000000000000"}
        for method, json_ in (("GET", None), ("PUT", body), ("DELETE", None)):
            answer = client.request(method, "/api/identities/x", json=json_)
            assert_failure(answer, 400, mentions="hash must be the MD5")
        assert_failure(client.get(f"/api/identities/{MD5}?x=1"), 400, mentions="query has a parameter")
        refused = client.post(f"/api/identities/{MD5}")
        assert_failure(refused, 405)
        assert refused.headers["allow"] == "DELETE, GET, HEAD, PUT"

    def test_a_tie_survives_a_crash_and_asks_no_database(self, make_service: MakeService) -> None:
        service = make_service().start()
        avatar = service.generate(seed="a")
        link(service.client, MD5, avatar)
        before = service.client.get(f"/avatar/{MD5}?s=100").content
        service.kill()
        service.start()
        for name in ("avatars.db", "avatars.db-wal"):
            path = service.folder / "storage" / "database" / name
            if path.exists():
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
        assert_failure(service.client.get("/api/list"), 503)
        assert service.client.get(f"/avatar/{MD5}?s=100").content == before
        assert service.client.get(f"/api/identities/{MD5}").json()["data"]["avatarId"] == avatar

    def test_a_damaged_tie_or_a_lost_folder_is_an_error(self, make_app: MakeApp) -> None:
        service = make_app().start()
        link(service.client, MD5, service.generate())
        avatars = service.folder / "storage" / "avatars"
        (avatars / "identities" / MD5[:2] / f"{MD5}.json").write_text("{")
        assert_failure(service.client.get(f"/avatar/{MD5}"), 500, mentions="Link it again")
        avatars.rename(avatars.with_name("elsewhere"))
        assert_failure(service.client.get(f"/avatar/{MD5}"), 503, mentions="storage")
        assert_failure(service.client.delete(f"/api/identities/{MD5}"), 503, mentions="storage")

    def test_all_calls_to_a_storage_that_hangs_have_the_time_of_one(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        avatar, find = app.generate(), Avatars.find

        async def find_late(avatars: Avatars, avatar_id: str, px: int) -> StoredPicture:
            await asyncio.sleep(5)
            return await find(avatars, avatar_id, px)

        monkeypatch.setattr(Avatars, "find", find_late)
        monkeypatch.setattr(identities, "TIMEOUT_SECONDS", 0.05)
        answer = app.client.put(f"/api/identities/{'3' * 64}", json={"avatarId": avatar})
        assert_failure(answer, 503, mentions="storage")


def here(service: Service, address: str) -> str:
    """What moving is: another host in the same address."""
    parts = urlsplit(address if "://" in address else f"http:{address}")
    return urlunsplit(("http", f"127.0.0.1:{service.port}", parts.path, parts.query, ""))


class TestClientsThatWeDidNotWrite:
    @pytest.fixture(autouse=True)
    def linked(self, service: Service, client: httpx.Client) -> Iterator[bytes]:
        """Both hashes of one address show one avatar; its picture at 256 px."""
        avatar = service.generate(seed="ada")
        for identity in (MD5, SHA256):
            link(client, identity, avatar)
        yield client.get(f"/api/{avatar}?size=8").content
        for identity in (MD5, SHA256):
            client.delete(f"/api/identities/{identity}")

    def test_pylibravatar(self, service: Service, linked: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """It finds us as it finds every federated server, by what a domain's SRV record says."""
        monkeypatch.setattr(libravatar, "lookup_avatar_server", lambda *_: f"127.0.0.1:{service.port}")
        assert httpx.get(libravatar.libravatar_url(EMAIL, size=256), timeout=60).content == linked
        for name in ("identicon", "monsterid", "retro", "mm"):
            address = libravatar.libravatar_url("nobody@example.org", default=name, size=100)
            assert Image.open(io.BytesIO(httpx.get(address, timeout=60).content)).size == (100, 100)
        address = libravatar.libravatar_url("nobody@example.org", default=404)
        assert httpx.get(address, timeout=60).status_code == 404
        address = libravatar.libravatar_url(openid="https://ada.example.org/", default="retro")
        assert httpx.get(address, timeout=60).status_code == 200

    def test_libgravatar(self, service: Service, linked: bytes) -> None:
        ada, nobody = libgravatar.Gravatar(EMAIL), libgravatar.Gravatar("nobody@example.org")
        assert httpx.get(here(service, ada.get_image(size=256)), timeout=60).content == linked
        for name in libgravatar.Gravatar.DEFAULT_IMAGE:
            address = nobody.get_image(size=100, default=name, rating="pg", filetype_extension=True)
            answer = httpx.get(here(service, address), timeout=60)
            assert answer.status_code == (404 if name == "404" else 200)
            assert name == "404" or Image.open(io.BytesIO(answer.content)).size == (100, 100)
        forced = httpx.get(here(service, ada.get_image(default="blank", force_default=True)), timeout=60)
        assert pixels(forced.content)[:, :, 3].max() == 0

    @pytest.mark.skipif(shutil.which("npm") is None, reason="npm's clients need Node")
    def test_gravatar_of_npm(self, service: Service, linked: bytes, tmp_path: Path) -> None:
        command = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--fetch-timeout=20000",
            "--fetch-retries=0",
            "gravatar@1.8.2",
            "gravatar-url@4.0.2",
        ]
        installed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
        if installed.returncode:
            pytest.skip("npm's registry cannot be reached")
        script = """
            import gravatar from 'gravatar';
            import gravatarUrl from 'gravatar-url';
            const email = process.argv[2];
            console.log(JSON.stringify([
                gravatar.url(email, {s: '256', r: 'x', d: 'retro'}, true),
                gravatar.url(email, {size: '256', default: '404', format: 'png'}),
                gravatarUrl(email, {size: 256, default: 'identicon'}),
            ]));
        """
        (tmp_path / "ask.mjs").write_text(script)
        result = subprocess.run(
            ["node", "ask.mjs", EMAIL],  # noqa: S607
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
        )
        addresses = json.loads(result.stdout)
        assert len(addresses) == 3
        for address in addresses:
            assert httpx.get(here(service, address), timeout=60).content == linked
