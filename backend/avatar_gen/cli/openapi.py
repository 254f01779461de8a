"""`avatar-gen openapi`."""

import click

from avatar_gen.app import create_app
from avatar_gen.cli.output import print_json
from avatar_gen.settings.loader import load_settings


@click.command(
    "openapi",
    epilog="""\b
Examples:
  avatar-gen openapi > openapi.json
  avatar-gen openapi | jq '.paths | keys'""",
)
def command() -> None:
    """Print the OpenAPI document of the HTTP API.

    It is the document that the service has at /openapi.json, with these settings. No running service is
    needed.
    """
    print_json(create_app(load_settings()).api.openapi())
