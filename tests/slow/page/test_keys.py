"""A service that asks for API keys, and the page that asks for one in turn."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from avatar_gen.security.api_keys import hash_of, new_key
from tests.conftest import Service
from tests.page.conftest import Complaints, Visit
from tests.slow.page.test_accessibility import assert_no_violations

KEY, LISTING = new_key(), new_key()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Service]:
    assert browser.is_connected()
    keys = [
        {"name": "page", "sha256": hash_of(KEY)},
        {"name": "list", "sha256": hash_of(LISTING), "may": ["list"]},
    ]
    guarded = Service(tmp_path_factory.mktemp("guarded"), {"auth": {"api_keys": keys}}).start()
    yield guarded
    assert guarded.stop() == 0
    guarded.client.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints(expected=("401", "403"))


def give(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog", name="This needs an API key")
    dialog.get_by_label("API key").fill(key)
    dialog.get_by_role("button", name="Continue").click()


def kept(page: Page) -> tuple[str | None, list[str]]:
    """The key that the session has, and whatever outlives the session."""
    session: str | None
    session, lasting = page.evaluate(
        "[sessionStorage.getItem('avatars.key'), [...Object.values(localStorage), document.cookie]]"
    )
    return session, lasting


def test_a_key_is_asked_for_when_it_is_needed_and_kept_for_the_session_alone(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Store it").click()
    assert_no_violations(page)
    give(page, f" {KEY} ")
    expect(page.locator("#stored")).to_contain_text("Stored.")
    page.get_by_role("link", name="Gallery", exact=True).click()
    expect(page.locator("#wall button")).to_have_count(1)
    session, lasting = kept(page)
    assert session == KEY
    assert KEY not in "".join(lasting) + page.url + page.content()
    page.reload()
    expect(page.locator("#wall button")).to_have_count(1)
    elsewhere = page.context.new_page()
    elsewhere.goto("/#gallery")
    expect(elsewhere.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Forget the API key").click()
    assert kept(page)[0] is None
    page.reload()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_key_that_is_not_known_is_asked_for_again(visit: Visit) -> None:
    page = visit("/#gallery")
    give(page, new_key())
    expect(page.locator("#key-note")).to_have_text("The service does not know this key.")
    give(page, KEY)
    expect(page.locator("#wall .skeleton, #ask-key[open]")).to_have_count(0)
    expect(page.locator("#gallery-state")).not_to_contain_text("could not be loaded")


def test_without_one_it_says_what_is_needed_and_can_be_tried_again(visit: Visit) -> None:
    page = visit("/#gallery")
    page.keyboard.press("Escape")
    expect(page.locator("#gallery-state")).to_contain_text("could not be loaded: it needs an API key.")
    page.get_by_role("button", name="Try again").click()
    give(page, KEY)
    expect(page.locator("#gallery-state")).not_to_contain_text("could not be loaded")


def test_what_can_be_no_key_is_not_even_sent(visit: Visit) -> None:
    page = visit("/#gallery")
    for each in ("", "ключ", "two words"):
        give(page, each)
        expect(page.get_by_role("dialog")).to_be_visible()
        assert kept(page)[0] is None


def test_a_key_that_may_only_list_gets_a_message(visit: Visit) -> None:
    page = visit("/#gallery")
    give(page, LISTING)
    expect(page.locator("#gallery-state")).not_to_contain_text("Loading")
    page.get_by_role("link", name="Make", exact=True).click()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_have_text("This API key may not write.")
    assert kept(page)[0] == LISTING


def test_pictures_need_no_key(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ()
    page = visit("/?seed=ada")
    assert page.locator("#large").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 512


def test_a_job_and_its_result_need_the_key(visit: Visit) -> None:
    page = visit("/#jobs")
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=b"seed\nada\n")
    page.get_by_label("List, as CSV or JSON").set_input_files(file)
    page.get_by_role("button", name="Start").click()
    give(page, KEY)
    card = page.locator(".joblist li")
    expect(card.locator(".badge")).to_have_text("Done")
    with page.expect_download() as downloaded:
        card.get_by_role("link", name="Ids as JSON").click()
    (row,) = json.loads(downloaded.value.path().read_bytes())
    assert row["seed"] == "ada"
    assert KEY not in page.content() + "".join(kept(page)[1])
