"""Files that attack the decoder, and damaged ones, get a picture or a 400, and harm nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_gen.errors import InvalidRequest
from avatar_gen.imaging.photo_process import PhotoDecoder
from tests.conftest import MakeService
from tests.imaging.hostile import HOSTILE
from tests.imaging.test_photo_process import PHOTOGRAPH, decode, process_of
from tests.imaging.test_photographs import LIMITS
from tests.slow.mutations import SETTINGS, upload_mutations
from tests.slow.size import sized

SECONDS = 8.0
"""The timeout of a decoding."""

MUTATIONS = sized(full=10_000, small=150)

linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for its processes")


@pytest.fixture(scope="module")
def decoder() -> Iterator[PhotoDecoder]:
    made = PhotoDecoder(LIMITS._replace(timeout=SECONDS))
    yield made
    made.close()


def outcome(decoder: PhotoDecoder, path: Path) -> str:
    try:
        return f"a picture of {len(decode(decoder, path))} px"
    except InvalidRequest as error:
        return str(error).partition(".")[0].partition(":")[0]


def test_the_page_lists_these_files() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hardening.md").read_text(encoding="utf-8")
    section = page.partition("## Photographs\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    assert rows[2:] == list(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_nothing_but_itself(decoder: PhotoDecoder, tmp_path: Path, name: str) -> None:
    decode(decoder, PHOTOGRAPH)
    process = process_of(decoder)
    path = tmp_path / "file"
    path.write_bytes(HOSTILE[name]())
    began = time.monotonic()
    result = outcome(decoder, path)
    seconds = time.monotonic() - began
    print(f"| {name} | {path.stat().st_size:,} | {result} | {seconds:.2f} |")
    assert seconds < SECONDS + 2
    assert process_of(decoder) == process
    assert decode(decoder, PHOTOGRAPH).shape == (120, 120, 3)


@linux_only
def test_mutated_files_are_answered_and_the_service_lives(make_service: MakeService) -> None:
    service = make_service(SETTINGS).start()
    outcome = upload_mutations(service, MUTATIONS)
    print(outcome)
    assert min(outcome.statuses[201], outcome.statuses[400]) > MUTATIONS / 10
    # One program for all files, and no growth after the first hundreds of them.
    assert len(outcome.decoders) == 1
    early = outcome.memory[min(5, len(outcome.memory) - 1)]
    for first, last in zip(early, outcome.memory[-1], strict=True):
        assert last < first * 1.2 + 10e6
    assert service.client.put("/api/upload", content=PHOTOGRAPH.read_bytes()).status_code == 201
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
