"""`avatar-gen import`."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path

import click

from avatar_gen.app import open_store
from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.database.engine import open_engines, open_legacy
from avatar_gen.database.legacy import LegacyRecords
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects import ObjectStore
from avatar_gen.services.export import ExportImporter
from avatar_gen.services.legacy_import import LegacyImport
from avatar_gen.settings.loader import load_settings

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(
    "import",
    epilog="""\b
Examples:
  avatar-gen import --storage old/storage/avatars --database file:old/storage/database/database.sqlite
  avatar-gen import --storage old/storage/avatars
  avatar-gen import --exported exported""",
)
@click.option("--storage", "old", type=_FOLDER, help="The old service's folder of objects.")
@click.option("--database", help="The address of its database: file:./database.sqlite or postgresql://...")
@click.option("--exported", type=_FOLDER, help="Or a folder that `avatar-gen export` has made.")
def command(*, old: Path | None, database: str | None, exported: Path | None) -> None:
    """Take over avatars of the old service, or of an export.

    Ids and pictures are kept, nothing of what they come from is changed. It can be stopped and run again:
    what has been taken over is passed over. Of the service written in Node objects are enough; its database
    knows colours and seeds.
    """
    if (old is None) == (exported is None) or (exported and database):
        raise click.UsageError(
            "Say where from: --storage FOLDER, perhaps with --database, or --exported FOLDER."
        )
    settings = load_settings()
    with ExitStack() as stack:
        engines = stack.enter_context(closing(open_engines(settings.database)))
        prepare(engines)
        repository = Repository(engines)
        if exported:
            _return(exported, open_store(settings), repository)
            return
        assert old  # noqa: S101 - one of the two is there
        records = None
        if database:
            theirs = open_legacy(database)
            stack.callback(theirs.dispose)
            records = LegacyRecords(theirs)
        _move_in(old, records, open_store(settings), repository)


def _move_in(folder: Path, records: LegacyRecords | None, store: ObjectStore, repository: Repository) -> None:
    job = LegacyImport(folder, records, store, repository, _report)
    with progress("Moving in") as reach:
        for report in job.run():
            reach(report.seen / max(report.objects, 1), report.seen)
    report = job.report
    click.echo(
        f"{report.objects} objects: {report.taken} taken over, {report.there} were there already,"
        f" {report.failed} could not be read; {report.rows_alone} records have no object."
    )
    if report.failed or report.rows_alone:
        sys.exit(PARTLY)


def _return(folder: Path, store: ObjectStore, repository: Repository) -> None:
    job = ExportImporter(folder, store, repository, _report)
    with progress("Importing") as reach:
        for report in job.run():
            reach(report.part, report.seen)
    report = job.report
    click.echo(
        f"{report.made} taken over, {report.there} were there already, {report.failed} could not be read."
    )
    if report.failed:
        sys.exit(PARTLY)


def _report(avatar_id: str, reason: str) -> None:
    warn(f"{avatar_id}: not taken over: {reason}")
