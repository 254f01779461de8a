"""Making an avatar, as people do it."""

import io
import re
import shlex
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.palette import SCHEMES, parse_colour
from avatar_gen.drawing.palettes import choose
from avatar_gen.drawing.styles import STYLES
from tests.conftest import Service
from tests.page.conftest import PHONE, Complaints, Visit


def address(page: Page) -> str:
    """What is shown to be copied."""
    return page.locator("#snippet").inner_text()


def seed(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Seed")


def pick(page: Page, name: str) -> None:
    """One of a few."""
    page.get_by_role("radio", name=name, exact=True).check()


def source(page: Page, selector: str) -> str:
    return page.locator(selector).get_attribute("src") or ""


def shows(page: Page, selector: str, part: str) -> None:
    """A picture has an address with this in it, now or soon."""
    expect(page.locator(selector)).to_have_attribute("src", re.compile(re.escape(part)))


def drawn(page: Page, selector: str) -> bool:
    """Whether every picture there comes, and is one."""
    script = "(all) => Promise.all(all.map((each) => each.decode().then(() => true, () => false)))"
    found = page.eval_on_selector_all(selector, script)
    return bool(found) and all(found)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_all_styles_follow_what_is_typed(visit: Visit) -> None:
    page = visit()
    seed(page).press("End")
    seed(page).press_sequentially(" Byron")
    expect(page.locator("#styles img")).to_have_count(len(STYLES))
    shows(page, "#large", "/Ada%20Lovelace%20Byron.svg")
    for style in STYLES:
        tile = page.locator(f"#styles label:has([value={style}]) img")
        assert (tile.get_attribute("src") or "").startswith(f"/api/render/{style}/Ada%20Lovelace%20Byron.")
    assert drawn(page, "#styles img, #large, #previews img")


def test_a_style_is_chosen_by_its_picture_and_every_option_is_in_the_url(visit: Visit) -> None:
    page = visit("/?seed=ada")
    page.locator("#styles label", has_text="Gradient").click()
    pick(page, "Scheme")
    page.locator("#schemes label[title=sunset]").click()
    page.get_by_role("slider", name="Angle").fill("30")
    pick(page, "Rounded")
    pick(page, "Sepia")
    pick(page, "WEBP")
    page.get_by_role("slider", name="Size").fill("256")
    expect(page.locator("#snippet")).to_contain_text("size=256")
    parts = urlsplit(address(page))
    assert parts.path == "/api/render/gradient/ada.webp"
    wanted = {"colorScheme": "sunset", "angle": "30", "shape": "rounded", "filter": "sepia", "size": "256"}
    assert dict(parse_qsl(parts.query)) == wanted
    assert pixels(httpx.get(address(page), timeout=60).content).shape == (256, 256, 3)


def test_an_angle_and_letters_are_asked_for_only_where_they_are_heeded(visit: Visit) -> None:
    page = visit("/?style=smile")
    expect(page.get_by_role("slider", name="Angle")).to_be_hidden()
    expect(page.get_by_label("Name for the letters")).to_be_hidden()
    page.locator("#styles label", has_text="Initials").click()
    page.get_by_label("Name for the letters").fill("Grace Hopper")
    shows(page, "#large", "name=Grace%20Hopper")
    page.locator("#styles label", has_text="Gradient").click()
    expect(page.get_by_role("slider", name="Angle")).to_be_visible()
    assert "name=" not in address(page)


def test_a_style_without_svg_is_png(visit: Visit) -> None:
    page = visit("/?style=wave&seed=ada")
    expect(page.get_by_label("SVG")).to_be_disabled()
    assert urlsplit(address(page)).path == "/api/render/wave/ada.png"
    assert drawn(page, "#large")


def shown_ratio(page: Page) -> float:
    expect(page.locator("#contrast")).to_contain_text(": 1")
    match = re.search(r"([0-9.]+) : 1", page.locator("#contrast span").inner_text())
    assert match
    return float(match[1])


class TestTheContrastOfTheTwoColours:
    def test_is_that_of_those_which_the_seed_chooses(self, visit: Visit) -> None:
        page = visit("/?seed=ada&hue=200")
        assert 0 <= contrast(*seed_colours("ada", 200)) - shown_ratio(page) < 0.1
        expect(page.locator("#contrast")).to_contain_text("good")

    def test_or_of_a_scheme(self, visit: Visit) -> None:
        page = visit("/?seed=ada&colorScheme=sunset")
        scheme = SCHEMES["sunset"]
        ratio = contrast(parse_colour(scheme.primary), parse_colour(scheme.foreign))
        assert 0 <= ratio - shown_ratio(page) < 0.1
        expect(page.locator("#contrast")).to_contain_text("low")

    def test_or_of_ones_own(self, visit: Visit) -> None:
        page = visit("/?seed=ada")
        shown_ratio(page)
        pick(page, "Custom")
        taken_over = [f"#{colour.red:02x}{colour.green:02x}{colour.blue:02x}" for colour in choose("ada")[:2]]
        assert [page.get_by_label(name).input_value() for name in ("Primary", "Foreign")] == taken_over
        page.get_by_label("Primary").fill("#000000")
        page.get_by_label("Foreign").fill("#ffffff")
        expect(page.locator("#contrast span")).to_have_text("Contrast 21 : 1")
        page.get_by_label("Swap the colours").click()
        assert "primaryColor=ffffff&foreignColor=000000" in address(page)


def test_the_url_of_the_page_can_be_shared(visit: Visit) -> None:
    page = visit("/?seed=ada")
    page.locator("#styles label", has_text="Rings").click()
    pick(page, "Custom")
    page.get_by_label("Primary").fill("#0077be")
    pick(page, "Negative")
    seed(page).fill("Zoë & Жорж/☃?#%")
    expect(page).to_have_url(re.compile("%E2%98%83"))
    other = visit(page.url.removeprefix(page.evaluate("location.origin")))
    assert address(other) == address(page)
    assert seed(other).input_value() == "Zoë & Жорж/☃?#%"
    assert other.get_by_label("Primary").input_value() == "#0077be"
    assert drawn(other, "#large")


class Picture(HTMLParser):
    """The one `<img>` in what was copied."""

    attributes: dict[str, str | None]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.attributes = dict(attrs)


def test_what_is_copied_works_where_it_is_pasted(visit: Visit, tmp_path: Path) -> None:
    page = visit("/?seed=O'Neill%20\"(x)*$(id)`<b>&format=png&size=64")
    copied = {}
    for way in ("URL", "HTML", "Markdown", "curl"):
        pick(page, way)
        page.locator("#copy").click()
        expect(page.locator("#notice")).to_have_text("Copied.")
        copied[way] = page.evaluate("navigator.clipboard.readText()")
    picture = httpx.get(copied["URL"], timeout=60).content
    assert pixels(picture).shape == (64, 64, 3)
    parser = Picture()
    parser.feed(copied["HTML"])
    assert parser.attributes == {"src": copied["URL"], "width": "64", "height": "64", "alt": ""}
    assert copied["Markdown"] == f"![]({copied['URL']})"
    assert not set("() <>") & set(copied["URL"])
    assert shlex.split(copied["curl"]) == ["curl", "-o", "avatar.png", copied["URL"]]
    subprocess.run(["bash", "-euc", copied["curl"]], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607
    assert (tmp_path / "avatar.png").read_bytes() == picture


def test_a_download_is_the_picture_under_the_seeds_name(visit: Visit) -> None:
    page = visit("/?seed=../../Zoë Ж.exe&format=webp&size=512")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "Zoë-Ж-exe.webp"
    assert download.value.path().read_bytes() == httpx.get(address(page), timeout=60).content


@pytest.mark.parametrize("style", ["smile", "gradient", "wave", "initials"])
@pytest.mark.parametrize("colours", ["", "&hue=200", "&colorScheme=ocean"])
def test_what_is_stored_is_what_was_seen(style: str, colours: str, visit: Visit, service: Service) -> None:
    angle = "&angle=30" if style == "gradient" else ""
    page = visit(f"/?seed=ada&style={style}&shape=square&format=png{colours}{angle}")
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    stored = source(page, "#stored img")
    seen = httpx.get(address(page), timeout=60).content
    kept = service.client.get(f"{stored}?size=7").content
    assert np.array_equal(pixels(seen), pixels(kept))


def test_the_page_says_what_a_stored_avatar_does_not_keep(visit: Visit) -> None:
    page = visit("/?seed=ada&style=initials&name=Grace&shape=circle")
    note = page.locator("#store-note")
    expect(note).to_contain_text("Not stored: the shape, the name for the letters ")
    seed(page).fill("☃" * 256)
    expect(page.get_by_role("button", name="Store it")).to_be_enabled()


def test_the_parts_of_a_style_are_chosen_by_their_pictures(visit: Visit, service: Service) -> None:
    page = visit("/?seed=ada&style=lorelei&shape=square&format=png")
    page.locator("#parts summary", has_text="Glasses").click()
    glasses = page.get_by_role("radiogroup", name="Glasses")
    expect(glasses.get_by_role("radio", name="By the seed")).to_be_checked()
    glasses.locator("label[title='No. 3']").click()
    query = "glassesVariant=variant03&glassesProbability=100"
    shows(page, "#large", query)
    expect(glasses.locator("img:not(.new)")).to_have_count(7)
    assert len({image.get_attribute("src") for image in glasses.locator("img").all()}) == 7
    hair = page.locator("#parts summary", has_text=re.compile("^Hair\\s*$"))
    hair.click()
    page.get_by_role("radiogroup", name="Hair", exact=True).locator("label[title='No. 7']").click()
    shows(page, "#large", "hairVariant=variant07")
    expect(page).to_have_url(re.compile("glassesVariant=variant03.*hairVariant=variant07"))
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    stored = source(page, "#stored img")
    assert service.client.get(f"{stored}?size=7").content == httpx.get(address(page)).content
    [row] = service.client.get("/api/list?pick=1&order=newest").json()["data"]["avatars"]
    assert row["options"] == {
        "glassesProbability": 100,
        "glassesVariant": ["variant03"],
        "hairVariant": ["variant07"],
    }
    other = visit(page.url)
    shows(other, "#large", query)
    expect(other.locator("#parts summary", has_text="Glasses")).to_have_text("Glasses No. 3")


def test_pictures_of_parts_load_only_where_they_are_seen(visit: Visit) -> None:
    page = visit("/?seed=ada&style=notionists&shape=square")
    expect(page.locator("#parts summary").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    fetched = "performance.getEntriesByType('resource').map((each) => each.name)"
    assert not [name for name in page.evaluate(fetched) if "hairVariant" in name]
    page.locator("#parts summary", has_text=re.compile("^Hair\\s*$")).click()
    box = page.get_by_role("radiogroup", name="Hair", exact=True)
    expect(box.locator("img")).to_have_count(1 + 64)
    expect(box.locator("img:not(.new)").nth(1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    seen = len([name for name in page.evaluate(fetched) if "hairVariant" in name])
    assert 0 < seen < 50
    box.locator("label").last.scroll_into_view_if_needed()
    expect(box.locator("label").last.locator("img:not(.new)")).to_be_visible()
    assert len([name for name in page.evaluate(fetched) if "hairVariant" in name]) > seen


def test_parts_are_chosen_by_keyboard_and_left_out(visit: Visit) -> None:
    page = visit("/?seed=ada&style=lorelei")
    page.locator("#parts summary", has_text="Earrings").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "By the seed")
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "None")
    shows(page, "#large", "earringsProbability=0")
    page.keyboard.press("ArrowRight")
    shows(page, "#large", "earringsVariant=variant01&earringsProbability=100")


def test_parts_belong_to_one_style(visit: Visit) -> None:
    page = visit("/?seed=ada&style=lorelei&eyesVariant=variant05")
    shows(page, "#large", "eyesVariant=variant05")
    page.locator("#their-styles label", has=page.locator("[value=open-peeps]")).click()
    shows(page, "#large", "/open-peeps/ada.svg?shape=circle&size=512")
    expect(page.locator("#parts summary").first).to_have_text("Accessories")
    page.locator("#styles label", has_text="Smile").click()
    expect(page.locator("#parts")).to_be_hidden()


def test_parts_that_a_style_does_not_have_are_dropped(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("400",)
    page = visit("/?seed=ada&style=lorelei&eyesVariant=nope&tailVariant=variant01&hairVariant=variant02")
    shows(page, "#large", "/ada.svg?hairVariant=variant02&shape=circle")
    assert drawn(page, "#large")


def test_a_palette_is_chosen_and_stored(visit: Visit, service: Service) -> None:
    page = visit("/?seed=ada&style=bauhaus&shape=square&format=png")
    page.locator("#palettes label[title=Neon]").click()
    assert "palette=neon" in address(page)
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    stored = source(page, "#stored img")
    assert service.client.get(f"{stored}?size=7").content == httpx.get(address(page)).content
    page.get_by_role("checkbox", name="Keep to one hue").check()
    expect(page.get_by_role("radio", name="Neon")).to_be_disabled()
    expect(page.locator("#snippet")).to_contain_text("hue=")
    assert "palette" not in address(page)
    other = visit("/?seed=ada&style=bauhaus&palette=neon")
    expect(other.get_by_role("radio", name="Neon")).to_be_checked()


@pytest.mark.parametrize("shape", ["Squircle", "Hexagon"])
def test_every_shape_is_there(shape: str, visit: Visit) -> None:
    page = visit("/?seed=ada")
    pick(page, shape)
    shows(page, "#large", f"shape={shape.lower()}")
    assert drawn(page, "#large")


def test_dicebears_styles_are_there_too_with_their_licence_and_artist(visit: Visit) -> None:
    page = visit("/?seed=ada")
    page.get_by_text("more styles by DiceBear").click()
    tile = page.locator("#their-styles label", has=page.locator("[value=lorelei]"))
    assert tile.get_attribute("title") == "Lorelei, by Lisa Wischofsky, CC0 1.0"
    tile.click()
    assert urlsplit(address(page)).path == "/api/render/lorelei/ada.svg"
    assert drawn(page, "#large")
    expect(page.locator("#their-colours")).to_contain_text("Lorelei, by Lisa Wischofsky, CC0 1.0.")
    expect(page.locator("#colours")).to_be_hidden()
    other = visit("/?style=lorelei&seed=ada")
    expect(other.locator("#their-styles [value=lorelei]")).to_be_checked()


def test_a_phone_keeps_the_picture_beside_what_is_typed(visit: Visit) -> None:
    page = visit(size=PHONE)
    page.locator("#size-option").scroll_into_view_if_needed()
    box = page.locator("#thumb").bounding_box()
    assert box
    assert 0 <= box["y"] < 100
    seed(page).fill("grace")
    shows(page, "#thumb", "/grace.svg")


def test_a_surprise_is_another_seed_each_time(visit: Visit) -> None:
    page = visit()
    seeds = set()
    for _ in range(5):
        page.get_by_label("Surprise me").click()
        seeds.add(seed(page).input_value())
    assert len(seeds) >= 4
