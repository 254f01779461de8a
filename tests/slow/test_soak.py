"""A short soak: mixed traffic gets no answer that it should not get. `make soak` takes half an hour."""

import sys
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres
from tests.slow.everything import everything
from tests.slow.size import sized
from tests.slow.soak import plot, soak, table

SECONDS = sized(full=120, small=5)

KINDS = {
    *("draw", "read", "generate", "upload", "delete", "list", "show", "identity"),
    *("picker", "other URL", "catalogue", "job", "error"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process")
def test_mixed_traffic_is_answered_and_leaves_rows_and_objects_in_step(
    tmp_path: Path, postgres: Postgres
) -> None:
    environ = {"DATABASE_URL": postgres.new_database()}
    with everything(tmp_path, {"server": {"workers": 2}}, environ) as service:
        traffic, memory = soak(service, SECONDS / 60)
    assert not traffic.unexpected()
    assert {name for name, _ in traffic.statuses} <= KINDS
    assert {name for name, status in traffic.statuses if status < 400} >= {"draw", "read", "generate"}
    assert memory.samples.keys() >= {"supervisor", "worker 1", "worker 2"}
    assert "worker 3" not in memory.samples
    assert plot(memory, SECONDS / 60).count("<path") >= 3
    assert len(list(table(memory, SECONDS / 60))) == len(memory.samples)
