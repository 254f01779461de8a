"""The render options as options of commands: the same names and limits as in a URL."""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from avatar_gen.errors import StartupError
from avatar_gen.imaging import EXTENSIONS
from avatar_gen.services.additions import read_additions, serve_additions
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import PictureRequest
from avatar_gen.services.style_families import find_style, style_names
from avatar_gen.settings.loader import load_settings
from avatar_gen.settings.schema import Settings

C = TypeVar("C", bound=Callable[..., Any])


class _StyleName(click.ParamType[str]):
    """The name of a style, completed by the shell."""

    name = "style"

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        # Shell completion also works with invalid settings, but without what they add.
        with contextlib.suppress(StartupError):
            _serve_additions(load_settings())
        return [CompletionItem(name) for name in style_names() if name.startswith(incomplete)]


STYLE_NAME = _StyleName()

FORMAT = click.option(
    "--format", "format_name", type=click.Choice(list(EXTENSIONS)), help="The file's format."
)

OPTION = click.option(
    "--option",
    "-O",
    "others",
    metavar="NAME=VALUE",
    multiple=True,
    help="An option of a DiceBear style, such as -O backgroundColor=ffd5dc. See docs/dicebear.md.",
)


def render_options(*without: str) -> Callable[[C], C]:
    """Decorate a command with an option for each render option, except those named."""

    def decorate(command: C) -> C:
        for name, schema in reversed(RenderOptions.model_json_schema()["properties"].items()):
            if name not in without:
                command = _option(name, schema)(command)
        return command

    return decorate


def _option(name: str, schema: dict[str, Any]) -> Callable[[C], C]:
    choices: list[str] | None = next(
        (each["enum"] for each in schema.get("anyOf", [schema]) if "enum" in each), None
    )
    spelling = re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
    return click.option(
        f"--{spelling}",
        name,
        type=click.Choice(choices) if choices else str,
        metavar=None if choices else spelling.rpartition("-")[2].upper(),
        help=_help(schema["description"], schema.get("default")),
    )


def _help(description: str, default: object) -> str:
    return f"{description.removesuffix('.')}. By default {default}." if default else description


def read_picture(
    style: str,
    seed: str,
    *,
    format_name: str,
    parameters: Mapping[str, str | None],
    others: Iterable[str] = (),
) -> PictureRequest:
    """Return the picture that the options ask for, read as the same options in a URL.

    Raises `InvalidRequest`, and `StyleNotServed` for a style whose licence the settings do not list.
    """
    pairs = [(name, value) for name, value in parameters.items() if value is not None]
    pairs += map(split_option, others)
    for field, text in (("style", style), ("seed", seed), *pairs):
        _require_utf8(field, text)
    settings = load_settings()
    _serve_additions(settings)
    found = find_style(style)
    found.prepare(frozenset(settings.dicebear.licenses))
    return found.read(pairs, format_name).with_seed(seed)


def _serve_additions(settings: Settings) -> None:
    serve_additions(read_additions(settings.palettes, settings.styles.path))


def split_option(text: str) -> tuple[str, str]:
    """Return the name and the value of a `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter("must be NAME=VALUE.", param_hint="--option")
    return name, value


def _require_utf8(field: str, text: str) -> None:
    """Refuse bytes of the command line that are not text, which Python decodes as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise click.UsageError(f"{field} must be text in UTF-8.") from None


def media_of(extension: str) -> str | None:
    """Return the format that an extension names, or None."""
    return EXTENSIONS.get(extension.lower())
