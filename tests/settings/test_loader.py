import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from avatar_gen.errors import SettingsError
from avatar_gen.settings.loader import ENVIRONMENT, load_settings, service_links
from avatar_gen.settings.schema import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")


def load(text: str, **environ: str) -> Settings:
    write("settings.yaml", text)
    return load_settings(environ)


def failure(text: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def leaves(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if value and isinstance(value, dict):
            yield from leaves(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def keys(model: type[BaseModel], at: str = "") -> Iterator[str]:
    """Every setting that a new file may hold."""
    for name, info in model.model_fields.items():
        if info.json_schema_extra == {"old": True}:
            continue
        key = f"{at}{info.alias or name}"
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{key}.")
        else:
            yield key


def test_a_folder_in_the_place_of_a_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker makes of a file that is mounted and not there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"^settings\.yaml: this is a folder, expected a file$"):
        load_settings({})


class TestTheFileInTheRepository:
    def test_has_every_setting_with_its_default(self) -> None:
        text = (ROOT / "settings.yaml").read_text(encoding="utf-8")
        document = yaml.safe_load(text)
        assert dict(leaves(document["app"])).keys() == set(keys(Settings))
        assert load(text) == Settings()

    def test_and_the_docs_know_the_same_settings(self) -> None:
        page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
        variables = {*ENVIRONMENT, "CONFIG_PATH", "APP_ENV", "RUN_MIGRATIONS"}
        rows = set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE))
        assert rows == set(keys(Settings)) | variables
        defaults = {
            key: str(value) for key, value in leaves(Settings().model_dump(mode="json", by_alias=True))
        }
        for key, default in re.findall(r"^\| `([\w.]+)` \| `?([^`|]*?)`? \|", page, re.MULTILINE):
            if key in defaults:
                expected = defaults[key].replace("None", "null").lower()
                assert default.lower() == expected, key


def test_the_settings_that_the_docs_show_are_settings() -> None:
    page = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "app:" in block]
    assert len(blocks) == 6
    first, *others = (load(block.replace('"…"', '"' + "0" * 64 + '"')) for block in blocks)
    assert [key.name for key in first.auth.api_keys] == ["web", "board"]
    assert str(others[0].limits.client) == "100/s burst 200"
    examples = re.findall(
        r"^    (client|writes|key): null .*?e\.g\. ([^;\n]*)",
        (ROOT / "settings.yaml").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert dict(examples) == {key: str(rate) for key, rate in others[0].limits}


class TestLayers:
    def test_without_files_there_are_the_defaults(self) -> None:
        assert load_settings({}) == Settings()

    def test_an_empty_file_is_no_file(self) -> None:
        assert load("") == load("app:") == load("# nothing\n") == Settings()

    def test_later_files_win_key_by_key(self) -> None:
        write("settings.local.yaml", "app: {server: {port: 2}, logging: {level: warn}}")
        write("settings.production.yaml", "app: {server: {port: 3}, cors: true}")
        write("settings.production.local.yaml", "app: {server: {port: 4}}")
        base = "app: {server: {host: a, port: 1}}"
        settings = load(base, APP_ENV="production")
        assert (settings.server.host, settings.server.port) == ("a", 4)
        assert (settings.logging.level, settings.cors) == ("warn", True)
        assert load(base).server.port == 2
        assert load(base, APP_ENV="staging").server.port == 2
        assert load(base, NODE_ENV="production").server.port == 4
        assert load(base, NODE_ENV="production", APP_ENV="staging").server.port == 2

    def test_overlays_stand_beside_the_file_that_config_path_names(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        write("etc/avatars.yaml", "app: {server: {port: 1}}")
        write("etc/avatars.local.yaml", "app: {server: {host: there}}")
        write("settings.yaml", "app: {server: {port: 9}}")
        settings = load_settings({"CONFIG_PATH": "etc/avatars.yaml"})
        assert (settings.server.host, settings.server.port) == ("there", 1)

    def test_the_environment_wins(self) -> None:
        settings = load(
            "app: {server: {host: a, port: 1}, database: {url: 'file:a'}, logging: {level: warn}}",
            HOST="b",
            PORT="2",
            DATABASE_URL="file:b",
            LOG_LEVEL="DEBUG",
        )
        assert (settings.server.host, settings.server.port) == ("b", 2)
        assert settings.database.url
        assert settings.database.url.get_secret_value() == "file:b"
        assert settings.logging.level == "debug"

    def test_limits_keys_and_the_log_file_need_no_settings_file(self) -> None:
        web, board, ci = ("1" * 64, "2" * 64, "3" * 64)
        settings = load_settings(
            {
                "LIMITS_CLIENT": "100/s burst 200",
                "LIMITS_WRITES": "10/s",
                "LIMITS_KEY": "600/min",
                "AUTH_API_KEYS": f"web:{web}, board:{board}:list+delete\n{ci}",
                "LOG_FILE": "logs/avatars.log",
                "TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.7",
                "ROOT_PATH": "/avatars/",
                "UDS": "avatars.sock",
                "UDS_MODE": "600",
            }
        )
        assert [str(rate) for _, rate in settings.limits] == [
            "100/s burst 200",
            "10/s burst 10",
            "600/min burst 600",
        ]
        assert [(key.label, key.sha256, key.may) for key in settings.auth.api_keys] == [
            ("web", web, ["write", "list", "delete"]),
            ("board", board, ["list", "delete"]),
            (ci[:8], ci, ["write", "list", "delete"]),
        ]
        assert settings.logging.file.path == Path("logs/avatars.log")
        assert settings.logging.file.backups == Settings().logging.file.backups
        assert [str(network) for network in settings.server.trusted_proxies] == ["10.0.0.0/8", "192.0.2.7/32"]
        assert settings.server.root_path == "/avatars"
        assert (settings.server.uds, settings.server.uds_mode) == (Path("avatars.sock"), "600")

    def test_an_empty_variable_is_none(self) -> None:
        assert load("app: {server: {port: 1}}", PORT="", CONFIG_PATH="", APP_ENV="").server.port == 1

    def test_a_file_can_name_variables(self) -> None:
        text = """
app:
  server:
    host: '${H:-here}'
    port: ${P:-5}
  database:
    url: "file:${A}${B}"
"""
        settings = load(text)
        assert (settings.server.host, settings.server.port) == ("here", 5)
        settings = load(text, H="there", P="6", A="x", B="y")
        assert (settings.server.host, settings.server.port) == ("there", 6)
        assert settings.database.url
        assert settings.database.url.get_secret_value() == "file:xy"
        assert load("app: {server: {host: '${H}'}}", H="5").server.host == "5"


class TestOldFiles:
    def test_the_first_ones_load(self) -> None:
        settings = load("""
app:
  save_path: './storage/avatars'
  server:
    host: '0.0.0.0'
    port: 3000
  database:
    driver: 'sqlite'
    connection:
      maxRetries: 3
      retryDelay: 2000
    sqlite_params:
      url: 'file:./storage/database/database.sqlite'
    postgresql_params:
      url: 'postgresql://user:password@localhost:5432/avatar_gen'
  logging:
    level: 'info' # trace, debug, info, warn, error, fatal
    verbose: false
    pretty: true
""")
        assert settings.storage.local.save_path == Path("storage/avatars")
        assert settings.database.sqlite_params.url == "file:./storage/database/database.sqlite"

    def test_the_last_ones_load(self) -> None:
        settings = load("""
app:
  storage:
    type: 'local'
    local:
      save_path: './elsewhere'
    s3:
      endpoint: 'https://your-s3-endpoint.com'
      bucket: 'your-bucket-name'
      access_key: 'YOUR_S3_ACCESS_KEY'
      secret_key: 'YOUR_S3_SECRET_KEY'
      region: 'us-east-1'
      force_path_style: true
      connection: {maxRetries: 3, retryDelay: 2000}
  server: {host: 'localhost', port: 3000}
  database:
    driver: 'postgresql'
    synchronize: false
    connection: {maxRetries: 3, retryDelay: 2000}
    network:
      host: '${DB_HOST:-postgres}'
      port: ${DB_PORT:-5432}
      database: 'avatar_gen'
      username: 'postgres'
      password: 'password'
      ssl: false
  logging: {level: 'warn', verbose: true, pretty: false}
  cors: true
  corsEnabled: ['https://a.example', 'http://localhost:5173']
""")
        assert settings.storage.local.save_path == Path("elsewhere")
        assert settings.database.network.host == "postgres"
        assert settings.database.network.port == 5432
        assert settings.cors_enabled == ["https://a.example", "http://localhost:5173"]

    def test_save_path_may_stand_in_storage(self) -> None:
        settings = load("app: {storage: {type: local, save_path: ./x}}")
        assert settings.storage.local.save_path == Path("x")

    def test_s3_loads(self) -> None:
        settings = load("""
app:
  storage:
    type: 's3'
    s3:
      endpoint: 'https://your-s3-endpoint.com'
      bucket: 'your-bucket-name'
      access_key: 'YOUR_S3_ACCESS_KEY'
      secret_key: '${S3_SECRET:-}'
      region: 'us-east-1'
      force_path_style: true
      connection: {maxRetries: 5, retryDelay: 200}
  database: {driver: postgresql, network: {host: db, synchronize: true}}
""")
        assert settings.storage.where == "s3://your-bucket-name"
        assert settings.storage.s3.access_key
        assert settings.storage.s3.secret() is None
        assert settings.storage.connection.max_retries == 5

    def test_an_empty_section_is_none(self) -> None:
        assert load("app: {storage: {type: local, s3: }}").storage.s3.bucket == ""


class TestObjectStores:
    def test_secrets_come_from_the_environment_or_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("from a file\n")
        environ = {"STORAGE_TYPE": "s3", "S3_BUCKET": "b", "S3_SECRET_KEY": "from the environment"}
        assert load("app: {}", **environ).storage.s3.secret() == "from the environment"
        environ["S3_SECRET_KEY_FILE"] = str(tmp_path / "secret")
        assert load("app: {}", **environ).storage.s3.secret() == "from a file"
        missing = load("app: {}", STORAGE_TYPE="s3", S3_BUCKET="b", S3_SECRET_KEY_FILE="/missing")  # noqa: S106 - the name of a file
        with pytest.raises(SettingsError, match="/missing: the secret key cannot be read"):
            missing.storage.s3.secret()

    @pytest.mark.parametrize(
        ("storage", "where"),
        [
            ("{type: s3, s3: {bucket: b, prefix: a/c}}", "s3://b/a/c"),
            ("{type: gcs, gcs: {bucket: b}}", "gs://b"),
            ("{type: azure, azure: {account: a, container: c, prefix: p}}", "az://c/p"),
            ("{type: local}", "storage/avatars"),
        ],
    )
    def test_are_named_by_a_url(self, storage: str, where: str) -> None:
        assert load(f"app: {{storage: {storage}}}").storage.where == where

    @pytest.mark.parametrize(
        ("storage", "line"),
        [
            ("{type: s3}", "app.storage: expected storage.s3.bucket, since storage.type is s3"),
            ("{type: gcs}", "app.storage: expected storage.gcs.bucket, since storage.type is gcs"),
            ("{type: azure, azure: {container: c}}", "app.storage: expected storage.azure.account, since"),
            ("{s3: {endpoint: s3.example.org}}", "app.storage.s3.endpoint: expected "),
            ("{s3: {endpoint: 'https://user:password@host'}}", "app.storage.s3.endpoint: expected "),
            ("{s3: {prefix: /a}}", "app.storage.s3.prefix: expected "),
            ("{s3: {secret_access_key: x}}", "app.storage.s3.secret_access_key: unknown key"),
            ("{s3: {bucket: 'a b'}}", "app.storage.s3.bucket: expected a name of letters, digits, dots"),
            ("{s3: {bucket: a/b}}", "app.storage.s3.bucket: expected a name of letters, digits, dots"),
            ("{gcs: {bucket: ..}}", "app.storage.gcs.bucket: expected a name of letters, digits, dots"),
            ("{azure: {container: 'é'}}", "app.storage.azure.container: expected a name of letters"),
            ("{azure: {account: 'a?b'}}", "app.storage.azure.account: expected a name of letters"),
        ],
    )
    def test_are_described_in_full(self, storage: str, line: str) -> None:
        assert failure(f"app: {{storage: {storage}}}").startswith(f"settings.yaml: {line}")

    def test_an_empty_place_is_none(self) -> None:
        with pytest.raises(
            SettingsError, match=r"^An empty text is not a storage: expected a folder, or a URL"
        ):
            load("app: {}").storage.at("")

    @pytest.mark.parametrize("place", ["s3://a b/c", "gs://../c", "az://a?/c", "s3://bucket/a b"])
    def test_are_checked_in_a_url_too(self, place: str) -> None:
        with pytest.raises(SettingsError) as refused:
            load("app: {}").storage.at(place)
        assert str(refused.value).startswith(f"{place}: expected a")


class TestWhatIsWrongIsSaidInOneLine:
    @pytest.mark.parametrize(("count", "expected"), [(4, "at least 5 entries"), (6, "at most 5 entries")])
    def test_where_a_list_is_too_short_or_too_long(self, count: int, expected: str) -> None:
        line = failure(f"app: {{palettes: {{brand: {['red'] * count}}}}}")
        assert line == f"settings.yaml: app.palettes.brand: expected {expected}"

    @pytest.mark.parametrize(
        "text",
        [
            "app: {palettes: {Brand: ['#fff', '#000', '#f00', '#0f0', '#00f']}}",
            "app: {libravatar: {default: Smile!}}",
            "app: {libravatar: {redirect_hosts: ['https://example.org/']}}",
            f"app: {{auth: {{api_keys: [{{sha256: '{'0' * 64}', name: 'a b'}}]}}}}",
            "app: {storage: {s3: {endpoint: 'ftp://x'}}}",
            "app: {storage: {s3: {prefix: /a}}}",
        ],
    )
    def test_without_a_regular_expression(self, text: str) -> None:
        line = failure(text)
        assert ": expected a" in line
        assert not {"pattern", "^"} & {*line.split(), *line}

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("app: {server: {prot: 1}}", "settings.yaml: app.server.prot: unknown key"),
            ("app: {sever: {port: 1}}", "settings.yaml: app.sever: unknown key"),
            ("app: {server: {port: abc}}", "settings.yaml: app.server.port: expected a valid integer"),
            ("app: {server: {port: '80'}}", "settings.yaml: app.server.port: expected a valid integer"),
            ("app: {server: {port: true}}", "settings.yaml: app.server.port: expected a valid integer"),
            (
                "app: {server: {port: 65536}}",
                "settings.yaml: app.server.port: expected less than or equal to 65535",
            ),
            (
                "app: {logging: {level: loud}}",
                "settings.yaml: app.logging.level: expected 'trace', 'debug', 'info', 'warn', ",
            ),
            ("app: {save_path: ''}", "settings.yaml: app.storage.local.save_path: expected a path such as "),
            (
                "app: {storage: {save_path: 3}}",
                "settings.yaml: app.storage.local.save_path: expected a path such as storage/avatars or",
            ),
            (
                'app: {storage: {local: {save_path: "a\\0b"}}}',
                "settings.yaml: app.storage.local.save_path: expected a path such as ",
            ),
            ("app: {server: {uds: []}}", "settings.yaml: app.server.uds: expected a path such as "),
            (
                "app: {logging: {file: {path: ''}}}",
                "settings.yaml: app.logging.file.path: expected a path such as ",
            ),
            ("app: {styles: {path: ''}}", "settings.yaml: app.styles.path: expected a path such as "),
            (
                "app:\n  server:\n    2026-01-01: 3",
                "settings.yaml: line 3: the key 2026-01-01 is not text; write it in quotes",
            ),
            ("app: {palettes: {3: [a]}}", "settings.yaml: line 1: the key 3 is not text; write it in quotes"),
            ("app: {0.5: 1}", "settings.yaml: line 1: the key 0.5 is not text; write it in quotes"),
            ("on: {}", "settings.yaml: line 1: the key on is not text; write it in quotes"),
            (
                "app: {limits: {null: 1}}",
                "settings.yaml: line 1: the key null is not text; write it in quotes",
            ),
            ("app: {cors: 'yes'}", "settings.yaml: app.cors: expected a valid boolean"),
            ("app: {corsEnabled: x}", "settings.yaml: app.corsEnabled: expected a valid list"),
            (
                "app: {libravatar: {redirect_hosts: ['https://example.org/']}}",
                "settings.yaml: app.libravatar.redirect_hosts.0: expected ",
            ),
            (
                "app: {server: null}",
                "settings.yaml: app.server: expected a valid dictionary or instance of Server",
            ),
            ("server: {}", "settings.yaml: expected one key, app, with all settings below it"),
            ("- app", "settings.yaml: expected one key, app, with all settings below it"),
            ("app: [1]", "settings.yaml: app: expected a mapping"),
            ("app: {a: [}", "settings.yaml: line 1: not YAML: expected the node content"),
            ("app: {password: !!python/object x}", "settings.yaml: line 1: not YAML: could not determine a"),
        ],
    )
    def test_which_file_which_key_and_what_it_takes(self, text: str, line: str) -> None:
        assert failure(text).startswith(line)

    @pytest.mark.parametrize(
        "rate",
        [100, "100", "0/s", "1/day", "-1/s", "1.5/s", "100/s burst 0", "100/s burst", "9999999/s", []],
    )
    def test_what_is_no_rate(self, rate: object) -> None:
        assert failure(yaml.safe_dump({"app": {"limits": {"client": rate}}})).startswith(
            'settings.yaml: app.limits.client: expected a rate such as "100/s", "100/s burst 200", '
        )

    @pytest.mark.parametrize("proxy", [5, "", "*", "gateway", "10.0.0.1/8", "10.0.0.0/33", None])
    def test_what_is_no_network(self, proxy: object) -> None:
        assert failure(yaml.safe_dump({"app": {"server": {"trusted_proxies": [proxy]}}})) == (
            "settings.yaml: app.server.trusted_proxies.0: expected an address or a network such as 10.0.0.0/8"
        )

    @pytest.mark.parametrize("path", [5, "avatars", "//", "/a//b", "/a b", "/..", "/%20", "/é", None])
    def test_what_is_no_path(self, path: object) -> None:
        assert failure(yaml.safe_dump({"app": {"server": {"root_path": path}}})) == (
            "settings.yaml: app.server.root_path: expected a path such as /avatars,"
            " of letters, digits and . _ ~ -"
        )

    @pytest.mark.parametrize("mode", [660, "66", "0o660", "888", "rw", "10660", None])
    def test_what_are_no_permissions(self, mode: object) -> None:
        assert failure(yaml.safe_dump({"app": {"server": {"uds_mode": mode}}})) == (
            'settings.yaml: app.server.uds_mode: expected permissions in octal digits such as "660"'
        )

    @pytest.mark.parametrize(
        "entry",
        [
            "canary7f3a",
            "avk_" + "a" * 43,
            "A" * 64,
            5,
            {"name": "canary7f3a"},
            {"sha256": "canary7f3a"},
            {"sha256": "0" * 64, "may": ["canary7f3a"]},
            {"sha256": "0" * 64, "name": "canary7f3a " * 9},
            {"sha256": "0" * 64, "canary": 1},
        ],
    )
    def test_what_is_no_hash_of_a_key(self, entry: object) -> None:
        """A key itself, in the place of its hash, is not shown."""
        line = failure(yaml.safe_dump({"app": {"auth": {"api_keys": [entry]}}}))
        assert line.startswith("settings.yaml: app.auth.api_keys.0")
        assert "canary7f3a" not in line
        assert "avk_" not in line

    def test_the_overlay_that_is_at_fault_is_named(self) -> None:
        write("settings.local.yaml", "app: {server: {port: x}}")
        assert failure("app: {server: {port: 1}}").startswith("settings.local.yaml: app.server.port: ")

    def test_the_variable_that_is_at_fault_is_named(self) -> None:
        for value in ("xyz", "3_000", "٣", "-1", "99999"):
            line = failure("app: {server: {port: 1}}", PORT=value)
            assert line.startswith("environment variable PORT: app.server.port: expected ")
            assert value not in line

    @pytest.mark.parametrize(
        ("name", "value", "where"),
        [
            ("AUTH_API_KEYS", "web:canary7f3a", "auth.api_keys.0"),
            ("AUTH_API_KEYS", "web:" + "1" * 64 + ":canary7f3a", "auth.api_keys.0"),
            ("AUTH_API_KEYS", "canary7f3a:" * 40, "auth.api_keys.0"),
            ("AUTH_API_KEYS", "1" * 64 + ",,", "auth.api_keys.1"),
            ("AUTH_SIGNING_KEY", "canary7f3a", "auth.signing_key.0"),
            ("AUTH_SIGNING_KEY", f"{'k' * 32} canary7f3a", "auth.signing_key.1"),
            ("PICKER_ORIGINS", "https://example.org,canary7f3a", "picker.origins.1"),
            ("LIMITS_WRITES", "canary7f3a", "limits.writes"),
        ],
    )
    def test_a_list_in_a_variable_is_read_as_strictly(self, name: str, value: str, where: str) -> None:
        line = failure("", **{name: value})
        assert line.startswith(f"environment variable {name}: app.{where}")
        assert "canary7f3a" not in line

    def test_a_secret_is_not_shown(self) -> None:
        assert "hunter2" not in failure("app: {database: {network: {password: [hunter2]}}}")
        assert "hunter2" not in repr(load("app: {database: {url: hunter2, network: {password: hunter2}}}"))

    def test_a_file_that_config_path_names_must_be_there(self) -> None:
        assert (
            failure("", CONFIG_PATH="nope.yaml")
            == "nope.yaml: there is no such file, although CONFIG_PATH names it"
        )

    def test_a_file_must_be_readable_text(self) -> None:
        Path("settings.local.yaml").write_bytes(b"app: \xff")
        assert failure("").startswith("settings.local.yaml: cannot be read: ")

    def test_app_env_is_a_name_and_no_path(self) -> None:
        assert failure("", APP_ENV="../x").startswith("environment variable APP_ENV: expected a name")


class TestValuesOfOtherPrograms:
    @pytest.mark.parametrize(
        ("level", "ours"),
        [
            ("warning", "warn"),
            ("WARNING", "warn"),
            ("Critical", "fatal"),
            ("verbose", "debug"),
            ("INFO", "info"),
        ],
    )
    def test_log_levels(self, level: str, ours: str) -> None:
        assert load("", LOG_LEVEL=level).logging.level == ours
        assert load(f"app: {{logging: {{level: {level}}}}}").logging.level == ours

    def test_an_environment_with_dots(self) -> None:
        write("settings.test.e2e.yaml", "app: {server: {port: 7}}")
        assert load("", APP_ENV="test.e2e").server.port == 7

    @pytest.mark.parametrize("value", ["..", "a/b", ".a", "a.", "a..b", "x" * 65, "a\nb"])
    @pytest.mark.parametrize("variable", ["APP_ENV", "NODE_ENV"])
    def test_the_variable_that_was_set_is_named(self, variable: str, value: str) -> None:
        message = failure("", **{variable: value})
        assert message.startswith(f"environment variable {variable}: expected a name such as production")

    @pytest.mark.parametrize("name", ["METRICS_PORT", "PORT", "LIMITS_KEY", "HOST", "DATABASE_URL"])
    @pytest.mark.parametrize("value", ["tcp://10.96.0.1:9464", "udp://[fd00::1]:53"])
    def test_service_links_of_kubernetes_are_ignored(self, name: str, value: str) -> None:
        assert load("", **{name: value}) == Settings()
        assert service_links({name: value, "OTHER_PORT": value}) == [name]

    @pytest.mark.parametrize(
        "origin",
        [
            "a.example",
            "https://*.a.example",
            "https://a.example/x",
            "null",
            "https://a.example:0",
            "https://a.example:99999",
            "https://u@a.example",
            "http://[::g]",
            "",
            "https://é.example",
        ],
    )
    def test_what_is_not_an_origin_stops_the_start(self, origin: str) -> None:
        message = failure(f"app: {{corsEnabled: ['{origin}']}}")
        assert message.startswith("settings.yaml: app.corsEnabled.0: expected an origin such as http")

    def test_origins_are_those_that_browsers_send(self) -> None:
        written = "https://A.example/, 'http://a.example:80', 'http://a.example:443', 'http://[0:0::1]:5173'"
        assert load(f"app: {{corsEnabled: [{written}, 'capacitor://localhost']}}").cors_enabled == [
            "https://a.example",
            "http://a.example",
            "http://a.example:443",
            "http://[::1]:5173",
            "capacitor://localhost",
        ]

    @pytest.mark.parametrize("host", ["http://a.example", "a.example:80", "a b", "*a.example", "", "a/b"])
    def test_what_is_not_a_host_name_stops_the_start(self, host: str) -> None:
        message = failure(f"app: {{server: {{allowed_hosts: ['{host}']}}}}")
        assert message.startswith("settings.yaml: app.server.allowed_hosts.0: expected a host name")

    def test_host_names_by_environment(self) -> None:
        hosts = load("", ALLOWED_HOSTS="A.example, *.b.example").server.allowed_hosts
        assert hosts == ["a.example", "*.b.example"]


@pytest.mark.parametrize("site", ["*", "", "app://localhost", "https://example.org/pick", "example.org"])
def test_the_sites_of_the_picker_are_origins_of_the_web(site: str) -> None:
    expected = "expected an origin such as https://example.org or http://localhost:5173"
    for settings, key in (({"origins": [site]}, "origins.0"), ({"url": site}, "url")):
        line = failure(yaml.safe_dump({"app": {"picker": settings}}))
        assert line == f"settings.yaml: app.picker.{key}: {expected}"


def test_the_sites_of_the_picker_are_as_browsers_write_them() -> None:
    picker = load("app: {picker: {url: 'HTTPS://A.example:443/', origins: ['http://B.example:80']}}").picker
    assert (picker.url, picker.origins) == ("https://a.example", ["http://b.example"])


def test_a_signing_key_has_a_length_that_cannot_be_guessed() -> None:
    line = failure("app: {auth: {signing_key: short}}")
    assert line.endswith("expected keys of at least 32 characters, such as `openssl rand -hex 32` prints")
