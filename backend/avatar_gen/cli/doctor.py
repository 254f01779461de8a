"""`avatar-gen doctor`."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

import click

from avatar_gen.app import serve_settings
from avatar_gen.cli import FAILED
from avatar_gen.cli.output import as_json, print_json
from avatar_gen.database.engine import missing_file, open_engines, whereabouts
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import require, revision_of
from avatar_gen.database.sqlite import VERSION as SQLITE
from avatar_gen.database.sqlite import corrupts_shared_wal
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import AvatarError, DatabaseTaken, StartupError
from avatar_gen.imaging import DRAWN_TYPES, require_formats
from avatar_gen.imaging.svg import writes_letters
from avatar_gen.imaging.vips import VERSION, require_version
from avatar_gen.objects.local import LocalStore
from avatar_gen.objects.local_identities import LocalIdentityStore
from avatar_gen.objects.opening import open_store
from avatar_gen.objects.storage_folder import storage_folder
from avatar_gen.security.api_keys import read_keys
from avatar_gen.security.picker_tokens import read_signing_keys
from avatar_gen.services.installation import require_dicebear, require_photographs, require_pictures
from avatar_gen.services.reindex import has_objects
from avatar_gen.settings.loader import trace_settings
from avatar_gen.settings.schema import Database, Settings

State = Literal["ok", "note", "error"]

_MIN_FREE_BYTES = 1_000_000_000
"""Free bytes below which the storage gets a note."""

_MIN_FREE_INODES = 100_000
"""Free inodes below which the storage gets a note. Each avatar takes one."""

_COLOURS: dict[State, str] = {"ok": "green", "note": "yellow", "error": "red"}


class Finding(NamedTuple):
    """The result of one check, and what to do about it."""

    name: str
    state: State
    text: str


@click.command(
    "doctor",
    epilog="""\b
Examples:
  avatar-gen doctor
  docker exec avatar-gen-backend avatar-gen doctor
  avatar-gen doctor --json | jq '.checks[] | select(.state != "ok")'""",
)
@as_json
def command(*, as_json: bool) -> None:
    """Check everything that the service needs, and say what to do.

    It checks settings, libraries, fonts, the database, Redis and the storage, where it writes a file and
    removes it again. Each line is ok, a note, or an error with its remedy. With an error the exit status is
    1. Nothing else is made or changed, and the service may run meanwhile.
    """
    findings = []
    for finding in _examine():
        findings.append(finding)
        if not as_json:
            state = click.style(f"{finding.state:5}", fg=_COLOURS[finding.state])
            click.echo(f"{state}  {finding.name:9}  {finding.text}")
    healthy = all(finding.state != "error" for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "checks": [finding._asdict() for finding in findings]})
    if not healthy:
        sys.exit(FAILED)


class _Noteworthy(Exception):
    """The check passed, but the operator should know this."""


def _examine() -> Iterator[Finding]:
    yield _found("python", platform.python_version)
    yield _found("libvips", _libvips)
    yield _found("formats", _formats)
    yield _found("fonts", _fonts)
    yield _found("styles", _styles)
    yield _found("sqlite", _sqlite)
    try:
        settings, origins = trace_settings()
    except StartupError as error:
        yield Finding("settings", "error", str(error))
        return
    yield Finding("settings", "ok", ", ".join(dict.fromkeys(origins.values())) or "the defaults")
    yield _found("uploads", lambda: f"decoded: {', '.join(require_photographs(settings.uploads))}")
    yield _found("additions", lambda: _additions(settings))
    yield _found("keys", lambda: _keys(settings))
    yield _found("database", lambda: _database(settings))
    yield _found("storage", lambda: _storage(settings))
    if url := settings.redis.url:
        yield _found("redis", lambda: _redis(url.get_secret_value(), settings.redis.cache * 1_000_000))
    if broker := settings.jobs.broker:
        yield _found("broker", lambda: _broker(broker.get_secret_value()))


def _found(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", check())
    except _Noteworthy as note:
        return Finding(name, "note", str(note))
    except StartupError as error:
        return Finding(name, "error", str(error))
    except (AvatarError, OSError) as error:
        return Finding(name, "error", f"{error} ({error.__cause__ or type(error).__name__})")


def _additions(settings: Settings) -> str:
    """Serve the operator's palettes and styles, as the start of the service does."""
    serve_settings(settings)
    return f"{len(settings.palettes)} palettes, {len(dicebear.added_names())} styles"


def _libvips() -> str:
    require_version()
    return VERSION


def _formats() -> str:
    require_formats()
    return ", ".join(DRAWN_TYPES)


def _fonts() -> str:
    if not writes_letters():
        raise StartupError(
            "librsvg does not find the fonts of this program, so letters of DiceBear's styles are boxes."
            " Install the service again: make clean install"
        )
    return "letters are drawn"


def _styles() -> str:
    require_pictures()
    return f"all drawn: {len(STYLES)} of this service, {require_dicebear()} of DiceBear's {dicebear.RELEASE}"


def _sqlite() -> str:
    if corrupts_shared_wal():
        raise _Noteworthy(
            f"{SQLITE} can corrupt a database that two processes write, so only one process may write."
            " To use several: pip install pysqlite3"
        )
    return SQLITE


def _keys(settings: Settings) -> str:
    read_signing_keys(settings.auth)
    if not settings.auth.on:
        raise _Noteworthy(
            "no API keys, so every client that reaches the service may write, list and delete: docs/access.md"
        )
    read_keys(settings.auth)
    return "API keys are required"


def _database(settings: Settings) -> str:
    """Return what the database is, and require that it has avatars if the storage has."""
    found, total = _ask_database(settings.database)
    if not total and _stores_objects(settings):
        raise StartupError(f"{found}, but the storage has objects. Run: avatar-gen reindex")
    if total is None:
        raise _Noteworthy(f"{found}; the first start of the service makes it")
    return found


def _ask_database(settings: Database) -> tuple[str, int | None]:
    """Return what the database is and its number of avatars, None without tables.

    Check that it can be written.
    """
    where = whereabouts(settings)
    if missing := missing_file(settings):
        _require_place(missing)
        return f"{where}: not there yet", None
    once = settings.connection.model_copy(update={"max_retries": 1})
    try:
        with closing(open_engines(settings.model_copy(update={"connection": once}))) as engines:
            revision = revision_of(engines)
            if revision is None:
                return f"{where}: empty", None
            require(revision)
            records = Repository(engines)
            total = records.check()
            records.check_write()
            found = f"{engines.kind}, {where}: schema {revision}, {total:,} avatars, can be written"
            return found, total
    except DatabaseTaken:
        raise _Noteworthy(f"{where}: not checked, because another process writes it") from None


def _stores_objects(settings: Settings) -> bool:
    try:
        return has_objects(open_store(settings.storage, make=False))
    except StartupError:
        return False  # The check of the storage reports it.


def _storage(settings: Settings) -> str:
    if settings.storage.type != "local":
        open_store(settings.storage)
        return f"{settings.storage.where}: can be written"
    path = settings.storage.local.save_path
    if not os.path.lexists(path):
        _require_place(path)
        raise _Noteworthy(f"{path}: not there yet; the first start of the service makes it")
    if not path.exists():
        _require_usable(path, [str(path)])
    store = LocalStore(path)
    with storage_folder(path):
        store.require()
    _require_usable(path, [*store.unusable_folders(), *LocalIdentityStore(path).unusable_folders()])
    if not any(path.iterdir()):
        _require_place(path / "incoming")
        raise _Noteworthy(f"{path}: empty; the first start of the service makes its folders")
    open_store(settings.storage, make=False)
    room = store.check_write()
    if room.free_inodes is not None and room.free_inodes < _MIN_FREE_INODES:
        raise _Noteworthy(f"{path}: can be written, but has inodes for only {room.free_inodes:,} files")
    free = room.free_bytes or 0
    text = f"{path}: can be written, {free / 1e9:.1f} GB free"
    if free < _MIN_FREE_BYTES:
        raise _Noteworthy(f"{text}; free some space")
    return text


def _require_usable(path: Path, unusable: list[str]) -> None:
    """Raise `StartupError` for parts of a storage that are not folders, or that cannot be written."""
    if strange := [each for each in unusable if not os.path.isdir(each)]:
        raise StartupError(
            f"{strange[0]} is not a folder, or a link that leads to none. Move it away:"
            " the next start of the service makes a folder"
        )
    if unusable:
        user, group = os.geteuid(), os.getegid()
        raise StartupError(
            f"{path}: user {user} cannot read and write {len(unusable)} folders, such as {unusable[0]}. Run:"
            f" chown -R {user}:{group} {path}"
        )


def _redis(url: str, cache: int) -> str:
    """Return what Redis is. `cache` is the maximum of bytes of pictures that it will hold."""
    # Imported here, because the import is slow.
    from avatar_gen.services.redis_check import ask_redis  # noqa: PLC0415

    server = ask_redis(url)
    if server.policy == "noeviction" and 0 < server.memory < 2 * cache:
        raise _Noteworthy(
            f"{server.where}: {server.name} may hold {server.memory / 1e6:.0f} MB and refuses writes beyond"
            " it, so each process would count limits alone. Lower redis.cache, or set maxmemory-policy to"
            " volatile-lru"
        )
    return f"{server.where}: {server.name}"


def _broker(url: str) -> str:
    from avatar_gen.services.redis_check import ask_redis  # noqa: PLC0415 - as above

    server = ask_redis(url)
    if server.evicts_messages:
        raise _Noteworthy(
            f"{server.where}: {server.name} may remove messages to workers ({server.policy}). Workers add"
            " them again, but jobs take longer. Set maxmemory-policy to noeviction or volatile-lru"
        )
    return f"{server.where}: {server.name}, {server.policy}"


def _require_place(path: Path) -> None:
    """Raise `StartupError` if a missing path cannot be made."""
    folder = next(each for each in path.absolute().parents if each.exists())
    if not folder.is_dir():
        raise StartupError(f"{path}: cannot be made: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartupError(f"{path}: cannot be made: user {os.geteuid()} may not write to {folder}")
