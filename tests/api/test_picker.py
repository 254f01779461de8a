"""Picker links: what they allow, and what ends them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from avatar_gen.objects.local_identities import LocalIdentityStore
from avatar_gen.security.api_keys import hash_of, new_key
from avatar_gen.security.picker_tokens import PickerTokens
from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import App, MakeApp, assert_failure

KEY = "k" * 32
SITE = "https://www.example.org"
SETTINGS = {"auth": {"signing_key": [KEY]}, "picker": {"origins": [SITE]}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    shared = App(tmp_path_factory.mktemp("picker"), SETTINGS).start()
    yield shared
    shared.close()


@pytest.fixture
def client(app: App) -> httpx.Client:
    return app.client


@pytest.fixture
def identity() -> str:
    return sha256(uuid4().bytes).hexdigest()


def issue(client: httpx.Client, identity: str, **options: object) -> str:
    answer = client.post("/api/picker-links", json={"identity": identity, **options})
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["data"]["url"]
    return url.partition("/pick#")[2]


def by(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def save(client: httpx.Client, token: str, **options: object) -> httpx.Response:
    return client.post("/api/picker/generate", json=options, headers=by(token))


def saved(client: httpx.Client, token: str, **options: object) -> dict[str, Any]:
    answer = save(client, token, **options)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def is_stored(app: App, avatar_id: str) -> bool:
    in_list = any(
        each["id"] == avatar_id for each in app.client.get("/api/list?pick=100").json()["data"]["avatars"]
    )
    assert in_list == app.object(avatar_id).exists()
    assert in_list == (app.client.get(f"/api/{avatar_id}").status_code == 200)
    return in_list


class TestLinks:
    def test_have_the_token_in_the_fragment_and_a_time(self, client: httpx.Client, identity: str) -> None:
        answer = client.post("/api/picker-links", json={"identity": identity.upper(), "expiresIn": 600})
        assert answer.status_code == 201
        assert answer.headers["cache-control"] == "no-store"
        data = answer.json()["data"]
        assert data.keys() == {"url", "expiresAt"}
        assert data["url"].startswith("http://test/pick#")
        assert "?" not in data["url"]
        grant = PickerTokens([KEY]).read(data["url"].partition("#")[2])
        assert (grant.identity, grant.seed, grant.photos) == (identity, identity, True)

    def test_tell_the_page_what_they_allow(self, client: httpx.Client, identity: str) -> None:
        token = issue(
            client, identity, styles=["rings", "smile"], photos=False, seed="Ада", returnOrigin=SITE
        )
        answer = client.get("/api/picker", headers=by(token))
        assert answer.headers["cache-control"] == "no-store"
        data = answer.json()["data"]
        assert data.pop("expiresAt").endswith(".000Z")
        assert data == {
            "hash": identity,
            "avatarId": None,
            "seed": "Ада",
            "styles": [{"name": "rings", "title": "Rings"}, {"name": "smile", "title": "Smile"}],
            "photos": False,
            "origins": [SITE],
            "returnOrigin": SITE,
        }

    def test_have_the_origin_of_the_settings(self, make_app: MakeApp, identity: str) -> None:
        app = make_app({**SETTINGS, "picker": {"url": "https://Avatars.example.org/"}}).start()
        answer = app.client.post("/api/picker-links", json={"identity": identity})
        assert answer.json()["data"]["url"].startswith("https://avatars.example.org/pick#")

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("identity", "ada@example.org", "identity must be the MD5 or SHA-256"),
            ("expiresIn", 59, "expiresIn must be at least 60."),
            ("expiresIn", 86401, "expiresIn must be at most 86400."),
            ("styles", [], "styles"),
            ("styles", ["lorelei"], "styles"),
            ("seed", "", "seed"),
            ("seed", "\0", "seed must not contain the NUL character."),
            ("photos", "yes", "photos"),
            ("returnOrigin", "https://evil.example", "returnOrigin must be one of the sites"),
            ("more", 1, "is not known here"),
        ],
    )
    def test_are_made_of_valid_options(
        self, client: httpx.Client, identity: str, field: str, value: object, message: str
    ) -> None:
        answer = client.post("/api/picker-links", json={"identity": identity, field: value})
        assert_failure(answer, 400, mentions=message)

    def test_need_the_permission_to_write(self, make_app: MakeApp, identity: str) -> None:
        writing, listing = new_key(), new_key()
        keys = [{"sha256": hash_of(writing)}, {"sha256": hash_of(listing), "may": ["list"]}]
        client = make_app({"auth": {"signing_key": KEY, "api_keys": keys}}).start().client
        body = {"identity": identity}
        assert_failure(client.post("/api/picker-links", json=body), 401)
        assert_failure(client.post("/api/picker-links", json=body, headers=by(listing)), 403)
        answer = client.post("/api/picker-links", json=body, headers=by(writing))
        token = answer.json()["data"]["url"].partition("#")[2]
        # The token allows its holder this one picture, and nothing that takes an API key.
        data = saved(client, token, type="rings")
        for method, path in (
            ("POST", "/api/generate"),
            ("GET", "/api/list"),
            ("DELETE", f"/api/{data['avatarId']}"),
            ("GET", f"/api/identities/{identity}"),
            ("PUT", f"/api/identities/{identity}"),
            ("POST", "/api/picker-links"),
        ):
            assert_failure(client.request(method, path, headers=by(data["token"])), 401)

    def test_need_a_key_that_signs_them(self, make_app: MakeApp, identity: str) -> None:
        client = make_app().start().client
        answer = client.post("/api/picker-links", json={"identity": identity})
        assert_failure(answer, 403, mentions="Set AUTH_SIGNING_KEY to the output of `openssl rand -hex 32`.")
        assert_failure(client.get("/api/picker", headers=by("x")), 401)


class TestUse:
    def test_a_drawn_avatar_is_stored_and_linked(self, app: App, client: httpx.Client, identity: str) -> None:
        data = saved(client, issue(client, identity), type="rings", seed=identity)
        assert is_stored(app, data["avatarId"])
        assert client.get(f"/api/identities/{identity}").json()["data"]["avatarId"] == data["avatarId"]
        picture = client.get(data["url"] + "&s=64")
        assert picture.content == client.get(f"/api/{data['avatarId']}").content
        assert picture.headers["cache-control"] == "public, max-age=300"
        shown = client.get("/api/picker", headers=by(data["token"])).json()["data"]
        assert shown["avatarId"] == data["avatarId"]

    def test_only_the_styles_of_the_link_are_drawn(self, client: httpx.Client, identity: str) -> None:
        token = issue(client, identity, styles=["smile"])
        for options in ({"type": "rings"}, {}):
            assert_failure(save(client, token, **options), 403, mentions="does not allow this style")
        assert_failure(save(client, token, type="nothing"), 400)
        saved(client, token, type="SMILE")

    def test_a_link_is_used_once_and_its_answer_has_the_next_token(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        token = issue(client, identity)
        first = saved(client, token)
        for answer in (
            save(client, token),
            client.get("/api/picker", headers=by(token)),
            client.delete("/api/picker", headers=by(token)),
        ):
            assert_failure(answer, 403, mentions="Ask for a new link.")
        second = saved(client, first["token"])
        assert is_stored(app, second["avatarId"])
        assert not is_stored(app, first["avatarId"])

    def test_a_removal_deletes_the_avatar_and_ends_all_earlier_links(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        unused, token = issue(client, identity), issue(client, identity)
        data = saved(client, token)
        late = issue(client, identity)
        answer = client.delete("/api/picker", headers=by(data["token"]))
        assert (answer.status_code, answer.json()["message"]) == (200, "Picture removed")
        assert not is_stored(app, data["avatarId"])
        assert client.get(f"/avatar/{identity}?d=404").status_code == 404
        for old in (unused, token, data["token"], late):
            assert_failure(save(client, old), 403)
            assert_failure(client.delete("/api/picker", headers=by(old)), 403)
        saved(client, issue(client, identity))

    def test_a_removal_through_the_api_ends_them_too(self, client: httpx.Client, identity: str) -> None:
        token = issue(client, identity)
        avatar = client.post("/api/generate").json()["data"]["id"]
        client.put(f"/api/identities/{identity}", json={"avatarId": avatar})
        client.delete(f"/api/identities/{identity}")
        assert_failure(save(client, token), 403)

    def test_without_a_picture_there_is_nothing_to_remove(self, client: httpx.Client, identity: str) -> None:
        assert_failure(client.delete("/api/picker", headers=by(issue(client, identity))), 404)

    @pytest.mark.parametrize("headers", [{}, by("x"), {"Authorization": "Basic eDp5"}])
    def test_without_a_token_nothing_is_allowed(self, client: httpx.Client, headers: dict[str, str]) -> None:
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/generate")):
            refused = client.request(method, f"/api/picker{path}", headers=headers)
            assert_failure(refused, 401)
            # Each 401 needs this: RFC 9110, section 11.6.1.
            assert refused.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("body", [b"{}", b"{", b'{"type": "nothing"}', b'{"x": 1}', b" " * 70_000])
    def test_the_token_is_checked_before_the_body(
        self, client: httpx.Client, identity: str, body: bytes
    ) -> None:
        used = issue(client, identity)
        saved(client, used)
        for headers, status in (({}, 401), (by("forged"), 401), (by(used), 403)):
            answer = client.post("/api/picker/generate", content=body, headers=headers)
            assert_failure(answer, status)

    def test_a_body_that_is_not_valid_leaves_the_link_as_it_was(
        self, client: httpx.Client, identity: str
    ) -> None:
        token = issue(client, identity)
        assert_failure(save(client, token, x=1), 400)
        saved(client, token)

    def test_a_token_in_the_query_is_refused(self, client: httpx.Client, identity: str) -> None:
        token = issue(client, identity)
        assert_failure(client.get("/api/picker", params={"token": token}, headers=by(token)), 400)

    def test_one_of_many_simultaneous_uses_of_a_link_succeeds_and_the_others_store_nothing(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        token = issue(client, identity)
        before = client.get("/api/list").json()["data"]["pagination"]["total"]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: save(client, token), range(8)))
        won = [answer for answer in answers if answer.status_code == 201]
        assert [answer.status_code for answer in answers].count(403) == 7
        assert client.get("/api/list").json()["data"]["pagination"]["total"] == before + 1
        assert is_stored(app, won[0].json()["data"]["avatarId"])


class TestPhotographs:
    def test_a_photograph_is_stored_and_linked_and_the_one_before_is_gone(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        first = upload(client, issue(client, identity)).json()["data"]
        second = upload(client, first["token"], crop="0,0,40,40").json()["data"]
        assert is_stored(app, second["avatarId"])
        assert not is_stored(app, first["avatarId"])
        assert client.get(f"/api/identities/{identity}").json()["data"]["avatarId"] == second["avatarId"]
        assert client.get(second["url"]).headers["cache-control"] == "public, max-age=300"
        drawn = saved(client, second["token"])
        assert not is_stored(app, second["avatarId"])
        client.delete("/api/picker", headers=by(drawn["token"]))

    def test_a_photograph_that_the_api_linked_is_gone_when_its_link_is(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        photograph = client.post("/api/upload", files={"file": PHOTOGRAPH}).json()["data"]["id"]
        other = "ef" * 16
        for each in (identity, other):
            client.put(f"/api/identities/{each}", json={"avatarId": photograph})
        client.delete(f"/api/identities/{identity}")
        assert is_stored(app, photograph)
        client.put(f"/api/identities/{other}", json={"avatarId": app.generate()})
        assert not is_stored(app, photograph)

    def test_a_link_may_forbid_them(self, client: httpx.Client, identity: str) -> None:
        answer = upload(client, issue(client, identity, photos=False))
        assert_failure(answer, 403, mentions="This link does not allow photographs.")

    def test_no_body_is_read_without_a_token(self, client: httpx.Client, identity: str) -> None:
        """If it were read, the answer would be 415."""
        used = issue(client, identity)
        saved(client, used)
        for token, status in (("forged", 401), (used, 403)):
            answer = client.post("/api/picker/upload", content=b"x", headers=by(token))
            assert_failure(answer, status)

    def test_a_file_that_is_not_a_photograph_leaves_the_link_as_it_was(
        self, client: httpx.Client, identity: str
    ) -> None:
        token = issue(client, identity)
        assert_failure(upload(client, token, content=b"<svg/>"), 415)
        assert upload(client, token).status_code == 201


def upload(client: httpx.Client, token: str, content: bytes = PHOTOGRAPH, **fields: str) -> httpx.Response:
    return client.post("/api/picker/upload", files={"file": content}, data=fields, headers=by(token))


class TestReplaced:
    def test_an_avatar_that_another_identity_links_stays(
        self, app: App, client: httpx.Client, identity: str
    ) -> None:
        data = saved(client, issue(client, identity))
        other = "ab" * 16
        client.put(f"/api/identities/{other}", json={"avatarId": data["avatarId"]})
        client.delete("/api/picker", headers=by(data["token"]))
        assert is_stored(app, data["avatarId"])
        assert client.get(f"/avatar/{other}?d=404").status_code == 200
        client.delete(f"/api/identities/{other}")

    def test_an_avatar_that_the_api_made_stays(self, app: App, client: httpx.Client, identity: str) -> None:
        avatar = app.generate()
        client.put(f"/api/identities/{identity}", json={"avatarId": avatar})
        data = saved(client, issue(client, identity))
        client.put(f"/api/identities/{identity}", json={"avatarId": avatar})
        assert not is_stored(app, data["avatarId"])
        client.delete(f"/api/identities/{identity}")
        assert is_stored(app, avatar)

    def test_a_setting_leaves_all_avatars(self, make_app: MakeApp, identity: str) -> None:
        app = make_app({**SETTINGS, "identities": {"delete_replaced": False}}).start()
        data = saved(app.client, issue(app.client, identity))
        app.client.delete("/api/picker", headers=by(data["token"]))
        assert is_stored(app, data["avatarId"])
        assert LocalIdentityStore(app.folder / "storage" / "avatars").replaced() == []

    def test_what_could_not_be_deleted_is_deleted_after_a_restart(
        self, make_app: MakeApp, identity: str
    ) -> None:
        app = make_app(SETTINGS).start()
        data = saved(app.client, issue(app.client, identity))
        app.stop()
        # As if the process had been killed between the removal of the link and of the avatar.
        LocalIdentityStore(app.folder / "storage" / "avatars").remove(identity)
        assert app.object(data["avatarId"]).exists()
        app.start()
        issue(app.client, identity)
        while data["avatarId"] in app.client.get("/api/list").text:
            pass
        assert not is_stored(app, data["avatarId"])

    def test_an_avatar_is_deleted_or_linked_in_any_order(self, app: App, client: httpx.Client) -> None:
        """One identity drops an avatar while another is linked to it: never a link without its avatar."""
        other = "cd" * 16
        for number in range(20):
            identity = f"{number:064x}"
            data = saved(client, issue(client, identity))
            with ThreadPoolExecutor(2) as threads:
                link = threads.submit(
                    client.put, f"/api/identities/{other}", json={"avatarId": data["avatarId"]}
                )
                removal = threads.submit(client.delete, "/api/picker", headers=by(data["token"]))
            assert removal.result().status_code == 200
            assert link.result().status_code in {200, 404}
            assert is_stored(app, data["avatarId"]) == (link.result().status_code == 200)
            if link.result().status_code == 200:
                client.delete(f"/api/identities/{other}")
