"""The result of a job: a manifest of its rows, or an archive of its pictures, made part by part."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from avatar_gen.avatar import format_time
from avatar_gen.database.job_records import Job, JobRecords, unpack_rows
from avatar_gen.errors import InvalidRequest, ObjectDamaged, Problem
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.services.bulk.file_names import file_name
from avatar_gen.services.jobs.chunk_work import avatar_ids

MAX_PICTURES = 100_000
"""Pictures in one archive. The directory of an archive is in memory until its end."""


class Entry(NamedTuple):
    """A row of a job, with the id of its avatar or the reason why there is none."""

    line: int
    seed: str
    name: str
    id: str | None
    createdAt: str | None  # noqa: N815 - the name in the manifest
    error: str | None


def entries(records: JobRecords, job_id: str) -> Iterator[list[Entry]]:
    """Yield the entries of all finished chunks, chunk by chunk, in the order of the list."""
    number = -1
    while chunk := records.finished(job_id, number):
        number = chunk.number
        failures, created = chunk.read_failures(), format_time(chunk.started_ms or 0)
        rows = zip(unpack_rows(chunk.content), avatar_ids(chunk), strict=True)
        yield [
            _entry(line, fields, id_, created, failures.get(index))
            for index, ((line, fields), id_) in enumerate(rows)
        ]


def manifest(records: JobRecords, job_id: str, format_name: str) -> Iterator[bytes]:
    """Yield a manifest as `csv` or `json`."""
    parts = _as_json if format_name == "json" else _as_csv
    for text in parts(entries(records, job_id)):
        # A row that failed because of a lone surrogate still has it in a field.
        yield text.encode(errors="replace")


def pictures(records: JobRecords, store: ObjectStore, job: Job, px: int) -> Iterator[bytes]:
    """Yield a ZIP archive of the PNG of each row, which is named after the row's `name` or else its seed.

    Rows without an avatar, and avatars that were deleted since, are left out. Raises `InvalidRequest`.
    """
    if job.done > MAX_PICTURES:
        raise InvalidRequest(
            f"The job has more than {MAX_PICTURES:,} pictures. Get the manifest, and each picture by its id.",
            (Problem("format", f"zip has at most {MAX_PICTURES:,} pictures"),),
        )
    output = _Output()
    names: set[str] = set()
    with ZipFile(output, "w", ZIP_STORED) as archive:
        for chunk in entries(records, job.id):
            for entry in chunk:
                if entry.id and (png := _picture(store, entry.id, px)):
                    archive.writestr(ZipInfo(_unused_name(entry, names)), png)
            yield output.take()
    yield output.take()


def _entry(line: int, fields: dict[str, Any], id_: str, created: str, error: str | None) -> Entry:
    seed = str(fields.get("seed", ""))
    name = str(fields.get("name", seed))
    return Entry(line, seed, name, None if error else id_, None if error else created, error)


def _as_csv(chunks: Iterator[list[Entry]]) -> Iterator[str]:
    yield ",".join(Entry._fields) + "\r\n"
    for chunk in chunks:
        text = io.StringIO()
        csv.writer(text).writerows(chunk)
        yield text.getvalue()


def _as_json(chunks: Iterator[list[Entry]]) -> Iterator[str]:
    yield "["
    separator = ""
    for chunk in chunks:
        lines = [json.dumps(entry._asdict(), ensure_ascii=False) for entry in chunk]
        yield separator + ",\n".join(lines)
        separator = ",\n"
    yield "]\n"


def _picture(store: ObjectStore, avatar_id: str, px: int) -> bytes | None:
    data = store.get(avatar_id)
    try:
        return None if data is None else read_object(avatar_id, data).pictures[px]
    except (ObjectDamaged, KeyError):
        return None


def _unused_name(entry: Entry, names: set[str]) -> str:
    stem = name = file_name(entry.name)
    while name in names:
        name = f"{stem}-{entry.line}" if name == stem else f"{name}-"
    names.add(name)
    return f"{name}.png"


class _Output(io.RawIOBase):
    """What `ZipFile` has written since the last `take`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - a buffer
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
