"""What is in deploy/monitoring, held against a real Prometheus and a real service."""

import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import MakeService, Service
from tests.servers.net import free_port
from tests.servers.postgres import Postgres

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "avatars.json"

needs_prometheus = pytest.mark.skipif(not shutil.which("promtool"), reason="there is no Prometheus here")


def alerts() -> dict[str, Any]:
    """The alerts by their names."""
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def panels() -> list[Any]:
    """The panels of the dashboard that show something."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Each panel's title and each of its queries, as Grafana would send them."""
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "20s")
            yield panel["title"], query


@needs_prometheus
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    command = ["promtool", *arguments]
    result = subprocess.run(command, cwd=MONITORING, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_is_tried_before_it_is_one_and_when_it_is() -> None:
    tests = yaml.safe_load((MONITORING / "alerts.test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    tried = {(case["alertname"], bool(case["exp_alerts"])) for case in cases}
    assert tried == set(itertools.product(alerts(), (False, True)))


def test_each_alert_has_a_section_that_says_what_to_do_and_no_other_has() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (Avatars\w+)$", page, re.MULTILINE) == list(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
        section = page.split(f"### {name}\n")[1].split("\n#")[0]
        assert len(section) > 150, f"{name}: it says what to do"
        assert f"`{rule['labels']['severity']}`" in section


def test_compose_runs_what_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    scrape = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    port = services["avatar-backend"]["environment"]["METRICS_PORT"]
    assert scrape["static_configs"] == [{"targets": [f"avatar-backend:{port}"]}]
    assert not any(str(port) in published for published in services["avatar-backend"]["ports"])
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert all(published.startswith("127.0.0.1:") for published in services[name]["ports"])
        mounted = [volume.split(":")[0] for volume in services[name]["volumes"]]
        assert all((ROOT / source).exists() for source in mounted if source.startswith("."))


def test_no_panel_lies_over_another_and_all_ask_the_source_that_is_there() -> None:
    folder = MONITORING / "grafana" / "provisioning" / "datasources"
    [source] = yaml.safe_load((folder / "prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    places: list[tuple[int, int]] = []
    for panel in panels():
        at = panel["gridPos"]
        xs, ys = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        assert xs.stop <= 24
        places += itertools.product(xs, ys)
        assert {each["datasource"]["uid"] for each in (panel, *panel["targets"])} == {source["uid"]}
    assert len(places) == len(set(places))
    numbers = [panel["id"] for panel in panels()]
    assert len(numbers) == len(set(numbers))


class Prometheus:
    """A server that asks a service each second, with our rules."""

    def __init__(self, folder: Path, target: str) -> None:
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(MONITORING / "alerts.yml")]
        config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60)

    def ask(self, what: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """What its API answers; nothing as long as it is starting."""
        try:
            answer = self.client.get(what, params=parameters).json()
        except (httpx.TransportError, json.JSONDecodeError):
            return {}
        assert answer["status"] == "success", answer
        return answer["data"]

    def close(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=20)


def use(service: Service) -> None:
    """Ask for something of everything."""
    get = service.client.get
    avatar = service.generate(type="gradient")
    for path in (
        f"/api/{avatar}",
        f"/api/{avatar}?format=webp",
        "/api/render/bloom/ada.avif",
        f"/api/render/bloom/{avatar}.svg",
        f"/avatar/{avatar.replace('-', '')}?d=identicon",
        "/api/list",
    ):
        assert get(path).status_code == 200
    service.client.delete(f"/api/{avatar}")
    get("/nothing")


@needs_prometheus
def test_every_query_of_the_dashboard_has_an_answer_and_no_alert_is_false(
    make_service: MakeService, postgres: Postgres, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"server": {"workers": 2}, "metrics": {"port": port}, "logging": {"level": "error"}}
    service = make_service(settings, {"DATABASE_URL": postgres.new_database()}).start()
    with ExitStack() as stack:
        prometheus = Prometheus(tmp_path, f"127.0.0.1:{port}")
        stack.callback(prometheus.close)
        deadline = time.monotonic() + 60
        missing = list(queries())
        while missing and time.monotonic() < deadline:
            use(service)
            time.sleep(0.2)
            missing = [each for each in queries() if not has_numbers(prometheus.ask("/query", query=each[1]))]
        assert missing == []
        assert prometheus.ask("/label/instance/values") == [f"127.0.0.1:{port}"]
        rules = [rule for group in prometheus.ask("/rules")["groups"] for rule in group["rules"]]
        assert {rule["name"]: rule["health"] for rule in rules} == dict.fromkeys(alerts(), "ok")
        assert [alert for alert in prometheus.ask("/alerts")["alerts"] if alert["state"] == "firing"] == []


def has_numbers(data: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether something is shown; a route without recent requests has no latency."""
    return any(result["value"][1] != "NaN" for result in data.get("result", []))
