"""The objects for Kubernetes, against the schemas of its API, the image and the settings."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from avatar_gen import __version__
from avatar_gen.security.api_keys import hash_of, new_key
from avatar_gen.settings.loader import ENVIRONMENT, trace_settings
from avatar_gen.settings.schema import Settings
from tests.conftest import MakeApp

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "backend/docker/Dockerfile").read_text(encoding="utf-8")
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: dict[str, Any] = {
    name: yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")) for name in KUSTOMIZATION["resources"]
}
DEPLOYMENT = OBJECTS["deployment.yaml"]
PODS = {
    name: each["spec"]["template"]["spec"]
    for name, each in OBJECTS.items()
    if each["kind"] in {"Deployment", "Job"}
}
POD = PODS["deployment.yaml"]
CONTAINER = POD["containers"][0]
CONTAINERS = [each for pod in PODS.values() for each in pod["containers"]]
SETTINGS = dict(
    line.split("=", 1)
    for line in (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
OLDEST = "1.30"
"""The first release in which `preStop.sleep` is on by default."""


def environ(container: dict[str, Any]) -> dict[str, str]:
    return {**SETTINGS, **{each["name"]: each["value"] for each in container["env"]}}


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("name", OBJECTS)
def test_the_api_takes_it(name: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"maxUnavailable": 1, "replicas": 2}, "'replicas' was unexpected"),
        ({"minAvailable": [2]}, "is not valid under any of the given schemas|is not of type"),
    ],
)
def test_an_error_would_be_found(spec: dict[str, Any], error: str) -> None:
    broken = {**OBJECTS["pod-disruption-budget.yaml"], "spec": spec}
    with pytest.raises(kubernetes_validate.ValidationError, match=error):
        kubernetes_validate.validate(broken, OLDEST, strict=True)


def test_every_file_is_applied() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*OBJECTS, "kustomization.yaml"}
    assert KUSTOMIZATION["configMapGenerator"] == [{"name": "avatar-backend", "envs": ["settings.env"]}]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_puts_the_parts_together() -> None:
    rendered = subprocess.run(["kubectl", "kustomize", FOLDER], check=True, capture_output=True).stdout  # noqa: S607
    objects = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(rendered)}
    (config,) = (each for (kind, _), each in objects.items() if kind == "ConfigMap")
    assert config["data"] == SETTINGS
    for kind, name in (("Deployment", "avatar-backend"), ("Job", "avatar-migration")):
        container = objects[kind, name]["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == f"registry.example.org/avatar-backend:{__version__}"
        assert container["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]
    for each in objects.values():
        kubernetes_validate.validate(each, OLDEST, strict=True)


def test_the_image_is_of_this_release() -> None:
    (image,) = KUSTOMIZATION["images"]
    assert image["newTag"] == __version__
    assert {each["image"] for each in CONTAINERS} == {image["name"]}


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["name"])
def test_the_settings_understand_the_environment(
    container: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = environ(container)
    settings, origins = trace_settings(environment)
    names = {origin.removeprefix("environment variable ") for origin in origins.values()}
    assert names == environment.keys() - {"RUN_MIGRATIONS"} <= ENVIRONMENT.keys()
    assert settings.storage.type == "s3"
    assert settings.database.url


def test_the_ports_are_those_of_the_image_and_the_settings() -> None:
    ports = {each["name"]: each["containerPort"] for each in CONTAINER["ports"]}
    assert ports == {"http": Settings().server.port, "metrics": int(environ(CONTAINER)["METRICS_PORT"])}
    assert f"EXPOSE {ports['http']}\n" in DOCKERFILE
    assert DEPLOYMENT["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(ports["metrics"]),
    }
    (port,) = OBJECTS["service.yaml"]["spec"]["ports"]
    assert port["targetPort"] == "http"
    rules = OBJECTS["ingress.yaml"]["spec"]["rules"]
    backend = rules[0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": OBJECTS["service.yaml"]["metadata"]["name"], "port": {"name": port["name"]}}
    allowed = [rule["ports"] for rule in OBJECTS["network-policy.yaml"]["spec"]["ingress"]]
    assert allowed == [[{"port": "http"}], [{"port": "metrics"}]]


def test_the_network_policy_lets_through_what_the_settings_name() -> None:
    egress = OBJECTS["network-policy.yaml"]["spec"]["egress"]
    allowed = {port["port"] for rule in egress for port in rule["ports"]}
    used = {int(port) for port in re.findall(r":(\d+)/", " ".join(SETTINGS.values()))}
    assert allowed == used | {53, 443}


def test_only_readiness_depends_on_the_storage() -> None:
    paths = {
        name: CONTAINER[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")
    }
    ready = "/api/health/ready"
    assert paths == {"startup": ready, "readiness": ready, "liveness": "/api/health/live"}
    # A storage that hangs is reported after two seconds.
    assert CONTAINER["readinessProbe"]["timeoutSeconds"] > 2


def test_the_probes_are_answered(make_app: MakeApp) -> None:
    app = make_app().start()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert app.client.get(CONTAINER[probe]["httpGet"]["path"]).status_code == 200


def test_pods_end_no_sooner_than_the_service_does() -> None:
    server = Settings().server
    sleep = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] > sleep + server.drain_time + server.shutdown_timeout


def test_pods_are_what_the_standard_restricted_allows() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user
    for pod in PODS.values():
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": int(user[1]),
            "runAsGroup": int(user[2]),
            "fsGroup": int(user[2]),
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == OBJECTS["service-account.yaml"]["metadata"]["name"]
    for container in CONTAINERS:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_pods_can_write_where_the_service_does_and_read_their_secrets() -> None:
    """Avatars are in the object store, so the folder /app/storage of the image has no volume."""
    for pod in PODS.values():
        (container,) = pod["containers"]
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert mounts == {"secrets": "/run/secrets/avatars", "temporary": "/tmp"}  # noqa: S108 - in the image
        assert [each["name"] for each in pod["volumes"]] == ["secrets", "temporary"]
        # The files belong to root and to the group of the pod.
        assert pod["volumes"][0]["secret"] == {"secretName": "avatar-backend", "defaultMode": 0o440}
    assert environ(CONTAINER)["STORAGE_TYPE"] != "local"


def test_the_page_makes_the_secrets_that_pods_read() -> None:
    made = set(re.findall(r"--from-(?:literal|file)=([\w-]+)=", README))
    read = {Path(each["value"]).name for one in CONTAINERS for each in one["env"] if "_FILE" in each["name"]}
    assert made == read == {"database-password", "api-keys", "signing-key"}


def test_with_keys_in_the_secret_only_their_holders_may_write(make_app: MakeApp, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "api-keys").write_text(f"web {hash_of(key)}\n")
    (tmp_path / "signing-key").write_text("k" * 43)
    here = {
        name: value.replace("/run/secrets/avatars", str(tmp_path))
        for name, value in environ(CONTAINER).items()
        if name.startswith(("AUTH_", "LIMITS_", "TRUSTED_"))
    }
    app = make_app(environ=here).start()
    assert app.client.post("/api/generate").status_code == 401
    bearer = {"Authorization": f"Bearer {key}"}
    assert app.client.post("/api/generate", headers=bearer).status_code == 201


def test_everything_selects_the_pods_of_the_service() -> None:
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        OBJECTS["service.yaml"]["spec"]["selector"],
        OBJECTS["pod-disruption-budget.yaml"]["spec"]["selector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in POD["topologySpreadConstraints"]),
    ]
    assert selectors == [labels] * 5
    (expression,) = OBJECTS["network-policy.yaml"]["spec"]["podSelector"]["matchExpressions"]
    names = {
        OBJECTS[name]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] for name in PODS
    }
    assert set(expression["values"]) == names
    target = OBJECTS["autoscaler.yaml"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT["metadata"]["name"]}


def test_a_rollout_and_maintenance_leave_a_replica() -> None:
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in DEPLOYMENT["spec"], "applying it would undo what the autoscaler did"
    unavailable = OBJECTS["pod-disruption-budget.yaml"]["spec"]["maxUnavailable"]
    assert OBJECTS["autoscaler.yaml"]["spec"]["minReplicas"] > unavailable


def test_workers_work_on_jobs() -> None:
    (worker,) = PODS["workers.yaml"]["containers"]
    assert worker["args"] == ["avatar-gen", "worker"]
    template = OBJECTS["workers.yaml"]["spec"]["template"]
    assert OBJECTS["workers.yaml"]["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert SETTINGS["JOBS_BROKER"] != SETTINGS["REDIS_URL"]


def test_only_the_job_migrates() -> None:
    assert environ(CONTAINER)["RUN_MIGRATIONS"] == "false"
    (migration,) = PODS["migration.yaml"]["containers"]
    assert migration["args"] == ["avatar-gen", "migrate"]
