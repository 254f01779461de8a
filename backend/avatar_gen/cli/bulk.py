"""`avatar-gen bulk`."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click
from click.core import ParameterSource

from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import as_json, print_json, progress, warn
from avatar_gen.cli.render_options import (
    FORMAT,
    OPTION,
    STYLE_NAME,
    read_picture,
    render_options,
    split_option,
)
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare as prepare_tables
from avatar_gen.objects.opening import open_store
from avatar_gen.runtime.processors import usable_processors
from avatar_gen.services.additions import read_additions, serve_additions
from avatar_gen.services.avatar_options import AvatarOptions
from avatar_gen.services.bulk.csv_input import Columns, CsvInput
from avatar_gen.services.bulk.folder import BulkFolder
from avatar_gen.services.bulk.photos import PhotoSource
from avatar_gen.services.bulk.report import BulkReport
from avatar_gen.services.bulk.storage import AvatarSource, BulkStorage, RowSource
from avatar_gen.services.photos import open_decoder
from avatar_gen.services.validation import read_fields
from avatar_gen.settings.loader import load_settings
from avatar_gen.settings.schema import Settings

_FOR_STORED = {"primaryColor", "foreignColor", "colorScheme", "palette", "angle"}
"""Render options that apply to `--store`. A stored avatar has all sizes, and no shape or filter."""

_FOR_PHOTOS = {"photos", "store", "manifest", "jobs", "as_json"}
"""Options that apply to `--photos`."""


class _Drawing(NamedTuple):
    """What to draw, and by how many processes."""

    style: str
    given: Mapping[str, str]
    """Render options by their names."""
    settings: Settings
    jobs: int

    def prepare(self) -> Callable[[], object]:
        """Serve the palettes and styles of the settings. Return a function for another process."""
        additions = read_additions(self.settings.palettes, self.settings.styles.path)
        prepare = partial(serve_additions, additions)
        prepare()
        return prepare


class _Job(NamedTuple):
    """A run, and the source of its rows, which has the progress."""

    reports: Iterator[BulkReport]
    source: CsvInput | PhotoSource


@click.command(
    "bulk",
    epilog="""\b
Examples:
  avatar-gen bulk people.csv -o avatars
  avatar-gen bulk people.csv -o avatars --seed-column email --file-column id --size 256 --shape circle
  avatar-gen bulk people.csv -o avatars --style initials --seed-column email --letters-column name
  avatar-gen bulk people.csv --store --seed-column id --color-scheme ocean
  avatar-gen bulk --photos portraits --store
  cut -d: -f1 /etc/passwd | avatar-gen bulk - -o avatars --no-header

\b
DIR/manifest.jsonl has a line of JSON for each picture; as CSV:
  jq -r '[.seed, .file] | @csv' avatars/manifest.jsonl""",
)
@click.argument("names", metavar="[NAMES.csv]", type=click.Path(allow_dash=True), required=False)
@click.option(
    "--photos",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="With --store: a folder of photographs to store, instead of a list.",
)
@click.option(
    "--output",
    "-o",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder to draw into.",
)
@click.option(
    "--store", is_flag=True, help="Store the avatars as the service does, instead of drawing files."
)
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --store: the file that lists the id of each seed; by default NAMES.stored.jsonl.",
)
@click.option(
    "--style", type=STYLE_NAME, default="pixelize", show_default=True, help="Any style of the service."
)
@click.option(
    "--seed-column",
    metavar="NAME",
    help="The column of the seeds, by its name or its number; by default the first.",
)
@click.option(
    "--file-column",
    metavar="NAME",
    help="The column that files are named after; by default that of the seeds.",
)
@click.option(
    "--letters-column",
    metavar="NAME",
    help="For styles with letters: the column of the names whose letters they draw.",
)
@click.option("--no-header", is_flag=True, help="NAMES.csv has no row of column names.")
@click.option("--encoding", default="utf-8", show_default=True, help="The encoding of the list.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    help="The number of processes that draw; by default that of the processors.",
)
@FORMAT
@render_options("name")
@OPTION
@as_json
def command(  # noqa: PLR0913
    *,
    names: str | None,
    photos: Path | None,
    folder: Path | None,
    store: bool,
    manifest: Path | None,
    style: str,
    seed_column: str | None,
    file_column: str | None,
    letters_column: str | None,
    no_header: bool,
    encoding: str,
    jobs: int | None,
    format_name: str | None,
    others: tuple[str, ...],
    as_json: bool,
    **parameters: str | None,
) -> None:
    """Draw an avatar for each row of a list.

    NAMES.csv has a row for each avatar below a row of column names; - is standard input. A seed is any text,
    such as an e-mail address, a number or a name. A file is named after its seed, or after a part of it and
    a hash if the seed is not a valid file name. The manifest lists the file of each seed.

    With --photos, each photograph in a folder becomes an avatar. Its seed is the name of its file.

    The command can be stopped and run again. It does not draw intact files again, so a longer list costs only
    its new rows. It skips an invalid row, and prints its line number and the reason.
    """
    if store == (folder is not None):
        raise click.UsageError("Give a target: either -o DIR or --store.")
    if (names is None) == (photos is None):
        raise click.UsageError("Give a source: either NAMES.csv or --photos DIR.")
    columns = Columns(seed_column, file_column, letters_column)
    given = _given(parameters)
    drawing = _Drawing(style, given, load_settings(), jobs or usable_processors())
    with ExitStack() as stack:
        if names is None or photos is not None:
            _require_for_photos()
            job = _storing_photos(Path(photos or ""), manifest, drawing, stack)
        else:
            rows = _open(names, columns, header=not no_header, encoding=encoding, stack=stack)
            if folder is None:
                if format_name or file_column or letters_column:
                    _require_storable({"format"})
                _require_storable(given)
                job = _storing(rows, drawing, others, manifest or _manifest_of(names), stack)
            elif manifest:
                raise click.UsageError("--manifest is for --store; DIR has its own.")
            else:
                letters = {"name": ""} if letters_column else {}
                job = _into_folder(rows, drawing, folder, format_name or "png", letters, others)
        _run(job, "Storing" if store else "Drawing", as_json=as_json)


def _require_storable(given: Iterable[str]) -> None:
    """Raise `click.UsageError` for options that no stored avatar has."""
    if set(given) - _FOR_STORED:
        raise click.UsageError(
            "A stored avatar takes only a style with its options, colours, a scheme, a palette and an angle."
        )


def _require_for_photos() -> None:
    """Raise `click.UsageError` for options that do not apply to photographs, even with their defaults."""
    context = click.get_current_context()
    given = {
        name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if given - _FOR_PHOTOS:
        raise click.UsageError("--photos DIR takes only --store, --manifest, --jobs and --json.")


def _run(job: _Job, verb: str, *, as_json: bool) -> None:
    with progress(verb) as reach:
        for report in job.reports:
            reach(job.source.progress, report.processed)
    _print_report(report, as_json=as_json)


def _open(names: str, columns: Columns, *, header: bool, encoding: str, stack: ExitStack) -> CsvInput:
    if not _is_text_encoding(encoding):
        raise click.BadParameter(
            "unknown text encoding. Use a name such as utf-8, utf-16 or cp1252.", param_hint="--encoding"
        )
    stream: BinaryIO = sys.stdin.buffer
    if names != "-":
        stream = stack.enter_context(Path(names).open("rb"))  # noqa: SIM115 - it does
    name = "standard input" if names == "-" else names
    return CsvInput(stream, name, columns, max_length=MAX_SEED_LENGTH, header=header, encoding=encoding)


def _is_text_encoding(name: str) -> bool:
    try:
        # Python looks up no encoding to decode an empty value.
        b"a".decode(name)
    except UnicodeError:
        return True
    except LookupError:
        return False
    return True


def _given(parameters: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}


def _options(given: Mapping[str, str], others: Iterable[str]) -> dict[str, object]:
    """Return the fields of each avatar, as generate takes them."""
    fields: dict[str, object] = {**given}
    if angle := given.get("angle"):
        try:
            fields["angle"] = float(angle)
        except ValueError:
            raise click.BadParameter("must be a number.", param_hint="--angle") from None
    if options := dict(split_option(each) for each in others):
        fields["options"] = options
    return fields


def _manifest_of(names: str) -> Path:
    if names == "-":
        raise click.UsageError("A list from standard input needs --manifest FILE.")
    return _beside(Path(names))


def _beside(path: Path) -> Path:
    """Return the manifest of a list or of a folder of photographs."""
    if not path.name:
        raise click.UsageError(f"The folder {path} needs --manifest FILE, because it has no name.")
    return path.with_suffix(".stored.jsonl")


def _storing(
    rows: CsvInput, drawing: _Drawing, others: Iterable[str], manifest: Path, stack: ExitStack
) -> _Job:
    prepare = drawing.prepare()
    asked = read_fields({"type": drawing.style, **_options(drawing.given, others)}, AvatarOptions)
    asked.style.prepare(frozenset(drawing.settings.dicebear.licenses))
    spec = asked.spec()
    source = RowSource(rows, spec, jobs=drawing.jobs, prepare=prepare, on_refusal=_refuse)
    return _Job(_open_storage(source, drawing.settings, manifest, stack).run(), rows)


def _storing_photos(folder: Path, manifest: Path | None, drawing: _Drawing, stack: ExitStack) -> _Job:
    settings = drawing.settings
    decoder = stack.enter_context(closing(open_decoder(settings.uploads)))
    source = PhotoSource(
        folder, decoder, max_bytes=settings.uploads.max_bytes, jobs=drawing.jobs, on_rejected=_reject
    )
    manifest = manifest or _beside(folder.resolve())
    return _Job(_open_storage(source, settings, manifest, stack).run(), source)


def _open_storage(source: AvatarSource, settings: Settings, manifest: Path, stack: ExitStack) -> BulkStorage:
    engines = stack.enter_context(closing(open_engines(settings.database)))
    prepare_tables(engines)
    return BulkStorage(open_store(settings.storage), Repository(engines), manifest, source)


def _into_folder(  # noqa: PLR0913, PLR0917
    rows: CsvInput,
    drawing: _Drawing,
    folder: Path,
    format_name: str,
    letters: Mapping[str, str],
    others: Iterable[str],
) -> _Job:
    prepare = drawing.prepare()
    parameters = {**drawing.given, **letters}
    picture = read_picture(drawing.style, "", format_name=format_name, parameters=parameters, others=others)
    target = BulkFolder(
        folder, picture, extension=format_name, jobs=drawing.jobs, prepare=prepare, on_refusal=_refuse
    )
    return _Job(target.run(rows), rows)


def _reject(file: str, reason: str) -> None:
    warn(f"{file}: {reason}")


def _refuse(line: int, reason: str) -> None:
    warn(f"line {line}: {reason}")


def _print_report(report: BulkReport, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"{report.made} made, {report.existing} were there already, {report.repeated} repeated,"
            f" {report.refused} refused."
        )
    if report.refused:
        sys.exit(PARTLY)
