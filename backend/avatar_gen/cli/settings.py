"""`avatar-gen settings`."""

import json
from collections.abc import Iterator

import click
from pydantic import SecretStr

from avatar_gen.cli.output import as_json, print_json
from avatar_gen.database.engine import whereabouts
from avatar_gen.errors import StartupError
from avatar_gen.settings.loader import origin_of, trace_settings
from avatar_gen.settings.schema import Settings
from avatar_gen.settings.section import Section

_HIDDEN = "********"

Keys = tuple[str, ...]


@click.group("settings")
def command() -> None:
    """Show the settings, and where each comes from."""


@command.command(
    epilog="""\b
Examples:
  avatar-gen settings show
  avatar-gen settings show | grep -v 'default$'
  avatar-gen settings show --json | jq -r '.["server.port"].value'"""
)
@as_json
def show(*, as_json: bool) -> None:
    """Show the effective settings, and where each comes from.

    Each value comes from a default, a file or an environment variable. docs/configuration.md describes the
    settings. The command hides secrets. Of a database URL it shows only where the database is.
    """
    settings, origins = trace_settings()
    found = {
        ".".join(keys): {
            "value": _shown(keys, value, settings),
            "origin": origin_of(keys, origins) or "default",
        }
        for keys, value in _leaves(settings)
    }
    if as_json:
        print_json(found)
        return
    texts = {key: _as_text(each["value"]) for key, each in found.items()}
    widths = [max(map(len, column)) for column in (texts, texts.values())]
    unchanged = {".".join(keys) for keys in _unchanged(settings)}
    for key, text in texts.items():
        origin = found[key]["origin"]
        note = ", default" if key in unchanged and origin != "default" else ""
        click.echo(f"{key:{widths[0]}}  {text:{widths[1]}}  {origin}{note}")


def _unchanged(settings: Settings) -> Iterator[Keys]:
    """The keys of the settings whose values are the defaults, wherever they come from."""
    defaults = dict(_leaves(Settings()))
    for keys, value in _leaves(settings):
        if keys in defaults and value == defaults[keys]:
            yield keys


def _leaves(section: Section, above: Keys = ()) -> Iterator[tuple[Keys, object]]:
    """Yield every setting. Leave out those of the old service that are not set."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        keys = (*above, field.alias or name)
        if isinstance(value, Section):
            yield from _leaves(value, keys)
        elif value is not None or not field.json_schema_extra:
            yield keys, value


def _shown(keys: Keys, value: object, settings: Settings) -> object:
    """Return a value for JSON, without secrets."""
    if isinstance(value, SecretStr):
        is_database_url = keys[0] == "database" and keys[-1] == "url"
        return _place_of(settings, value) if is_database_url else _HIDDEN
    if isinstance(value, dict):
        return value
    if isinstance(value, (list, tuple, frozenset)):
        return [_shown(keys, each, settings) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _place_of(settings: Settings, url: SecretStr) -> str:
    """Return where a database is, without secrets, or `_HIDDEN` if its URL is not valid."""
    try:
        return whereabouts(settings.database.model_copy(update={"url": url}))
    except StartupError:
        return _HIDDEN


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
