"""The options that say how a picture is to look: those of pictures by URL, by the same names and limits."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click
from click.shell_completion import CompletionItem

from avatar_gen.api.dicebear import require_style
from avatar_gen.api.render_urls import (
    EXTENSIONS,
    PREFIX,
    RenderParameters,
    dicebear_name,
    name_here,
    read_render_url,
    split_render_url,
)
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.drawing.styles import STYLES
from avatar_gen.services.rendering import DicebearRequest, RenderRequest
from avatar_gen.settings.loader import load_settings

C = TypeVar("C", bound=Callable[..., Any])


class _StyleName(click.ParamType[str]):
    """A style's name, completed from those that there are."""

    name = "style"

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = [*STYLES, *map(name_here, dicebear.names())]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


STYLE_NAME = _StyleName()

FORMAT = click.option("--format", "media", type=click.Choice(list(EXTENSIONS)), help="What it is written as.")

OPTION = click.option(
    "--option",
    "-O",
    "others",
    metavar="NAME=VALUE",
    multiple=True,
    help="An option of a DiceBear style, such as -O backgroundColor=ffd5dc; docs/dicebear.md tells which.",
)


def looks(*without: str) -> Callable[[C], C]:
    """Have a command take each parameter of pictures by URL as an option of its own."""

    def decorate(command: C) -> C:
        for name, schema in reversed(RenderParameters.model_json_schema()["properties"].items()):
            if name not in without:
                command = _option(name, schema)(command)
        return command

    return decorate


def _option(name: str, schema: dict[str, Any]) -> Callable[[C], C]:
    kind: dict[str, Any] = next((each for each in schema.get("anyOf", [schema]) if "enum" in each), {})
    choices = list(SCHEMES) if name == "colorScheme" else kind.get("enum")
    spelled = re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
    return click.option(
        f"--{spelled}",
        name,
        type=click.Choice(choices) if choices else str,
        metavar=None if choices else spelled.rpartition("-")[2].upper(),
        help=_in_words(schema["description"], schema.get("default")),
    )


def _in_words(description: str, default: object) -> str:
    """A description without the choices, which click lists itself."""
    text = re.sub(r"^One of .*?; ", "", description)
    text = f"{text[0].upper()}{text[1:]}".removesuffix(".")
    return f"{text}; {default} without it." if default else f"{text}."


def read_picture(
    style: str, seed: str, *, media: str, parameters: dict[str, str | None], others: Iterable[str] = ()
) -> RenderRequest | DicebearRequest:
    """What is asked for, judged as an address would be.

    Raises `InvalidRequest`, and `StyleNotServed` for a style whose licence the settings do not list.
    """
    try:
        path = f"{quote(style, safe='')}/{quote(seed)}.{media}"
    except UnicodeEncodeError:
        raise click.UsageError("seed must be text in UTF-8.") from None
    pairs = [(name, value) for name, value in parameters.items() if value is not None]
    for each in others:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter("must be NAME=VALUE.", param_hint="--option")
        pairs.append((name, value))
    if theirs := dicebear_name(style):
        require_style(theirs, frozenset(load_settings().dicebear.licenses))
    return read_render_url(split_render_url(PREFIX + path.encode()), urlencode(pairs).encode(), b"")


def media_of(extension: str) -> str | None:
    """The format that a file's name ends in; None for what is no format."""
    return EXTENSIONS.get(extension.lower())
