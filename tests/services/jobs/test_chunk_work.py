"""The work on chunks: the same rows give the same avatars, however often a process begins again."""

from collections.abc import Iterable, Iterator
from uuid import UUID, uuid4

import pytest

from avatar_gen.database.job_records import Chunk, State
from avatar_gen.errors import AvatarError, InvalidRequest
from avatar_gen.services.jobs import chunk_work
from avatar_gen.services.jobs.chunk_work import (
    ChunkWork,
    DrawTask,
    Outcome,
    avatar_id,
    draw,
    needs_care,
    read_row,
)
from tests.services.jobs.conftest import JOB, ROWS

NONE: frozenset[str] = frozenset()


def claim(work: ChunkWork, monkeypatch: pytest.MonkeyPatch) -> Chunk:
    """Claim the chunk after every lease has ended."""
    claim.now += 1_000_000  # type: ignore[attr-defined]
    monkeypatch.setattr(chunk_work, "now_ms", lambda: claim.now)  # type: ignore[attr-defined]
    chunk = work.claim()
    assert chunk
    return chunk


claim.now = 0  # type: ignore[attr-defined]


def test_ids_differ_by_job_and_row_and_look_like_all_others() -> None:
    ids = {avatar_id(job, row) for job in (JOB, str(uuid4())) for row in range(1000)}
    assert len(ids) == 2000
    assert all(UUID(each).version == 4 and str(UUID(each)) == each for each in ids)
    assert avatar_id("6c6d4be5-5397-4c93-b82a-4dffabea3aa0", 7) == "40a72da5-1a05-4b41-bfdd-e3996f9b251c"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        *(({"seed": "ada", "name": name}, "name must be text.") for name in (1, True, {"a": 1}, ["a"])),
        ({"seed": "ada", "name": "\ud800"}, "name must be valid Unicode text."),
        ({"seed": "ada", "type": "wave", "style": "smile"}, "style and type exclude each other."),
    ],
)
def test_a_row_whose_name_is_no_text_or_that_has_two_styles_is_invalid(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_row(fields, NONE)
    assert str(refused.value) == reason


@pytest.mark.parametrize("end", ["cancelled", "deleted"])
def test_what_is_drawn_of_a_job_that_has_ended_since_is_not_stored(
    work: ChunkWork, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    outcome = draw(NONE, DrawTask(claim(work, monkeypatch)))
    assert outcome.drawn
    if end == "cancelled":
        assert work.records.cancel(JOB, 2000)
    else:
        work.records.delete(JOB)
    work.store(outcome)
    assert work._repository.total() == 0
    assert all(work._store.get(each.avatar.id) is None for each in outcome.drawn)
    assert work.records.finished(JOB, -1) is None


@pytest.mark.parametrize("end", ["cancelled", "deleted"])
def test_no_row_that_is_drawn_alone_is_stored_after_the_end_of_its_job(
    work: ChunkWork, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    drawn: list[Outcome] = []

    def draw_rows(tasks: Iterable[DrawTask]) -> Iterator[Outcome]:
        for task in tasks:
            drawn.append(draw(NONE, task))
            if len(drawn) == len(ROWS) - 1:
                assert work._repository.total() == 1
                if end == "cancelled":
                    assert work.records.cancel(JOB, 2000)
                else:
                    work.records.delete(JOB)
            yield drawn[-1]

    work.store_carefully(claim(work, monkeypatch), draw_rows)
    assert len(drawn) == len(ROWS) - 1
    assert work._repository.total() == 1
    assert work._store.get(drawn[-1].drawn[0].avatar.id) is None
    assert work.records.finished(JOB, -1) is None


def test_a_chunk_that_was_half_done_gives_the_same_bytes(
    work: ChunkWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = draw(NONE, DrawTask(claim(work, monkeypatch)))
    work._store_avatars(first.drawn[:1])
    again = draw(NONE, DrawTask(claim(work, monkeypatch)))
    assert again.drawn == first.drawn
    work.store(again)
    work.store(again)
    assert work._repository.total() == 2
    job = work.records.find(JOB)
    assert job
    assert (job.state, job.done, job.failed) == (State.DONE, 2, 2)
    assert again.failures[1].startswith("type must be")
    assert again.failures[3] == "seed is required."


def test_a_row_that_ends_its_process_is_left_out_and_no_other(
    work: ChunkWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is a call here that raises what nothing catches. tests/slow has real ones."""

    class End(BaseException):
        pass

    def ending(tasks: Iterable[DrawTask]) -> Iterator[Outcome]:
        for task in tasks:
            if task.only == 2:
                raise End
            yield draw(NONE, task)

    for _ in range(3):
        assert not needs_care(claim(work, monkeypatch))
    for _ in range(2):
        chunk = claim(work, monkeypatch)
        assert needs_care(chunk)
        with pytest.raises(End):
            work.store_carefully(chunk, ending)
    work.store_carefully(claim(work, monkeypatch), ending)
    finished = work.records.finished(JOB, -1)
    assert finished
    assert sorted(finished.read_failures()) == [1, 2, 3]
    assert finished.read_failures()[2] == "The process that drew it ended, several times."
    assert work._repository.total() == 1


def test_a_fault_of_a_style_fails_one_row(work: ChunkWork, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_arguments: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(chunk_work, "draw_object", faulty)
    work.store(draw(NONE, DrawTask(claim(work, monkeypatch))))
    job = work.records.find(JOB)
    assert job
    assert (job.done, job.failed) == (0, 4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"seed": "a", "type": "lorelei"}, "The licence of this style"),
        ({"seed": "a", "type": "blobs", "options": "{"}, "options must be a JSON object"),
        ({"seed": "a", "options": {"eyes": "x"}}, "options"),
        ({"seed": "a", "angle": "east", "type": "gradient"}, "angle must be a number"),
        ({"seed": "a", "angle": 45}, "angle is only for the type gradient"),
        ({"seed": 5}, "seed must be text"),
        ({"seed": "\ud800"}, "seed must be valid Unicode"),
        ({"seed": "a" * 257}, "seed must have at most 256"),
        ({"seed": "a", "colour": "red"}, "body has a field that is not known here"),
        ({"seed": "a", "palette": [[]]}, "palette must be text"),
    ],
)
def test_a_row_that_cannot_be_drawn_says_why(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(AvatarError, match=reason):
        read_row(fields, NONE)
