"""The clients, packed and installed as users do, and clients that generators make, against a real service."""

import gzip
import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from avatar_gen_client import AvatarClient, Conflict
from tests.api.test_uploads import PHOTOGRAPH
from tests.clients.projects import (
    PROGRAMS,
    SERVICE,
    NodeProject,
    PythonProject,
    blocks,
    needs_node,
)
from tests.conftest import Service
from tests.page.conftest import EXECUTABLE, TIMEOUT_MS, launch
from tests.servers.net import free_port

MAX_URL_BUILDER = 3 * 1024
"""Bytes, minified and compressed."""

NO_AVATAR = "There is no avatar with this id."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    environ = {"AUTH_SIGNING_KEY": "k" * 32}
    shared = Service(tmp_path_factory.mktemp("clients"), environ=environ).start()
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()
    shared.client.close()


@pytest.fixture(scope="module")
def url(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> NodeProject:
    return NodeProject.make(tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> PythonProject:
    return PythonProject.make(tmp_path_factory.mktemp("python"))


def test_the_list_is_read_in_several_requests(service: Service) -> None:
    with AvatarClient(str(service.client.base_url)) as client:
        made = [client.generate(seed=f"page {number}") for number in range(101)]
        listed = [avatar for avatar in client.avatars() if (avatar.seed or "").startswith("page ")]
        assert listed == made
        assert client.page(pick=100, after=client.page(pick=100).next).avatars
        for avatar in made:
            client.delete(avatar.id)


def test_a_job_runs(service: Service) -> None:
    with AvatarClient(str(service.client.base_url)) as client:
        job = client.start_job([{"seed": "ada"}, {"seed": ""}], style="rings")
        assert (job.total, job.state) == (2, "waiting") or job.state in {"running", "done"}
        # The events end when the job does.
        service.client.get(f"/api/jobs/{job.id}/events")
        job = client.job(job.id)
        assert (job.state, job.done + job.failed) == ("done", 2)
        rows = client.job_result(job.id)
        for row in rows:
            if row["id"]:
                client.delete(row["id"])
        with pytest.raises(Conflict):
            client.cancel_job(job.id)


def test_the_python_examples_run_with_the_wheel_and_have_types(environment: PythonProject, url: str) -> None:
    readme = "\n".join(blocks("clients/python/README.md", "python"))
    docs = "\n".join(each for each in blocks("docs/clients.md", "python") if "from generated" not in each)
    assert "deleted" in environment.run(f"{readme}\n{docs}".replace(SERVICE, url))
    wrong = (
        "from avatar_gen_client import avatar_url\n"
        'avatar_url("ada", shape="star")\n'
        'avatar_url("ada", color="gold")\n'
        'reveal_type(avatar_url("ada", shape="hexagon", style="pebble"))\n'
    )
    found = environment.check_types(readme=readme, docs=docs, wrong=wrong)
    assert 'wrong.py:2: error: Argument "shape"' in found
    assert 'wrong.py:3: error: Unexpected keyword argument "color"' in found
    assert 'Revealed type is "str"' in found
    assert "Found 2 errors in 1 file" in found


@needs_node
def test_the_typescript_client_builds_the_urls_of_the_python_client(project: NodeProject) -> None:
    project.node(PROGRAMS / "urls.mjs", PROGRAMS / "urls.json")


@needs_node
def test_the_typescript_client_does_what_the_api_can(project: NodeProject, url: str) -> None:
    photograph = project.folder / "photograph"
    photograph.write_bytes(PHOTOGRAPH)
    project.node(PROGRAMS / "api.mjs", url, f"http://127.0.0.1:{free_port()}", photograph)


@needs_node
def test_the_typescript_examples_run_and_have_no_wrong_type(project: NodeProject, url: str) -> None:
    for number, page in enumerate(("clients/typescript/README.md", "docs/clients.md")):
        program = "\n".join(each for each in blocks(page, "ts") if "openapi-fetch" not in each)
        name = f"example{number}.ts"
        (project.folder / name).write_text(program.replace(SERVICE, url), encoding="utf-8")
        project.node(name)
    (example,) = blocks("clients/typescript/README.md", "tsx")
    (project.folder / "example.tsx").write_text(example, encoding="utf-8")
    wrong = 'import { avatarUrl } from "avatar-gen-client";\navatarUrl("ada", { shape: "star" });\n'
    (project.folder / "wrong.ts").write_text(wrong, encoding="utf-8")
    found = project.check_types("example0.ts", "example1.ts", "example.tsx", "wrong.ts")
    assert found.count("error TS") == found.count("wrong.ts(2,20): error TS2322") == 1, found


@needs_node
def test_the_url_builders_are_small(project: NodeProject) -> None:
    builders = 'export { avatarUrl, gravatarUrl, storedAvatarUrl } from "avatar-gen-client";'
    sizes = {}
    for name, source in {
        "url": builders,
        "element": 'import "avatar-gen-client/element";',
        "index": 'export * from "avatar-gen-client";',
    }.items():
        sizes[name] = len(gzip.compress(project.bundle(source), mtime=0))
    print(sizes)
    assert 300 < sizes["url"] < MAX_URL_BUILDER
    assert sizes["url"] < sizes["element"] < sizes["index"] < 2 * MAX_URL_BUILDER


def test_openapi_python_client_makes_a_client_that_works(
    environment: PythonProject, service: Service, url: str
) -> None:
    (environment.folder / "generator.yaml").write_text(blocks("docs/clients.md", "yaml")[0])
    (environment.folder / "openapi.json").write_text(service.client.get("/openapi.json").text)
    commands = "".join(blocks("docs/clients.md", "sh")).splitlines()
    (command,) = [each for each in commands if each.startswith("openapi-python-client")]
    program = Path(sys.executable).with_name("openapi-python-client")
    environment.command(program, *command.replace(SERVICE, url).split()[1:])
    (example,) = [each for each in blocks("docs/clients.md", "python") if "from generated" in each]
    checks = f"""
from generated.models import Failure
assert stored.startswith(b"\\x89PNG")
assert made.data.id in [each.id for each in listed.data.avatars]
assert drawn.startswith(b"<svg")
assert deleted.status_code == 200
gone = delete_avatar.sync(made.data.id, client=client)
assert isinstance(gone, Failure) and gone.message == "{NO_AVATAR}", gone
"""
    environment.run(example.replace(SERVICE, url) + checks)


@needs_node
def test_openapi_typescript_makes_a_client_that_works(project: NodeProject, url: str) -> None:
    generator = project.folder / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    project.node(str(generator), f"{url}/openapi.json", "--output", "schema.d.ts")
    (example,) = [each for each in blocks("docs/clients.md", "ts") if "openapi-fetch" in each]
    checks = f"""
import {{ strict as assert }} from "node:assert";
assert.equal((stored.data as unknown as Blob).type, "image/png");
assert(listed.data!.data.avatars.some((each) => each.id === id));
assert.match(drawn.data as unknown as string, /^<svg/);
assert.equal(deleted.data!.statusCode, 200);
const gone = await client.DELETE("/api/{{id}}", {{ params: {{ path: {{ id }} }} }});
assert.equal(gone.error!.message, "{NO_AVATAR}");
"""
    (project.folder / "generated.ts").write_text(example.replace(SERVICE, url) + checks, encoding="utf-8")
    project.node("generated.ts")
    (project.folder / "typed.ts").write_text(example, encoding="utf-8")
    assert project.check_types("typed.ts") == ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if EXECUTABLE is None:
        pytest.skip("this needs a browser: apt-get install chromium-headless-shell")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


class Files(SimpleHTTPRequestHandler):
    """The files of a folder, without a log."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def product(project: NodeProject, url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site of a product, with both components in a page; its URL."""
    folder = tmp_path_factory.mktemp("product")
    page = (PROGRAMS / "page.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(page.replace("BASE", url), encoding="utf-8")
    (folder / "page.js").write_bytes(project.bundle((PROGRAMS / "page.ts").read_text(encoding="utf-8")))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=folder))
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, product: str, url: str) -> Iterator[Page]:
    context = browser.new_context(device_scale_factor=2)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{product}/?base={url}")
    yield page
    context.close()
    # The pictures for which the initials are shown.
    assert {each for each in said if "the server responded with a status of 40" not in each} == set()


@needs_node
def test_both_components_show_sharp_pictures_and_initials_without_one(page: Page) -> None:
    for picture in (page.locator("#element img"), page.locator("#react img.ada")):
        expect(picture).to_have_js_property("naturalWidth", 64)
        assert "size=128" in picture.evaluate("image => image.currentSrc")
        expect(picture).to_have_attribute("alt", "Ada Lovelace")
        expect(picture).to_have_attribute("loading", "lazy")
    expect(page.locator("#mail img")).to_have_js_property("naturalWidth", 48)
    for letters in (page.locator("#broken span"), page.locator("#react span.grace")):
        expect(letters).to_have_text("GH")
        expect(letters).to_have_attribute("aria-label", "Grace Hopper")
        box = letters.bounding_box()
        assert box
        assert (box["width"], box["height"]) == (48, 48)
        assert letters.evaluate("each => getComputedStyle(each).borderRadius") == "50%"


@needs_node
def test_a_picture_that_is_far_away_is_fetched_when_it_comes_into_view(page: Page) -> None:
    expect(page.locator("#element img")).to_have_js_property("complete", value=True)
    far = page.locator(".far img")
    assert not far.evaluate("image => image.complete")
    page.locator(".far").scroll_into_view_if_needed()
    expect(far).to_have_js_property("complete", value=True)
    expect(far).to_have_js_property("naturalWidth", 48)


@needs_node
def test_both_components_follow_a_change(page: Page) -> None:
    page.get_by_text("Another seed").click()
    expect(page.locator("#react img.ada")).to_have_attribute("src", re.compile("/43.webp"))
    page.locator("#element").evaluate("each => each.setAttribute('seed', '44')")
    expect(page.locator("#element img")).to_have_attribute("src", re.compile("/44.webp"))
    page.locator("#broken").evaluate("each => each.removeAttribute('avatar-id')")
    expect(page.locator("#broken img")).to_have_js_property("naturalWidth", 48)
