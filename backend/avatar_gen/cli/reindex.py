"""`avatar-gen reindex`."""

import sys
from contextlib import closing

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.errors import AvatarError
from avatar_gen.objects.opening import open_store
from avatar_gen.services.reindex import Reindex
from avatar_gen.settings.loader import load_settings


@click.command(
    "reindex",
    epilog="""\b
Examples:
  avatar-gen reindex
  DATABASE_URL=postgresql://avatars@db.example/avatars avatar-gen reindex    # move to PostgreSQL""",
)
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Continue even if the storage has no objects. All rows are then removed.",
)
def command(*, allow_empty: bool) -> None:
    """Rebuild the records of avatars from their objects.

    Use this for a database that was lost or restored from an older copy, or to move to another one. It adds
    missing rows, removes rows without an object, and counts them. It can be stopped, run again, and run
    beside the service.
    """
    settings = load_settings()
    # Before a database is made: the folder may be another than the service's.
    store = open_store(settings.storage, make=False)
    with closing(open_engines(settings.database)) as engines:
        prepare(engines)
        job = Reindex(store, Repository(engines), _report_damage)
        with progress("Reindexing") as reach:
            for report in job.run(allow_empty=allow_empty):
                reach(report.progress, report.processed)
    report = job.report
    click.echo(
        f"{report.avatars} avatars: {report.added} rows added, {report.removed} removed,"
        f" {report.damaged} objects damaged."
    )
    if report.damaged:
        sys.exit(PARTLY)


def _report_damage(avatar_id: str, error: AvatarError) -> None:
    warn(f"{avatar_id}: {type(error).__name__}: {error.__cause__}")
