"""`avatar-gen export`."""

import sys
from pathlib import Path

import click

from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import progress, warn
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.objects.opening import open_store
from avatar_gen.services.export import WIDTHS, Export
from avatar_gen.settings.loader import load_settings


@click.command(
    "export",
    epilog="""\b
Examples:
  avatar-gen export -o exported
  avatar-gen export -o for-the-web --width 128 --width 256 --format webp
  avatar-gen import --exported exported    # and back, here or elsewhere

\b
DIR/512/ID.png and so on are the pictures; DIR/manifest.jsonl has a line of JSON for each avatar; as CSV:
  jq -r '[.id, .seed, .files["512"].file] | @csv' exported/manifest.jsonl""",
)
@click.option(
    "--output",
    "-o",
    "folder",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to export into.",
)
@click.option(
    "--width",
    "widths",
    type=click.Choice(list(map(str, WIDTHS))),
    multiple=True,
    help="Width in px. Repeat the option for several widths. Default: all.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(MEDIA_TYPES)),
    default="png",
    show_default=True,
    help="Format of the pictures.",
)
def command(*, folder: Path, widths: tuple[str, ...], format_name: str) -> None:
    """Copy stored avatars into a folder of plain pictures.

    The folder also gets a manifest with the fields of each avatar. The command does not use the database, and
    the service may run meanwhile. It can be stopped and run again: it skips pictures that exist. `avatar-gen
    import` reads an export that has all widths in PNG. Identity links are not exported.
    """
    store = open_store(load_settings().storage, make=False)
    job = Export(
        store,
        folder,
        widths=[int(px) for px in widths] or WIDTHS,
        format_name=format_name,
        on_failure=_report,
    )
    with progress("Exporting") as reach:
        for report in job.run():
            reach(report.progress, report.processed)
    report = job.report
    click.echo(f"{report.exported} exported, {report.existing} were there already, {report.failed} damaged.")
    if report.failed:
        sys.exit(PARTLY)


def _report(avatar_id: str, reason: str) -> None:
    warn(f"{avatar_id}: not exported: {reason}")
