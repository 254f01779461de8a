"""`avatar-gen migrate`."""

from contextlib import closing

import click

from avatar_gen.database.engine import open_engines
from avatar_gen.database.schema import migrate
from avatar_gen.database.tables import REVISION
from avatar_gen.settings.loader import load_settings


@click.command(
    "migrate",
    epilog="""\b
Examples:
  avatar-gen migrate
  DATABASE_URL=postgresql://avatars@db.example/avatars avatar-gen migrate""",
)
def command() -> None:
    """Migrate the tables of the database to this release.

    An empty database gets its tables. If several processes run this at once, one migrates, the others wait.
    """
    with closing(open_engines(load_settings().database)) as engines:
        migrate(engines)
    click.echo(f"The database is at schema {REVISION}.")
