"""List, delete, schemes, health, and the pages around them."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest

from avatar_gen.api.responses import EXAMPLE_ID
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.drawing.palettes import PALETTES
from tests.conftest import MakeApp, Service, assert_failure


class TestList:
    def test_holds_all_avatars_the_oldest_first(self, make_app: MakeApp) -> None:
        service = make_app().start()
        made = [
            service.client.post("/api/generate", json={"seed": str(i), "type": "wave"}).json()["data"]
            for i in range(25)
        ]
        answer = service.client.get("/api/list")
        assert answer.status_code == 200
        body = answer.json()
        assert body["statusCode"] == 200
        pagination = body["data"]["pagination"]
        following = pagination.pop("next")
        assert pagination == {"total": 25, "offset": 0, "pick": 10, "hasMore": True}
        expected = sorted(made, key=lambda each: (each["createdAt"], each["id"]))
        assert body["data"]["avatars"] == expected[:10]
        rest = service.client.get("/api/list?pick=100&offset=10").json()["data"]
        assert rest["avatars"] == expected[10:]
        end = {"total": 25, "pick": 100, "hasMore": False, "next": None}
        assert rest["pagination"] == {**end, "offset": 10}
        again = service.client.get("/api/list", params={"pick": 100, "after": following}).json()["data"]
        assert again["avatars"] == expected[10:]
        assert again["pagination"] == {**end, "offset": 0}
        past = service.client.get("/api/list?offset=2147483647").json()["data"]
        assert past["avatars"] == []
        assert past["pagination"]["hasMore"] is False
        assert (
            service.client.get("/api/list?pick=15&offset=10").json()["data"]["pagination"]["hasMore"] is False
        )

    def test_is_empty_at_first(self, make_app: MakeApp) -> None:
        service = make_app().start()
        data = service.client.get("/api/list").json()["data"]
        assert data == {
            "avatars": [],
            "pagination": {"total": 0, "offset": 0, "pick": 10, "hasMore": False, "next": None},
        }

    def test_goes_on_where_a_page_ended_the_newest_first(self, make_app: MakeApp) -> None:
        service = make_app().start()
        for seed in range(10):
            service.generate(seed=str(seed))
        oldest_first = service.client.get("/api/list").json()["data"]["avatars"]
        read: list[dict[str, str]] = []
        asked = {"order": "newest", "pick": "3"}
        while asked.get("after", "") is not None:
            data = service.client.get("/api/list", params=asked).json()["data"]
            read += data["avatars"]
            asked["after"] = data["pagination"]["next"]
        assert read == oldest_first[::-1]

    def test_holds_an_avatar_as_soon_as_its_201_is_there(self, make_app: MakeApp) -> None:
        service = make_app().start()

        def make_and_look(seed: int) -> bool:
            identity = service.generate(seed=str(seed))
            listed = service.client.get("/api/list?pick=100").json()["data"]["avatars"]
            return identity in [each["id"] for each in listed]

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(make_and_look, range(80)))

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("pick=0", "pick must be at least 1."),
            ("pick=101", "pick must be at most 100."),
            ("pick=ten", "pick must be a whole number in digits."),
            ("offset=-1", "offset must be at least 0."),
            ("offset=2147483648", "offset must be at most 2147483647."),
            ("offset=9223372036854775808", "offset must be at most 2147483647."),
            ("page=2", "query has a parameter that is not known here; known: pick, offset, order, after."),
            ("order=name", "order must be one of oldest or newest."),
            ("after=", "after must be the next of a page's pagination."),
            (
                "after=1-00000000-0000-4000-8000-00000000000A",
                "after must be the next of a page's pagination.",
            ),
            (f"after=1-{UUID(int=0)}&offset=1", "offset and after exclude each other."),
        ],
    )
    def test_refuses_what_it_does_not_understand(
        self, client: httpx.Client, query: str, message: str
    ) -> None:
        assert_failure(client.get(f"/api/list?{query}"), 400, mentions=message)


class TestDelete:
    def test_is_for_good(self, service: Service) -> None:
        avatar, kept = service.generate(seed="a"), service.generate(seed="a")
        answer = service.client.delete(f"/api/{avatar}")
        assert answer.status_code == 200
        assert answer.json() == {"statusCode": 200, "message": "Avatar deleted"}
        assert_failure(service.client.get(f"/api/{avatar}"), 404)
        assert_failure(
            service.client.delete(f"/api/{avatar}"), 404, mentions="There is no avatar with this id."
        )
        assert not service.object(avatar).exists()
        assert service.client.get(f"/api/{kept}").status_code == 200

    def test_takes_an_id_in_any_case(self, service: Service) -> None:
        assert service.client.delete(f"/api/{service.generate().upper()}").status_code == 200

    def test_works_where_the_object_is_gone_already(self, service: Service) -> None:
        """The old service could never delete such a row."""
        avatar = service.generate()
        service.object(avatar).unlink()
        assert_failure(service.client.get(f"/api/{avatar}"), 404)
        assert service.client.delete(f"/api/{avatar}").status_code == 200
        assert_failure(service.client.delete(f"/api/{avatar}"), 404)

    def test_happens_once_however_many_ask(self, service: Service) -> None:
        avatar = service.generate()
        with ThreadPoolExecutor(8) as threads:
            statuses = list(
                threads.map(lambda _: service.client.delete(f"/api/{avatar}").status_code, range(16))
            )
        assert sorted(statuses) == [200] + [404] * 15

    def test_concurrent_with_reads_and_deletions_is_a_200_or_a_404(self, service: Service) -> None:
        avatars = [service.generate(seed=str(number)) for number in range(48)]

        def work(number: int) -> list[tuple[str, int]]:
            chance = random.Random(number)
            with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
                return [
                    (method, client.request(method, f"/api/{chance.choice(avatars)}").status_code)
                    for method in chance.choices(["GET", "GET", "DELETE"], k=20)
                ]

        # So few that on a busy disk the last removal in the queue does not wait longer than one may.
        with ThreadPoolExecutor(12) as threads:
            answers = Counter(each for answers in threads.map(work, range(64)) for each in answers)
        assert {status for _, status in answers} == {200, 404}
        left = [avatar for avatar in avatars if service.object(avatar).exists()]
        assert answers["DELETE", 200] == len(avatars) - len(left)
        for avatar in avatars:
            assert service.client.get(f"/api/{avatar}").status_code == (200 if avatar in left else 404)

    @pytest.mark.parametrize("identity", ["not-a-uuid", "00000000-0000-4000-8000-000000000000"])
    def test_of_what_is_not_there_is_a_404(self, client: httpx.Client, identity: str) -> None:
        assert_failure(client.delete(f"/api/{identity}"), 404)


def test_color_schemes_and_palettes_are_listed(client: httpx.Client) -> None:
    schemes = client.get("/api/color-schemes").json()["data"]
    assert schemes == [
        {"name": name, "primaryColor": primary, "foreignColor": foreign}
        for name, primary, foreign in SCHEMES.values()
    ]
    listed = client.get("/api/palettes").json()["data"]
    assert [each["key"] for each in listed["curated"]] == list(PALETTES)
    assert listed["curated"][0] == {
        "name": "Sorbet",
        "key": "sorbet",
        "colors": ["#fff3e6", "#ffb59e", "#d93d4a", "#8e3b8a", "#2b1b3d"],
    }
    palettes = listed["palettes"]
    assert [set(each) for each in palettes] == [{"name", "key", "primaryColor", "foreignColor"}] * 17
    assert palettes[0] == {
        "name": "Green",
        "key": "green",
        "primaryColor": "green",
        "foreignColor": "lightgreen",
    }
    for palette in palettes:
        assert client.post("/api/generate", json={"colorScheme": palette["key"]}).status_code == 201


class TestHealth:
    def test_of_an_empty_service_is_good(self, make_app: MakeApp) -> None:
        service = make_app().start()
        answer = service.client.get("/api/health")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        data = answer.json()["data"]
        assert data["status"] == "healthy"
        assert data["database"] == 0
        assert data["uptime"] > 0
        assert data["version"]
        assert data["checks"] == {
            "database": {"status": "up", "type": "sqlite"},
            "storage": {"status": "up", "type": "local"},
            "storage-write": {"status": "up", "type": "local"},
        }
        service.generate()
        assert service.client.get("/api/health").json()["data"]["database"] == 1

    def test_names_a_storage_that_is_gone_and_recovers(self, make_app: MakeApp) -> None:
        service = make_app().start()
        avatar = service.generate(seed="a")
        avatars = service.folder / "storage" / "avatars"
        avatars.rename(avatars.with_name("elsewhere"))
        answer = service.client.get("/api/health")
        assert answer.status_code == 503
        assert answer.json()["message"] == "Down: storage, storage-write"
        assert answer.json()["data"]["checks"]["storage"] == {"status": "down", "type": "local"}
        assert_failure(service.client.post("/api/generate"), 503, mentions="The storage is unavailable")
        assert service.client.post("/api/generate").headers["retry-after"] == "5"
        assert "elsewhere" not in answer.text
        avatars.with_name("elsewhere").rename(avatars)
        assert service.client.get("/api/health").status_code == 200
        assert service.client.get(f"/api/{avatar}").status_code == 200
        assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == 1

    def test_names_the_storage_when_its_volume_is_not_mounted(self, make_app: MakeApp) -> None:
        """An empty folder in its place: nothing is there, but nothing is gone either."""
        service = make_app().start()
        avatar = service.generate(seed="a")
        avatars = service.folder / "storage" / "avatars"
        avatars.rename(avatars.with_name("elsewhere"))
        avatars.mkdir()
        assert service.client.get("/api/health").json()["data"]["checks"]["storage"]["status"] == "down"
        assert_failure(service.client.get("/api/health/ready"), 503, mentions="down: storage")
        assert_failure(service.client.get(f"/api/{avatar}"), 503, mentions="storage")
        assert_failure(service.client.delete(f"/api/{avatar}"), 503, mentions="storage")
        avatars.rmdir()
        avatars.with_name("elsewhere").rename(avatars)
        assert service.client.get(f"/api/{avatar}").status_code == 200
        assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == 1

    def test_live_and_ready_are_asked_apart(self, client: httpx.Client) -> None:
        assert client.get("/api/health/live").json() == {"statusCode": 200, "message": "Alive"}
        assert client.get("/api/health/ready").json() == {"statusCode": 200, "message": "Ready"}


class TestPages:
    def test_the_docs_need_no_other_host(self, client: httpx.Client) -> None:
        page = client.get("/swagger")
        assert page.status_code == 200
        assert "https://" not in page.text
        for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
            assert f'"swagger-assets/{asset}"' in page.text
            assert client.get(f"/swagger-assets/{asset}").status_code == 200
        assert '<a href="swagger"' in client.get("/").text

    @pytest.mark.parametrize("path", ["/openapi.json", "/swagger-json", "/swagger-yaml"])
    def test_the_openapi_document_takes_no_parameters(self, client: httpx.Client, path: str) -> None:
        refusal = client.get(f"{path}?pretty=1")
        assert refusal.status_code == 400
        assert refusal.json()["message"] == (
            "query has a parameter that is not known here; known: none at all."
        )

    def test_the_openapi_document_is_at_both_urls(self, client: httpx.Client) -> None:
        document = client.get("/openapi.json").json()
        assert document == client.get("/swagger-json").json()
        operations = {
            f"{method.upper()} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert set(operations) == {
            "POST /api/jobs",
            "GET /api/jobs/{id}",
            "GET /api/jobs/{id}/events",
            "GET /api/jobs/{id}/result",
            "DELETE /api/jobs/{id}",
            "POST /api/generate",
            "POST /api/v1/generate",
            "POST /api/v2/generate",
            "GET /api/{id}",
            "HEAD /api/{id}",
            "DELETE /api/{id}",
            "GET /api/render/{style}/{seed}.{format}",
            "HEAD /api/render/{style}/{seed}.{format}",
            "GET /api/render/{style}.{format}",
            "HEAD /api/render/{style}.{format}",
            "GET /api/styles",
            "GET /api/styles/{style}",
            "GET /avatar/{hash}",
            "HEAD /avatar/{hash}",
            "GET /api/identities/{hash}",
            "PUT /api/identities/{hash}",
            "DELETE /api/identities/{hash}",
            "GET /api/list",
            "GET /api/color-schemes",
            "GET /api/palettes",
            "GET /api/health",
            "GET /api/health/live",
            "GET /api/health/ready",
            "GET /{version}/{style}/{format}",
            "HEAD /{version}/{style}/{format}",
            "GET /{version}",
            "HEAD /{version}",
            "GET /{version}/{style}/options.json",
            "HEAD /{version}/{style}/options.json",
            "GET /{version}/{style}/definition.json",
            "HEAD /{version}/{style}/definition.json",
            "GET /api/",
            "HEAD /api/",
            "POST /api/upload",
            "PUT /api/upload",
            "POST /api/picker-links",
            "GET /api/picker",
            "DELETE /api/picker",
            "POST /api/picker/generate",
            "POST /api/picker/upload",
        }
        parameters = [each["name"] for each in operations["GET /api/{id}"]["parameters"]]
        assert parameters == ["id", "v", "size", "filter", "format", "px"]
        rendition = operations["GET /api/render/{style}.{format}"]
        required = {each["name"]: each["required"] for each in rendition["parameters"]}
        assert [name for name, needed in required.items() if needed] == ["style", "format", "seed"]
        assert set(rendition["responses"]) == {"200", "304", "400", "404", "408", "431", "500", "503"}
        assert "image/svg+xml" in rendition["responses"]["200"]["content"]
        ids = [operation["operationId"] for operation in operations.values()]
        assert len(set(ids)) == len(ids)
        body = operations["POST /api/generate"]["requestBody"]["content"]["application/json"]["schema"]
        schema = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        assert set(schema["properties"]) == {
            "type",
            "palette",
            "primaryColor",
            "foreignColor",
            "colorScheme",
            "seed",
            "angle",
            "options",
        }
        size = next(each for each in operations["GET /api/{id}"]["parameters"] if each["name"] == "size")
        assert (size["schema"]["minimum"], size["schema"]["maximum"]) == (4, 9)
        for operation in operations.values():
            assert "422" not in operation["responses"]

    def test_a_route_that_does_not_exist_says_where_to_look(self, client: httpx.Client) -> None:
        assert_failure(client.get("/api/generate/x/y"), 404, mentions="/swagger lists the routes")
        assert_failure(client.get("/nope"), 404, mentions="/swagger lists the routes")

    @pytest.mark.parametrize("path", ["/api/list/", "/api/list//"])
    def test_no_host_of_a_client_is_ever_redirected_to(self, client: httpx.Client, path: str) -> None:
        answer = client.get(path, headers={"Host": "evil.example"})
        assert answer.status_code >= 400
        assert "evil" not in str(answer.headers)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("PUT", "/api/generate", "POST"),
            ("GET", "/api/generate", "POST"),
            ("POST", "/api/list", "GET, HEAD"),
            ("POST", "/api/health", "GET, HEAD"),
            ("POST", "/openapi.json", "GET, HEAD"),
            ("POST", f"/api/identities/{'0' * 32}", "DELETE, GET, HEAD, PUT"),
            ("POST", f"/api/{EXAMPLE_ID}", "GET, HEAD, DELETE"),
            ("POST", f"/api/{EXAMPLE_ID}.png", "GET, HEAD"),
            ("DELETE", f"/api/{EXAMPLE_ID}.png", "GET, HEAD"),
        ],
    )
    def test_a_method_that_does_not_exist_says_which_does(
        self, client: httpx.Client, method: str, path: str, allowed: str
    ) -> None:
        answer = client.request(method, path)
        assert_failure(answer, 405, mentions=f"This URL takes {allowed}.")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("query", ["pick=1&pick=2", "%ff", "x=" + "y" * 9000, "x=1"])
def test_a_query_that_is_refused_is_named_in_the_details(client: httpx.Client, query: str) -> None:
    details = assert_failure(client.get(f"/api/list?{query}"), 400)["details"]
    assert isinstance(details, list)
    assert [each["field"] for each in details] == ["query"]
