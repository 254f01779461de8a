"""`avatar-gen copy-storage`."""

import sys

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.objects.opening import open_identities, open_store
from avatar_gen.services.copy_storage import StorageCopy, Stores
from avatar_gen.settings.loader import load_settings
from avatar_gen.settings.schema import Settings


@click.command(
    "copy-storage",
    epilog="""\b
Examples:
  avatar-gen copy-storage storage/avatars s3://bucket/avatars
  avatar-gen copy-storage s3://bucket/avatars storage/avatars --delete""",
)
@click.argument("source", metavar="FROM", type=click.Path())
@click.argument("target", metavar="TO", type=click.Path())
@click.option("--delete", is_flag=True, help="Also delete avatars and links that only TO has.")
def command(*, source: str, target: str, delete: bool) -> None:
    """Copy all avatars and identity links to another storage.

    FROM and TO are folders, or URLs of object stores: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or
    az://CONTAINER/PREFIX. Endpoint and keys are those of the settings. Every object is checked, and read back
    from TO. The service may use FROM meanwhile. The command can be stopped and run again, and then copies
    only what is missing.
    """
    settings = load_settings()
    if source == target:
        raise click.UsageError("FROM and TO are the same.")
    job = StorageCopy(
        _stores(settings, source, make=False),
        _stores(settings, target, make=True),
        lambda name, reason: warn(f"{name}: not copied: {reason}"),
    )
    with progress("Copying") as reach:
        for report in job.run(delete=delete):
            reach(report.part, report.processed)
    report = job.report
    extra = "deleted there" if delete else "only there (--delete deletes them)"
    click.echo(
        f"{report.copied} avatars copied, {report.existing} were there already, {report.extra} {extra},"
        f" {report.links} identity links, {report.failed} failed."
    )
    if report.failed:
        sys.exit(PARTLY)


def _stores(settings: Settings, place: str, *, make: bool) -> Stores:
    there = settings.model_copy(update={"storage": settings.storage.at(place)})
    return Stores(open_store(there.storage, make=make), open_identities(there.storage, make=make))
