"""`avatar-gen keys`."""

import json
from typing import get_args

import click
from pydantic import ValidationError

from avatar_gen.security.api_keys import hash_of, new_key
from avatar_gen.settings.schema import ApiKey, Permission


@click.group("keys")
def command() -> None:
    """Make API keys that permit writing, listing or deleting."""


@command.command(
    epilog="""\b
Examples:
  avatar-gen keys new web
  avatar-gen keys new board --may list"""
)
@click.argument("name", default="")
@click.option(
    "--may",
    multiple=True,
    type=click.Choice(get_args(Permission)),
    help="A permission of the key. Repeat the option for several. Default: all.",
)
def new(*, name: str, may: tuple[Permission, ...]) -> None:
    """Make an API key, and print its entry for the settings.

    The command prints the key on standard output and does not store it. The rest goes to standard error.
    """
    key = new_key()
    fields = {"name": name, "sha256": hash_of(key), "may": list(dict.fromkeys(may))}
    entry = {field: value for field, value in fields.items() if value}
    try:
        ApiKey.model_validate(entry)
    except ValidationError:
        raise click.BadParameter(
            "expected at most 32 letters, digits, dots, dashes or underscores.", param_hint="NAME"
        ) from None
    click.echo(key)
    click.echo(f"In settings.yaml, below app.auth.api_keys:\n  - {json.dumps(entry)}", err=True)
