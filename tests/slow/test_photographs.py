"""Files that attack the decoder, and damaged ones, get a picture or a 400, and harm nothing else."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avatar_gen.errors import InvalidRequest
from avatar_gen.imaging.photo_process import PhotoDecoder
from tests.conftest import MakeService
from tests.imaging.hostile import HOSTILE
from tests.imaging.test_photo_process import PHOTOGRAPH, children_of, decode, process_of
from tests.imaging.test_photographs import LIMITS, PHOTOGRAPHS, SOURCES
from tests.slow.size import sized

SECONDS = 8.0
"""The timeout of a decoding."""

MUTATIONS = sized(full=10_000, small=300)

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


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A file with a few bytes changed, removed, repeated or exchanged for those of another place."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 40))):
        at = chance.randrange(max(1, len(changed)))
        length = chance.choice((1, 2, 4, 16, 200))
        odd = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", chance.randbytes(1))) * length
        source = chance.randrange(max(1, len(changed)))
        changed[at : at + length] = chance.choice(
            (odd, b"", changed[at : at + length] * 2, changed[source : source + length])
        )
    return bytes(changed)


def memory_of(process: int) -> int:
    """Return the bytes of memory that only this process has."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty"))


@linux_only
def test_mutated_files_are_answered_and_the_service_lives(make_service: MakeService) -> None:
    service = make_service({"uploads": {"timeout": 5}, "logging": {"level": "warn"}}).start()
    assert service.process
    chance = random.Random(20261127)
    contents = [(PHOTOGRAPHS / name).read_bytes() for name in SOURCES]
    statuses: Counter[int] = Counter()
    crew, sizes = set(), []

    def send(content: bytes) -> int:
        answer = service.client.put("/api/upload", content=content)
        if answer.status_code == 201:
            service.client.delete(f"/api/{answer.json()['data']['id']}")
        return answer.status_code

    with ThreadPoolExecutor(4) as threads:
        for _ in range(0, MUTATIONS, 100):
            batch = [mutated(chance.choice(contents), chance) for _ in range(100)]
            statuses.update(threads.map(send, batch))
            assert service.client.get("/api/health/live").status_code == 200
            children = children_of(service.process.pid)
            crew.update(children)
            sizes.append((memory_of(service.process.pid), *map(memory_of, children)))
    print(f"{MUTATIONS} mutated files: {dict(statuses)}; MB of the processes: first", end=" ")
    print(*([round(each / 1e6, 1) for each in sizes[index]] for index in (0, 1, len(sizes) // 2, -1)))
    assert set(statuses) <= {201, 400, 415}
    assert min(statuses[201], statuses[400]) > MUTATIONS / 10
    # One program for all files, and no growth after the first hundreds of them.
    assert len(crew) == 1
    for first, last in zip(sizes[min(5, len(sizes) - 1)], sizes[-1], strict=True):
        assert last < first * 1.2 + 10e6
    assert service.client.put("/api/upload", content=PHOTOGRAPH.read_bytes()).status_code == 201
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()
