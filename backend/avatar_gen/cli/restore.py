"""`avatar-gen restore`."""

import sys
from contextlib import closing
from pathlib import Path

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.database.engine import open_engines, remove_sqlite
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.errors import AvatarError
from avatar_gen.objects.opening import open_identities, open_store
from avatar_gen.services.backup_folder import BackupReport
from avatar_gen.services.reindex import Reindex
from avatar_gen.services.restore import Restore
from avatar_gen.settings.loader import load_settings
from avatar_gen.settings.schema import Settings


@click.command(
    "restore",
    epilog="""\b
Examples:
  avatar-gen restore /mnt/backup/2026-11-27
  avatar-gen restore /mnt/backup/2026-11-27 --replace    # in place of what the storage holds""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--replace",
    is_flag=True,
    help="Remove what is not in the backup, and the SQLite database. Stop the service first.",
)
def command(*, folder: Path, replace: bool) -> None:
    """Restore a backup, and rebuild the database from it.

    The list of files and the identity links are checked before anything is changed. Each object is checked
    when it is copied. Avatars in the storage that are not in the backup stop the restore, unless --replace is
    given. The restore can be stopped and run again.
    """
    settings = load_settings()
    store, links = open_store(settings.storage), open_identities(settings.storage)
    job = Restore(folder, store, links, lambda name, reason: warn(f"{name}: not restored: {reason}"))
    job.check(replace=replace)
    if replace:
        remove_sqlite(settings.database)
    with progress("Restoring") as reach:
        for report in job.run(replace=replace):
            reach(report.progress, report.processed)
    damaged = _rebuild(settings)
    _finish(job.report)
    if job.report.failed or damaged:
        sys.exit(PARTLY)


def _rebuild(settings: Settings) -> int:
    """Make the database match the storage. Return the number of damaged objects."""
    with closing(open_engines(settings.database)) as engines:
        prepare(engines)
        reindex = Reindex(open_store(settings.storage), Repository(engines), _report_damage)
        with progress("Rebuilding the database") as reach:
            for report in reindex.run(allow_empty=True):
                reach(report.progress, report.processed)
    return reindex.report.damaged


def _finish(report: BackupReport) -> None:
    click.echo(
        f"{report.copied} avatars restored, {report.existing} were there already, {report.removed} removed,"
        f" {report.links} identity links, {report.failed} damaged."
    )


def _report_damage(avatar_id: str, error: AvatarError) -> None:
    warn(f"{avatar_id}: {type(error).__name__}: {error.__cause__}")
