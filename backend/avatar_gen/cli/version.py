"""`avatar-gen version`."""

import platform
from importlib.metadata import version

import click

from avatar_gen import __version__
from avatar_gen.cli.output import as_json, print_json
from avatar_gen.database.sqlite import VERSION as SQLITE
from avatar_gen.imaging.vips import VERSION


@click.command(
    "version",
    epilog="""\b
Examples:
  avatar-gen version
  avatar-gen version --json | jq -r .libvips""",
)
@as_json
def command(*, as_json: bool) -> None:
    """Show the versions of the program and its libraries."""
    versions = {
        "avatar-gen": __version__,
        "Python": platform.python_version(),
        "libvips": VERSION,
        "Pillow": version("pillow"),
        "SQLite": SQLITE,
        "DiceBear core": version("dicebear-core"),
        "DiceBear styles": version("dicebear-styles"),
    }
    if as_json:
        print_json(versions)
        return
    for name, number in versions.items():
        click.echo(f"{name:15}  {number}")
