"""What other people's clients send, and the old service understood: each is answered, not refused."""

import json

import httpx
import pytest
import yaml

from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.drawing.styles import STYLES
from tests.conftest import App, MakeApp, assert_failure

MD5 = "0bc83cb571cd1c50ba6f3e8a78ef1346"
JSON = {"Content-Type": "application/json"}


class TestPicturesWithoutAnIdentity:
    """WordPress writes `/avatar/?s=96&d=mm&r=g` for people without an e-mail address."""

    @pytest.mark.parametrize("path", ["", "/", "/0", f"/{MD5}0", "/" + "a" * 40, "/" + "A" * 128, "/.png"])
    def test_are_the_default_picture(self, app_client: httpx.Client, path: str) -> None:
        answer = app_client.get(f"/avatar{path}?s=96&d=mm&r=g")
        assert answer.status_code == 200
        assert answer.content == app_client.get(f"/avatar/{MD5}?s=96&d=mm").content

    def test_differ_where_their_hashes_do(self, app_client: httpx.Client) -> None:
        paths = ("/", "/0", "/1", "/" + "0" * 40)
        assert len({app_client.get(f"/avatar{path}?d=identicon").content for path in paths}) == 4

    def test_are_404_if_the_client_asks_for_that(self, app_client: httpx.Client) -> None:
        assert_failure(app_client.get("/avatar/?d=404"), 404, mentions="No avatar is linked to this hash.")

    def test_cannot_be_linked(self, app: App) -> None:
        answer = app.client.put(f"/api/identities/{'0' * 40}", json={"avatarId": app.generate()})
        assert_failure(answer, 400, mentions="hash must be the MD5 or SHA-256")

    @pytest.mark.parametrize(
        "url", ["HTTPS://Pictures.Example.org/Path/A.png", "https://PICTURES.example.org/Path"]
    )
    def test_or_a_redirect_whose_path_keeps_its_case(self, make_app: MakeApp, url: str) -> None:
        app = make_app({"libravatar": {"redirect_hosts": ["pictures.example.org"]}}).start()
        answer = app.client.get(f"/avatar/{MD5}", params={"d": url})
        assert (answer.status_code, answer.headers["location"]) == (302, url)


NOT_SERVED = (
    "gif",
    "bmp",
    "svgz",
    "heic",
    "jxl",
    "ico",
    "tiff",
    "json",
    "tif",
    "heif",
    "apng",
    "GIF",
    "Jfif",
)


class TestFormatsThatAreNotServed:
    @pytest.mark.parametrize("extension", NOT_SERVED)
    @pytest.mark.parametrize(
        "url",
        ["/api/render/pixelize/ada.{}", "/api/render/lorelei/a.b.{}", "/api/render/pixelize.{}?seed=ada"],
    )
    def test_are_refused_with_those_that_are(
        self, app_client: httpx.Client, url: str, extension: str
    ) -> None:
        failure = assert_failure(app_client.get(url.format(extension)), 400)
        assert failure["message"] == "format must be one of png, webp, avif, jpeg, svg."

    @pytest.mark.parametrize("extension", NOT_SERVED)
    def test_are_refused_on_the_other_routes_too(self, app_client: httpx.Client, extension: str) -> None:
        listed = ".png, .webp, .avif, .jpeg, .jpg"
        assert_failure(app_client.get(f"/avatar/{MD5}.{extension}"), 400, mentions=listed)
        if extension != "json":
            assert_failure(
                app_client.get(f"/10.x/lorelei/{extension}"), 400, mentions="format must be one of"
            )

    @pytest.mark.parametrize(
        "seed",
        ["john.smith@example.com", "v1.2", "ada.", "gif", "a.gifs", "a.gif.", "ada.gif@example.org"],
    )
    def test_another_name_with_a_dot_is_a_seed(self, app_client: httpx.Client, seed: str) -> None:
        answer = app_client.get(f"/api/render/pixelize/{seed}")
        assert answer.status_code == 200
        assert answer.content == app_client.get("/api/render/pixelize", params={"seed": seed}).content

    def test_a_seed_may_still_end_in_one(self, app_client: httpx.Client) -> None:
        by_path = app_client.get("/api/render/pixelize/ada.gif.png")
        assert by_path.content == app_client.get("/api/render/pixelize.png?seed=ada.gif").content


def fields_of(app: App, **body: object) -> dict[str, object]:
    answer = app.client.post("/api/generate", json=body)
    assert answer.status_code == 201, answer.text
    data: dict[str, object] = answer.json()["data"]
    return data


def picture_of(app: App, **body: object) -> bytes:
    return app.client.get(f"/api/{fields_of(app, **body)['id']}").content


class TestBodies:
    @pytest.mark.parametrize("spelling", ["0077BE", "#0077BE", "0077be", "07B", "#07b"])
    def test_take_colours_with_and_without_a_hash_sign(self, app: App, spelling: str) -> None:
        data = fields_of(app, seed="ada", primaryColor=spelling)
        assert data["primaryColor"] == f"#{spelling.removeprefix('#')}"
        digits = spelling.removeprefix("#")
        whole = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
        drawn = app.client.get(f"/api/{data['id']}").content
        assert drawn == picture_of(app, seed="ada", primaryColor=f"#{whole}")

    def test_take_an_empty_text_as_not_given(self, app: App) -> None:
        empty = {
            "type": "",
            "primaryColor": "",
            "foreignColor": "",
            "colorScheme": "",
            "seed": "",
            "angle": "",
        }
        data = fields_of(app, **empty)
        assert data["generatorType"] == "pixelize"
        assert {data[name] for name in empty if name in data} == {None}
        assert picture_of(app, seed="") != picture_of(app, seed="")

    def test_of_version_two_take_an_empty_angle_as_not_given(self, app: App) -> None:
        answer = app.client.post("/api/v2/generate", json={"angle": "", "seed": "a"})
        assert_failure(answer, 400, mentions="angle is required.")
        assert_failure(app.client.post("/api/v2/generate"), 400, mentions="angle is required.")
        for absent in ("", None):
            answer = app.client.post("/api/v2/generate", json={"angle": 5, "type": absent, "seed": absent})
            assert (answer.status_code, answer.json()["data"]["generatorType"]) == (201, "gradient")

    @pytest.mark.parametrize("value", ["", None, "x"])
    def test_do_not_make_unknown_fields_known(self, app: App, value: str | None) -> None:
        answer = app.client.post("/api/generate", json={"colour": value})
        assert_failure(answer, 400, mentions="not known here")

    @pytest.mark.parametrize("path", ["/api/generate", "/api/v1/generate"])
    @pytest.mark.parametrize("content", ['\ufeff{"seed": "ada"}', "\ufeff", ""])
    def test_may_begin_with_a_byte_order_mark(self, app: App, path: str, content: str) -> None:
        answer = app.client.post(path, content=content.encode(), headers=JSON)
        assert answer.status_code == 201
        assert answer.json()["data"]["seed"] == (json.loads(content[1:])["seed"] if content[1:] else None)

    def test_of_links_may_begin_with_one_too(self, app: App) -> None:
        content = b"\xef\xbb\xbf" + json.dumps({"avatarId": app.generate()}).encode()
        answer = app.client.put(f"/api/identities/{MD5}", content=content, headers=JSON)
        assert answer.status_code == 200
        app.client.delete(f"/api/identities/{MD5}")

    def test_say_what_is_accepted(self, app: App) -> None:
        for field, names in (("type", STYLES), ("colorScheme", SCHEMES)):
            failure = assert_failure(app.client.post("/api/generate", json={field: "x"}), 400)
            message = str(failure["message"])
            assert all(name in message for name in names)

    @pytest.mark.parametrize("seed", ["x" * 256, "😀" * 256, "ada.lovelace+" + "x" * 200 + "@example.org"])
    def test_take_a_seed_of_256_characters(self, app: App, seed: str) -> None:
        assert fields_of(app, seed=seed)["seed"] == seed

    def test_with_thousands_of_unknown_fields_are_refused_before_each_is_looked_at(self, app: App) -> None:
        content = json.dumps({f"f{number}": 1 for number in range(5500)})
        answer = app.client.post("/api/generate", content=content, headers=JSON)
        failure = assert_failure(answer, 400, mentions="body has more than 32 fields")
        assert failure["details"] == [{"field": "body", "message": failure["message"][5:-1]}]  # type: ignore[index]


class TestHealth:
    @pytest.mark.parametrize("path", ["/health", "/health/detailed", "/api/health/detailed", "/api/health"])
    def test_is_where_the_old_service_had_it(self, app_client: httpx.Client, path: str) -> None:
        answer = app_client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert body["data"]["status"] == "healthy"
        assert body["data"]["checks"].keys() >= {"database", "storage"}

    @pytest.mark.parametrize("query", ["x=1", "x=1&x=2", "%ff", "verbose", "x=" + "y" * 5000])
    def test_ignores_parameters(self, app_client: httpx.Client, query: str) -> None:
        for path in (
            "/health",
            "/health/detailed",
            "/api/health/detailed",
            "/api/health",
            "/api/health/live",
            "/api/health/ready",
        ):
            assert app_client.get(f"{path}?{query}").status_code == 200

    def test_has_no_rate_limit_under_any_name(self, make_app: MakeApp) -> None:
        app = make_app({"limits": {"client": "1/hour burst 1"}}).start()
        for path in ("/health", "/health/detailed", "/api/health/detailed", "/api/health/", "/health/"):
            for _ in range(3):
                answer = app.client.get(path)
                assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)


class TestATrailingSlash:
    PATHS = (
        "/api/list",
        "/api/styles",
        "/api/palettes",
        "/api/color-schemes",
        "/api/health",
        "/api/health/live",
    )

    @pytest.mark.parametrize(
        "path", [*PATHS, "/health", "/swagger", "/swagger-json", "/swagger-yaml", "/openapi.json"]
    )
    def test_is_ignored_by_every_route(self, app_client: httpx.Client, path: str) -> None:
        with_slash, without = app_client.get(f"{path}/"), app_client.get(path)
        assert with_slash.status_code == without.status_code == 200
        assert with_slash.headers["content-type"] == without.headers["content-type"]

    def test_is_ignored_by_pictures_and_when_writing(self, app: App) -> None:
        answer = app.client.post("/api/generate/", json={"seed": "ada"})
        assert answer.status_code == 201
        avatar = answer.json()["data"]["id"]
        assert app.client.post("/api/v2/generate/", json={"angle": 1}).status_code == 201
        for path in (f"/api/{avatar}", f"/avatar/{MD5}", "/10.x/lorelei/svg"):
            assert app.client.get(f"{path}/").content == app.client.get(path).content
        assert app.client.put(f"/api/identities/{MD5}/", json={"avatarId": avatar}).status_code == 200
        assert app.client.get(f"/api/identities/{MD5}/").status_code == 200
        assert app.client.delete(f"/api/identities/{MD5}/").status_code == 200
        assert app.client.delete(f"/api/{avatar}/").status_code == 200

    def test_is_part_of_a_seed(self, app_client: httpx.Client) -> None:
        answer = app_client.get("/api/render/pixelize/ada/")
        assert answer.content == app_client.get("/api/render/pixelize.png?seed=ada/").content
        assert answer.content != app_client.get("/api/render/pixelize/ada").content

    @pytest.mark.parametrize("path", ["/api/list//", "///", "/api//list", "/api//", "/nothing/"])
    def test_only_one_is_ignored(self, app_client: httpx.Client, path: str) -> None:
        answer = app_client.build_request("GET", f"http://test{path}")
        assert_failure(app_client.send(answer), 404)

    def test_needs_the_same_key(self, make_app: MakeApp) -> None:
        app = make_app({"auth": {"api_keys": ["0" * 64]}}).start()
        for path in ("/api/list", "/api/list/"):
            assert_failure(app.client.get(path), 401)


class TestPicturesTakeAVersion:
    @pytest.mark.parametrize("version", ["1", "", "x" * 64, "1700000000000"])
    def test_that_is_ignored(self, app: App, version: str) -> None:
        urls = (
            f"/api/{app.generate(seed='a')}",
            "/api/render/wave/ada",
            "/api/render/lorelei/a.svg",
            "/10.x/lorelei/svg",
            f"/avatar/{MD5}",
        )
        for url in urls:
            answer = app.client.get(url, params={"v": version})
            assert answer.status_code == 200, answer.text
            assert answer.content == app.client.get(url).content
            assert answer.headers["etag"] == app.client.get(url).headers["etag"]
        seeded = app.client.get("/api/render/wave", params={"v": version, "seed": "ada"})
        assert seeded.content == app.client.get("/api/render/wave/ada").content

    def test_of_at_most_64_characters(self, app: App) -> None:
        for url in (
            f"/api/{app.generate()}",
            "/api/render/wave/ada",
            "/api/render/lorelei/a.svg",
            "/10.x/lorelei/svg",
        ):
            answer = app.client.get(url, params={"v": "x" * 65})
            assert_failure(answer, 400, mentions="v must have at most 64 characters.")

    def test_that_other_routes_refuse(self, app_client: httpx.Client) -> None:
        for url in ("/api/list", "/api/styles", "/api/palettes", f"/api/identities/{MD5}"):
            assert_failure(
                app_client.get(f"{url}?v=1"), 400, mentions="query has a parameter that is not known"
            )


def test_the_openapi_document_is_also_yaml(app_client: httpx.Client) -> None:
    answer = app_client.get("/swagger-yaml")
    assert answer.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(answer.content) == app_client.get("/swagger-json").json()
    assert app_client.get("/openapi.json").json() == app_client.get("/swagger-json").json()


@pytest.mark.parametrize(
    "path", ["/api/render/pixelize/" + "%41" * 20_000, "/api/render/" + "%41" * 20_000 + "/a"]
)
def test_a_path_that_cannot_be_valid_is_refused_undecoded(app_client: httpx.Client, path: str) -> None:
    assert_failure(app_client.get(path), 400, mentions="must have at most 256 characters.")
