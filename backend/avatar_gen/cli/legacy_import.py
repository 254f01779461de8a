"""`avatar-gen import`."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.database.engine import open_engines, open_legacy
from avatar_gen.database.legacy import LegacyRecords
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects.opening import open_store
from avatar_gen.services.export_import import ExportImporter
from avatar_gen.services.imports import ImportReport
from avatar_gen.services.legacy_import import LegacyImport, LegacyImportReport
from avatar_gen.services.legacy_source import LegacyBucket, LegacyFolder, LegacySource
from avatar_gen.settings.loader import load_settings
from avatar_gen.settings.schema import Settings

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(
    "import",
    epilog="""\b
Examples:
  avatar-gen import --storage old/storage/avatars --database file:old/storage/database/database.sqlite
  avatar-gen import --storage old/storage/avatars
  avatar-gen import --storage s3://bucket/prefix --database postgresql://user@host/avatar_gen
  avatar-gen import --exported exported""",
)
@click.option(
    "--storage", "old", type=click.Path(), help="The old service's folder of objects, or s3://BUCKET/PREFIX."
)
@click.option("--database", help="The URL of its database: file:./database.sqlite or postgresql://...")
@click.option(
    "--orphans", is_flag=True, help="With --database: also import objects that have no record in it."
)
@click.option(
    "--exported",
    type=_FOLDER,
    help="Import from a folder that `avatar-gen export` wrote, instead of --storage.",
)
def command(*, old: str | None, database: str | None, orphans: bool, exported: Path | None) -> None:
    """Import avatars of the old service, or of an export.

    Ids and pictures stay the same. The source is only read. The import can be stopped and run again: it does
    not change an avatar that is already stored. --database is optional: it supplies types, colours and seeds.
    """
    if (old is None) == (exported is None) or (exported and database):
        raise click.UsageError(
            "Give a source: --storage FOLDER with or without --database, or --exported FOLDER."
        )
    if orphans and not database:
        raise click.UsageError("--orphans is for --database: without it, every object is imported.")
    settings = load_settings()
    with ExitStack() as stack:
        engines = stack.enter_context(closing(open_engines(settings.database)))
        prepare(engines)
        store, repository = open_store(settings.storage), Repository(engines)
        if exported:
            job = ExportImporter(exported, store, repository, _report_failure)
            _run(job.run())
            _finish(job.report)
            return
        assert old  # noqa: S101 - one of the two is given
        legacy = LegacyImport(
            _source(old, settings),
            _records(database, stack),
            store,
            repository,
            orphans=orphans,
            on_failure=_report_failure,
            on_change=_report_change,
        )
        _run(legacy.run())
        _finish_legacy(legacy.report)


def _source(old: str, settings: Settings) -> LegacySource:
    if "://" not in old:
        if not Path(old).is_dir():
            raise click.UsageError(f"--storage: {old} is not a folder.")
        return LegacyFolder(Path(old))
    # Imported here, because it takes time and a folder does not need it.
    from avatar_gen.objects.cloud_clients import open_bucket  # noqa: PLC0415

    return LegacyBucket(open_bucket(settings.storage.at(old), bulk=True), old)


def _records(database: str | None, stack: ExitStack) -> LegacyRecords | None:
    if not database:
        warn("Without --database the types, colours and seeds of the avatars are not known.")
        return None
    engine = open_legacy(database)
    stack.callback(engine.dispose)
    return LegacyRecords(engine)


def _run(reports: Iterable[ImportReport]) -> None:
    with progress("Importing") as reach:
        for report in reports:
            reach(report.progress, report.processed)


def _finish(report: ImportReport) -> None:
    click.echo(
        f"{report.imported} imported, {report.existing} were there already,"
        f" {report.failed} could not be read."
    )
    if report.failed:
        sys.exit(PARTLY)


def _finish_legacy(report: LegacyImportReport) -> None:
    click.echo(
        f"{report.objects} objects: {report.imported} imported ({report.changed} with changes),"
        f" {report.existing} were there already, {report.orphans} left out without a record,"
        f" {report.failed} could not be read; {report.rows_alone} records have no object."
    )
    if report.failed or report.rows_alone:
        sys.exit(PARTLY)


def _report_failure(name: str, reason: str) -> None:
    warn(f"{name}: not imported: {reason}")


def _report_change(avatar_id: str, changes: str) -> None:
    warn(f"{avatar_id}: imported: {changes}")
