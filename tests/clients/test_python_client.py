"""The Python client against a running service, sync and async."""

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import httpx
import pytest
from PIL import Image

from avatar_gen_client import (
    AsyncAvatarClient,
    AvatarClient,
    AvatarError,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unreachable,
    UnsupportedMedia,
    gravatar_url,
)
from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import App, MakeApp, Service
from tests.servers.net import free_port


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An application that the tests of this module share; each deletes its own avatars."""
    app = App(tmp_path_factory.mktemp("app"), environ={"AUTH_SIGNING_KEY": "k" * 32}).start()
    yield app
    app.close()


def client_of(app: App, api_key: str | None = None) -> AvatarClient:
    """A client that sends requests as the application's own test client does."""
    return AvatarClient("http://test", api_key=api_key, transport=app.client._transport)


def size_of(picture: bytes) -> tuple[str | None, tuple[int, int]]:
    image = Image.open(io.BytesIO(picture))
    return image.format, image.size


def test_an_avatar_is_made_shown_listed_and_deleted(app: App) -> None:
    with client_of(app) as client:
        avatar = client.generate(type="gradient", seed="ada", primary_color="gold", angle=45)
        assert (avatar.generator_type, avatar.seed, avatar.primary_color) == ("gradient", "ada", "gold")
        assert abs((datetime.now(UTC) - avatar.created_at).total_seconds()) < 3600
        assert size_of(client.picture(avatar.id, px=200, format="jpeg")) == ("JPEG", (200, 200))
        assert client.page(pick=1, newest_first=True).avatars == [avatar]
        assert avatar in list(client.avatars())
        client.delete(avatar.id)
        with pytest.raises(NotFound, match="no avatar with this id") as error:
            client.picture(avatar.id)
        assert error.value.status == 404


def test_a_picture_is_rendered_and_a_photograph_uploaded(app: App) -> None:
    with client_of(app) as client:
        assert size_of(client.render("ada", style="smile", size=64, format="png")) == ("PNG", (64, 64))
        assert client.render("ada", format="svg").startswith(b"<svg")
        photograph = client.upload(PHOTOGRAPH, name="Ada ☃", gravity="centre")
        assert photograph.seed == "Ada ☃"
        client.delete(photograph.id)


def test_an_email_address_is_linked(app: App) -> None:
    with client_of(app) as client:
        avatar = client.generate(seed="linked")
        client.link(" Linked@Example.org", avatar.id)
        assert client.linked_avatar("linked@example.org") == avatar.id
        assert client.linked_avatar(sha256(b"linked@example.org").hexdigest()) == avatar.id
        answer = app.client.get(gravatar_url("linked@example.org", size=64, default="404"))
        assert size_of(answer.content) == ("PNG", (64, 64))
        assert client.create_picker_link("linked@example.org", expires_in=60).url.startswith("http")
        client.unlink("linked@example.org")
        with pytest.raises(NotFound):
            client.linked_avatar("linked@example.org")
        client.delete(avatar.id)


def test_the_service_describes_itself(app: App) -> None:
    with client_of(app) as client:
        assert client.health().checks["storage"]["status"] == "up"
        assert "pixelize" in [style.name for style in client.styles()]


def test_an_invalid_request_names_its_fields(app: App) -> None:
    with client_of(app) as client:
        with pytest.raises(InvalidRequest, match="type") as error:
            client.generate(type="no such style")
        assert [problem.field for problem in error.value.problems] == ["type"]
        with pytest.raises(UnsupportedMedia):
            client.upload(b"not a photograph")
        with pytest.raises(TooLarge):
            client.generate(seed="x" * 100_000)


def test_keys_are_needed_sent_and_may_not_suffice(make_app: MakeApp) -> None:
    key = "avatar-key-" + "x" * 32
    entry = {"name": "writer", "sha256": sha256(key.encode()).hexdigest(), "may": ["write"]}
    app = make_app({"auth": {"api_keys": [entry]}}).start()
    with pytest.raises(NotAuthenticated):
        client_of(app).generate()
    with pytest.raises(NotAllowed):
        client_of(app, key).page()
    assert client_of(app, key).generate(seed="ada").seed == "ada"


def test_a_limit_says_when_to_try_again(make_app: MakeApp) -> None:
    client = client_of(make_app({"limits": {"client": "1/hour burst 1"}}).start())
    client.render("ada")
    with pytest.raises(TooManyRequests) as error:
        client.render("ada")
    assert 3500 < (error.value.retry_after or 0) <= 3601


def test_no_answer_and_an_answer_of_a_proxy_are_errors_too() -> None:
    with AvatarClient(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable) as error:
        client.health()
    assert error.value.status is None
    gateway = httpx.MockTransport(lambda _request: httpx.Response(502, text="<html>Bad Gateway</html>"))
    with AvatarClient("http://gateway", transport=gateway) as client:
        with pytest.raises(AvatarError, match="answered 502") as bad:
            client.health()
        assert bad.value.status == 502
    portal = httpx.MockTransport(lambda _request: httpx.Response(200, text="<html>Log in</html>"))
    not_ours = pytest.raises(AvatarError, match="not one of an avatar service")
    with AvatarClient("http://portal", transport=portal) as client, not_ours:
        client.health()


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_async_client_does_the_same(service: Service) -> None:
    async def use() -> None:
        async with AsyncAvatarClient(f"http://127.0.0.1:{service.port}") as client:
            avatar = await client.generate(seed="async")
            assert size_of(await client.picture(avatar.id)) == ("WEBP", (64, 64))
            assert avatar in [each async for each in client.avatars()]
            assert (await client.render("ada", format="svg")).startswith(b"<svg")
            await client.delete(avatar.id)
            with pytest.raises(NotFound):
                await client.delete(avatar.id)
        with pytest.raises(Unreachable):
            await AsyncAvatarClient(f"http://127.0.0.1:{free_port()}").health()

    asyncio.run(use())


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert methods(AvatarClient) == methods(AsyncAvatarClient)
