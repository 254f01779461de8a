"""`avatar-gen stats`."""

import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import click

from avatar_gen.avatar import format_time
from avatar_gen.cli import PARTLY
from avatar_gen.cli.output import as_json, print_json, progress, warn
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository, Summary
from avatar_gen.database.schema import require, revision_of
from avatar_gen.errors import AvatarError, ObjectDamaged, StorageUnavailable
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.opening import open_store
from avatar_gen.settings.loader import load_settings


@click.command(
    "stats",
    epilog="""\b
Examples:
  avatar-gen stats
  avatar-gen stats --check    # read every object, too
  avatar-gen stats --json | jq .types""",
)
@click.option("--check", is_flag=True, help="Also read every object, and list the damaged ones.")
@as_json
def command(*, check: bool, as_json: bool) -> None:
    """Count the stored avatars.

    It counts avatars by type and colour scheme in the database, and objects and bytes in the storage.
    Nothing is changed, and the service may run meanwhile.
    """
    settings = load_settings()
    with closing(open_engines(settings.database, make=False)) as engines:
        require(revision_of(engines, write=False))
        summary = Repository(engines).summary()
    found = {**_records(summary), **_objects(open_store(settings.storage, make=False), check=check)}
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found.get("damaged"):
        sys.exit(PARTLY)


def _records(summary: Summary) -> dict[str, Any]:
    oldest, newest = (
        None if ms is None else format_time(ms) for ms in (summary.oldest_ms, summary.newest_ms)
    )
    return {
        "avatars": summary.total,
        "oldest": oldest,
        "newest": newest,
        "types": summary.types,
        "schemes": {name: count for name, count in summary.schemes.items() if name is not None},
        "withoutScheme": summary.schemes.get(None, 0),
    }


def _objects(store: ObjectStore, *, check: bool) -> dict[str, Any]:
    count = size = 0
    damaged = []
    with progress("Reading objects" if check else "Counting objects") as reach:
        for avatar_id, bytes_stored in store.sizes(_report_folder):
            count += 1
            size += bytes_stored
            if check and not _is_whole(store, avatar_id):
                damaged.append(avatar_id)
            if count % 500 == 0:
                reach(int(avatar_id[:8], 16) / 2**32, count)
    return {"objects": count, "bytes": size, **({"damaged": damaged} if check else {})}


def _report_folder(folder: str, error: AvatarError) -> None:
    warn(f"{folder}: cannot be read: {error.__cause__}")


def _is_whole(store: ObjectStore, avatar_id: str) -> bool:
    try:
        data = store.get(avatar_id)
        if data is not None:
            read_object(avatar_id, data)
    except (ObjectDamaged, StorageUnavailable) as error:
        warn(f"{avatar_id}: {type(error).__name__}: {error.__cause__}")
        return False
    return True


def _print(found: Mapping[str, Any]) -> None:
    rows = [
        ("avatars", f"{found['avatars']:,}"),
        ("oldest", found["oldest"] or "-"),
        ("newest", found["newest"] or "-"),
        *((f"type {name}", f"{count:,}") for name, count in found["types"].items()),
        *((f"scheme {name}", f"{count:,}") for name, count in found["schemes"].items()),
        ("without scheme", f"{found['withoutScheme']:,}"),
        ("objects", f"{found['objects']:,}"),
        ("bytes", f"{found['bytes']:,}"),
    ]
    if "damaged" in found:
        rows.append(("damaged", f"{len(found['damaged']):,}"))
    widest = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"{name:{widest}}  {text}")
    if found["objects"] != found["avatars"]:
        warn(
            "The numbers of objects and records differ. Unless avatars are being stored right now,"
            " run: avatar-gen reindex"
        )
