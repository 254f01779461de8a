import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text

from avatar_gen.avatar import Avatar
from avatar_gen.database import Engines
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.errors import DatabaseUnavailable, OutcomeUnknown, StorageUnavailable
from tests.conftest import database


def avatar(**fields: object) -> Avatar:
    return replace(Avatar(id=str(uuid4()), created_ms=1_700_000_000_000, generator_type="wave"), **fields)  # type: ignore[arg-type]


def everything(repository: Repository) -> list[Avatar]:
    return repository.page(1_000_000, 0).avatars


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=32)
avatars = st.builds(
    Avatar,
    id=st.uuids(version=4).map(str),
    created_ms=st.integers(0, 2**45),
    generator_type=st.sampled_from(["pixelize", "wave", "gradient"]),
    primary_color=texts,
    foreign_color=texts,
    color_scheme=texts,
    seed=texts,
    angle=st.none() | st.floats(0, 360),
)


def test_what_is_stored_is_what_is_read(repository: Repository) -> None:
    @given(st.lists(avatars, min_size=1, max_size=5, unique_by=lambda each: each.id))
    def check(batch: list[Avatar]) -> None:
        repository.add(batch)
        assert repository.known([each.id for each in batch]) == {each.id for each in batch}
        read = {each.id: each for each in everything(repository)}
        assert [read[each.id] for each in batch] == batch
        assert repository.remove_rows([each.id for each in batch]) == len(batch)

    check()


def test_the_list_is_in_one_total_order_however_it_is_cut(repository: Repository) -> None:
    made = [avatar(created_ms=1_700_000_000_000 + i // 7) for i in range(50)]
    repository.add(made)
    expected = sorted(made, key=lambda each: (each.created_ms, each.id))
    for pick in (1, 7, 100):
        pages = [repository.page(pick, offset).avatars for offset in range(0, 50, pick)]
        assert [each for page in pages for each in page] == expected
    assert repository.page(10, 2**31 - 1).avatars == []
    assert [repository.page(pick).has_more for pick in (49, 50)] == [True, False]


@pytest.mark.parametrize("newest_first", [False, True])
def test_places_lead_through_the_list_whatever_comes_and_goes(
    repository: Repository, *, newest_first: bool
) -> None:
    made = [avatar(created_ms=1_700_000_000_000 + i // 7) for i in range(50)]
    repository.add(made)
    expected = sorted(made, key=lambda each: each.cursor, reverse=newest_first)
    seen: list[Avatar] = []
    place = None
    while place is None or seen[-1].cursor != place:
        place = seen[-1].cursor if seen else None
        page = repository.page(7, after=place, newest_first=newest_first)
        assert page.has_more == (len(seen) + 7 < 50)
        seen += page.avatars
        # The one to go on behind is deleted, and others arrive before it.
        repository.remove_rows([page.avatars[-1].id] if page.has_more else [])
        repository.add([avatar(created_ms=1_800_000_000_000 if newest_first else 1_600_000_000_000)])
    assert seen == expected


def test_the_total_follows_every_change(repository: Repository) -> None:
    made = [avatar() for _ in range(5)]
    assert repository.total() == 0
    repository.add(made)
    assert repository.total() == repository.page(1, 0).total == 5
    assert repository.add([made[0], avatar(), made[1]]) == 1
    assert repository.total() == 6
    repository.remove(made[0].id, nullcontext(enter_result=True))
    repository.remove(made[0].id, nullcontext(enter_result=False))
    assert repository.remove_rows([made[1].id, made[0].id]) == 1
    assert repository.total() == len(everything(repository)) == 4


def test_a_total_that_is_off_is_put_right(repository: Repository, engines: Engines) -> None:
    repository.add([avatar(), avatar()])
    with engines.write.begin() as connection:
        connection.execute(text("UPDATE avatar_total SET total = 99"))
    assert repository.total() == 99
    assert repository.recount() == repository.total() == 2


def test_a_batch_is_added_whole_or_not_at_all(repository: Repository) -> None:
    with pytest.raises(DatabaseUnavailable):
        repository.add([avatar(), avatar(generator_type=None)])
    assert everything(repository) == []
    assert repository.total() == 0


def test_a_seed_is_not_in_the_words_of_a_failure(repository: Repository) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        repository.add([avatar(generator_type=None, seed="jane.doe@example.org")])
    assert "SQL parameters hidden" in str(caught.value.__cause__)
    assert "jane.doe" not in str(caught.value.__cause__).splitlines()[0]


def test_a_removal_that_fails_leaves_the_row(repository: Repository) -> None:
    made = avatar()
    repository.add([made])

    @contextmanager
    def fail() -> Iterator[bool]:
        if made.seed is None:
            raise StorageUnavailable
        yield True

    with pytest.raises(StorageUnavailable):
        repository.remove(made.id, fail())
    assert everything(repository) == [made]
    assert repository.total() == 1


def test_the_object_is_out_of_sight_when_the_row_goes_and_back_if_it_cannot(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = avatar()
    repository.add([made])
    events: list[str] = []

    @contextmanager
    def removing() -> Iterator[bool]:
        events.append("hidden")
        try:
            yield True
        except OutcomeUnknown:
            events.append("back")
            raise
        events.append("gone")

    def failing_commit(_connection: Connection) -> NoReturn:
        raise OutcomeUnknown

    with monkeypatch.context() as patch:
        patch.setattr("avatar_gen.database.repository.commit", failing_commit)
        with pytest.raises(OutcomeUnknown):
            repository.remove(made.id, removing())
    assert events == ["hidden", "back"]
    assert everything(repository) == [made]
    assert repository.remove(made.id, removing())
    assert events == ["hidden", "back", "hidden", "gone"]
    assert everything(repository) == []


@pytest.mark.parametrize(("row", "object_", "found"), [(1, 1, 1), (1, 0, 1), (0, 1, 1), (0, 0, 0)])
def test_a_removal_finds_a_row_or_an_object(
    repository: Repository, row: int, object_: int, found: int
) -> None:
    made = avatar()
    if row:
        repository.add([made])
    assert repository.remove(made.id, nullcontext(bool(object_))) is bool(found)
    assert everything(repository) == []


def test_ids_are_read_in_order_past_the_end_of_a_batch(repository: Repository) -> None:
    made = [avatar() for _ in range(1500)]
    repository.add(made)
    ids = list(repository.ids())
    assert ids == sorted(each.id for each in made)
    assert all(one < other for one, other in pairwise(ids))


def test_a_page_costs_what_its_index_costs(repository: Repository, engines: Engines) -> None:
    """The order of the list comes out of an index, and the total out of a table of one row."""
    repository.add([avatar() for _ in range(2000)])
    sent: list[tuple[str, Any]] = []
    event.listen(engines.read, "before_cursor_execute", lambda *call: sent.append((call[2], call[3])))
    repository.page(10, 0)
    repository.page(10, after=avatar().cursor, newest_first=True)
    plans = []
    with engines.read.connect() as connection:
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:
            connection.execute(text("ANALYZE"))
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        for statement, parameters in sent:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                plans.append("\n".join(str(row) for row in rows))
        assert connection.execute(text("SELECT count(*) FROM avatar_total")).scalar() == 1
    for total, page in zip(plans[::2], plans[1::2], strict=True):
        assert "avatar_total" in total
        assert "stored_avatars" not in total
        assert "ix_stored_avatars_created_ms_id" in page
        assert not {"sort", "temp"} & set(page.lower().split())
    # Down to the place, rather than past all that stands before it.
    assert re.search(r"SEARCH|Index Cond", plans[-1])


def test_a_database_that_fails_is_unavailable_and_its_words_are_not_for_clients(address: str) -> None:
    engines = open_engines(database(address))
    repository = Repository(engines)
    for ask in (repository.total, lambda: repository.page(10, 0), lambda: repository.add([avatar()])):
        with pytest.raises(DatabaseUnavailable) as caught:
            ask()
        assert "avatar" in str(caught.value.__cause__)
        assert str(caught.value) == "The database is unavailable. Try again later."
    engines.close()
