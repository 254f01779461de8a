"""`avatar-gen render`."""

import sys
from pathlib import Path

import click

from avatar_gen.cli.output import write_file
from avatar_gen.cli.render_options import FORMAT, OPTION, STYLE_NAME, media_of, read_picture, render_options
from avatar_gen.imaging import DRAWN_TYPES


@click.command(
    "render",
    epilog="""\b
Examples:
  avatar-gen render pixelize ada -o ada.png
  avatar-gen render wave ada -o ada.webp --size 512 --shape circle --hue 210
  avatar-gen render initials 4711 --name "Ada Lovelace" -o ada.svg
  avatar-gen render lorelei Felix -O backgroundColor=ffd5dc -o felix.png
  avatar-gen render gradient ada --format jpeg -o - | lp
  avatar-gen render pixelize -o odd.png -- --begins-with-a-dash""",
)
@click.argument("style", type=STYLE_NAME)
@click.argument("seed")
@click.option(
    "--output",
    "-o",
    required=True,
    metavar="FILE",
    help="The file to write. Its extension names the format. -: standard output.",
)
@FORMAT
@render_options()
@OPTION
def command(
    *,
    style: str,
    seed: str,
    output: str,
    format_name: str | None,
    others: tuple[str, ...],
    **parameters: str | None,
) -> None:
    """Draw one picture into a file.

    STYLE is one of the service's own styles or of DiceBear's. SEED is any text. The picture is the one that
    the service shows at /api/render/STYLE/SEED. Nothing is stored, and no running service is needed.
    """
    to_file = output != "-"
    picture_format = media_of(format_name or (Path(output).suffix.removeprefix(".") if to_file else "png"))
    if picture_format is None:
        raise click.UsageError(
            f"{output}: the name must end in a format, or --format must name one: {', '.join(DRAWN_TYPES)}."
        )
    if not to_file and picture_format != "svg" and sys.stdout.isatty():
        raise click.UsageError("A terminal cannot show a picture. Name a file, or use a pipe.")
    data = read_picture(style, seed, format_name=picture_format, parameters=parameters, others=others).draw()
    if to_file:
        write_file(Path(output), data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
