"""Reads the settings from `settings.yaml`, its overlays and the environment into one frozen object.

Environment variables override files, and later files override earlier ones. Files of the old service load
unchanged. No other module reads the environment, except for `RUN_MIGRATIONS`, an option of `serve`.
"""

import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from avatar_gen.errors import SettingsError
from avatar_gen.settings.schema import Settings


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text


def _list(text: str) -> list[str]:
    return re.split(r"[\s,]+", text.strip())


def _api_keys(text: str) -> list[dict[str, object]]:
    """Return API keys from `NAME:SHA256` or `NAME:SHA256:list+delete`, with commas between keys."""
    keys = []
    for entry in _list(text):
        name, sha256, *permissions = entry.split(":") if ":" in entry else ("", entry)
        key: dict[str, object] = {"name": name, "sha256": sha256}
        keys.append({**key, "may": ":".join(permissions).split("+")} if permissions else key)
    return keys


ENVIRONMENT: dict[str, tuple[str, Callable[[str], object]]] = {
    "HOST": ("server.host", str),
    "PORT": ("server.port", _number),
    "UDS": ("server.uds", str),
    "UDS_MODE": ("server.uds_mode", str),
    "ROOT_PATH": ("server.root_path", str),
    "ALLOWED_HOSTS": ("server.allowed_hosts", _list),
    "TRUSTED_PROXIES": ("server.trusted_proxies", _list),
    "SECURITY_CONTACT": ("server.security_contact", str),
    "STORAGE_TYPE": ("storage.type", str),
    "S3_ENDPOINT": ("storage.s3.endpoint", str),
    "S3_BUCKET": ("storage.s3.bucket", str),
    "S3_PREFIX": ("storage.s3.prefix", str),
    "S3_REGION": ("storage.s3.region", str),
    "S3_ACCESS_KEY": ("storage.s3.access_key", str),
    "S3_SECRET_KEY": ("storage.s3.secret_key", str),
    "S3_SECRET_KEY_FILE": ("storage.s3.secret_key_file", str),
    "DATABASE_URL": ("database.url", str),
    "DATABASE_PASSWORD_FILE": ("database.password_file", str),
    "METRICS_HOST": ("metrics.host", str),
    "METRICS_PORT": ("metrics.port", _number),
    "TRACES_ENDPOINT": ("traces.endpoint", str),
    "LOG_LEVEL": ("logging.level", str),
    "LOG_FILE": ("logging.file.path", str),
    "LIMITS_CLIENT": ("limits.client", str),
    "LIMITS_WRITES": ("limits.writes", str),
    "LIMITS_KEY": ("limits.key", str),
    "JOBS_BROKER": ("jobs.broker", str),
    "REDIS_URL": ("redis.url", str),
    "AUTH_API_KEYS": ("auth.api_keys", _api_keys),
    "AUTH_API_KEYS_FILE": ("auth.api_keys_file", str),
    "AUTH_SIGNING_KEY": ("auth.signing_key", _list),
    "AUTH_SIGNING_KEY_FILE": ("auth.signing_key_file", str),
    "PICKER_URL": ("picker.url", str),
    "PICKER_ORIGINS": ("picker.origins", _list),
}
"""Environment variables, the settings that they override, and how they are read. An empty variable counts as
one that is not set."""

_SERVICE_LINK = re.compile(r"(?:tcp|udp|sctp)://[^/]+:[0-9]+")
"""What Kubernetes puts into `NAME_PORT` of every container for each Service called NAME."""

_DEFAULT_FILE = "settings.yaml"
_APP_ENV = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")

Tree = dict[str, Any]

Origins = dict[tuple[str, ...], str]
"""The origin of each value, a file or an environment variable, by its keys."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises `SettingsError` with one line: the file, the key, the expected value."""
    return trace_settings(environ)[0]


def trace_settings(environ: Mapping[str, str] = os.environ) -> tuple[Settings, Origins]:
    """Return the settings, and the origin of each value that is not a default. Raises `SettingsError`."""
    tree: Tree = {}
    origins: Origins = {}
    for path in _files(environ):
        _lay_over(tree, _read(path, environ), origins, str(path))
    ignored = service_links(environ)
    for name, (key, read) in ENVIRONMENT.items():
        if (value := environ.get(name)) and name not in ignored:
            over: Tree = {}
            *sections, last = key.split(".")
            reduce(lambda below, section: below.setdefault(section, {}), sections, over)[last] = read(value)
            _lay_over(tree, over, origins, f"environment variable {name}")
    try:
        return Settings.model_validate(tree), origins
    except RecursionError:
        raise SettingsError("the settings: nested too deeply") from None
    except ValidationError as error:
        raise SettingsError(_first_line(error, origins)) from None


def service_links(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the variables of this service that Kubernetes has set to the URL of one of its own Services."""
    return [name for name in ENVIRONMENT if _SERVICE_LINK.fullmatch(environ.get(name, ""))]


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Return the files that exist. Later ones override earlier ones."""
    named = environ.get("CONFIG_PATH")
    base = Path(named or _DEFAULT_FILE)
    if named and not base.is_file():
        raise SettingsError(f"{named}: there is no such file, although CONFIG_PATH names it")
    variable = "APP_ENV" if environ.get("APP_ENV") else "NODE_ENV"
    app_env = environ.get(variable, "")
    if app_env and not _APP_ENV.fullmatch(app_env):
        raise SettingsError(
            f"environment variable {variable}: expected a name such as production or test.e2e"
        )
    overlays = ("", ".local", f".{app_env}", f".{app_env}.local") if app_env else ("", ".local")
    candidates = tuple(base.with_name(f"{base.stem}{overlay}{base.suffix}") for overlay in overlays)
    for path in candidates:
        if path.is_dir():
            # Docker makes a folder if a file that it has to mount does not exist.
            raise SettingsError(f"{path}: this is a folder, expected a file")
    return (path for path in candidates if path.is_file())


_KEY_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "merge", "value")}
"""The YAML types of keys that are texts."""


class _Loader(yaml.SafeLoader):
    """YAML with `${NAME}` and `${NAME:-default}` filled in from the environment."""

    environ: Mapping[str, str]
    _placeholder = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:  # noqa: ANN401 - PyYAML's
        node = super().compose_scalar_node(anchor)
        filled = self._placeholder.sub(self._value, node.value)
        if filled != node.value:
            node.value = filled
            if node.style is None:
                # A value without quotes can be a number or a boolean.
                node.tag = self.resolve(yaml.ScalarNode, filled, (True, False))  # type: ignore[no-untyped-call]
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag not in _KEY_TAGS:
                raise SettingsError(
                    f"{self.name}: line {key.start_mark.line + 1}: the key {key.value or 'null'} is not text;"
                    " write it in quotes"
                )
        names = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in names[:number]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is here for a second time", key.start_mark
                )
        return super().construct_mapping(node, deep=deep)

    def _value(self, match: re.Match[str]) -> str:
        return self.environ.get(match[1]) or match[2] or ""


def _read(path: Path, environ: Mapping[str, str]) -> Tree:
    """Return the content of a file below `app:`, with the current names of settings."""
    try:
        with path.open(encoding="utf-8") as stream:
            loader = _Loader(stream)
            loader.environ = environ
            try:
                document = loader.get_single_data()
            finally:
                loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}: line {line}: not YAML: {error.problem}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}".splitlines()[0]) from None
    except RecursionError:
        raise SettingsError(f"{path}: cannot be read: it is nested too deeply") from None
    if document is None:
        return {}
    if not isinstance(document, dict) or set(document) - {"app"}:
        raise SettingsError(f"{path}: expected one key, app, with all settings below it")
    return _with_new_names(document["app"] or {}, path)


def _with_new_names(app: object, path: Path) -> Tree:
    """Return the tree with `save_path` at `storage.local`. Old files have it at `storage` or at the top."""
    if not isinstance(app, dict):
        raise SettingsError(f"{path}: app: expected a mapping")
    tree = dict(app)
    storage = tree.get("storage")
    if not isinstance(storage, dict | None):
        return tree
    rest = dict(storage or {})
    paths = [holder.pop("save_path") for holder in (rest, tree) if "save_path" in holder]
    local = rest.get("local", {})
    if paths and isinstance(local, dict):
        tree["storage"] = {**rest, "local": {"save_path": paths[0], **local}}
    return tree


def _lay_over(tree: Tree, over: Tree, origins: Origins, origin: str, at: tuple[str, ...] = ()) -> None:
    """Merge `over` into `tree`, mapping by mapping, and note the origin of each value."""
    for key, value in over.items():
        here = (*at, str(key))
        if isinstance(value, dict) and value:
            below = tree.get(key)
            tree[key] = dict(below) if isinstance(below, dict) else {}
            _lay_over(tree[key], value, origins, origin, at=here)
        else:
            tree[key] = value
            origins[here] = origin


def origin_of(location: tuple[str, ...], origins: Origins) -> str | None:
    """Return the origin of the value at these keys, or of a part of it. Return None for a default."""
    for path in reversed(origins):
        if path[: len(location)] == location or location[: len(path)] == path:
            return origins[path]
    return None


def _first_line(error: ValidationError, origins: Origins) -> str:
    """Return a line about the first error, without the value, which may be a secret."""
    problem = error.errors(include_url=False, include_input=False)[0]
    location = tuple(str(part) for part in problem["loc"])
    origin = origin_of(location, origins) or "the settings"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if problem["type"] == "extra_forbidden":
        return f"{origin}: app.{'.'.join(location)}: unknown key"
    if problem["type"] == "too_short":
        message = f"at least {problem['ctx']['min_length']} entries"
    if problem["type"] == "too_long":
        message = f"at most {problem['ctx']['max_length']} entries"
    return f"{origin}: app.{'.'.join(location)}: expected {message}"
