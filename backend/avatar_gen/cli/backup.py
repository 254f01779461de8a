"""`avatar-gen backup`."""

import sys
from pathlib import Path

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.objects.opening import open_identities, open_store
from avatar_gen.services.backup import Backup
from avatar_gen.settings.loader import load_settings


@click.command(
    "backup",
    epilog="""\b
Examples:
  avatar-gen backup /mnt/backup/2026-11-27
  cd /mnt/backup/2026-11-27 && sha256sum --quiet --check checksums.sha256""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(*, folder: Path) -> None:
    """Back up all avatars and identity links into a folder.

    The service may run meanwhile. No database is used: `avatar-gen restore` rebuilds it from the avatars.
    Every object is checked. The backup can be stopped and run again. It is finished when
    DIR/checksums.sha256 exists.
    """
    settings = load_settings()
    store, links = open_store(settings.storage, make=False), open_identities(settings.storage, make=False)
    job = Backup(store, links, folder, lambda name, reason: warn(f"{name}: not in the backup: {reason}"))
    with progress("Backing up") as reach:
        for report in job.run():
            reach(report.progress, report.processed)
    report = job.report
    click.echo(
        f"{report.copied} avatars copied, {report.existing} were there already,"
        f" {report.links} identity links, {report.failed} damaged."
    )
    if report.failed:
        sys.exit(PARTLY)
