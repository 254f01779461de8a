"""Damaged photographs. `make mutations` uploads 10,000 of them to a service."""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Service
from tests.imaging.test_photo_process import children_of
from tests.imaging.test_photographs import PHOTOGRAPHS as FOLDER
from tests.imaging.test_photographs import SOURCES

PHOTOGRAPHS: Sequence[bytes] = [(FOLDER / name).read_bytes() for name in SOURCES]

SETTINGS = {"uploads": {"timeout": 5}, "logging": {"level": "warn"}}


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a few bytes changed, removed, repeated or exchanged for those of another place."""
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


@dataclass
class Outcome:
    """The statuses of uploads, and what they cost."""

    statuses: Counter[int] = field(default_factory=Counter)
    decoders: set[int] = field(default_factory=set)
    """The processes that decoded the files."""
    memory: list[tuple[int, ...]] = field(default_factory=list)
    """The memory of the service and of its decoder after each hundred files, in bytes."""

    def __str__(self) -> str:
        """Return the line for docs/hardening.md."""
        sizes = [
            [round(each / 1e6, 1) for each in self.memory[index]]
            for index in (0, 1, len(self.memory) // 2, -1)
        ]
        return f"{self.statuses.total()} mutated files: {dict(self.statuses)}; MB of the processes: {sizes}"


def upload_mutations(service: Service, count: int) -> Outcome:
    """Upload `count` files, four at a time, half of them as forms. What is stored is deleted again.

    Raises `AssertionError` for another status than 201, 400 and 415. The files are the same each time.
    """
    assert service.process
    outcome, chance = Outcome(), random.Random(20261127)

    def send(content: bytes) -> int:
        if content[-1] % 2:
            answer = service.client.put("/api/upload", content=content)
        else:
            answer = service.client.post("/api/upload", files={"file": content})
        if answer.status_code == 201:
            service.client.delete(f"/api/{answer.json()['data']['id']}")
        return answer.status_code

    with ThreadPoolExecutor(4) as threads:
        for _ in range(0, count, 100):
            batch = [mutated(chance.choice(PHOTOGRAPHS), chance) for _ in range(100)]
            outcome.statuses.update(threads.map(send, batch))
            assert set(outcome.statuses) <= {201, 400, 415}, outcome.statuses
            assert service.client.get("/api/health/live").status_code == 200
            children = children_of(service.process.pid)
            outcome.decoders.update(children)
            outcome.memory.append((memory_of(service.process.pid), *map(memory_of, children)))
    return outcome


def main(count: int) -> None:
    """Upload `count` files, and print the outcome."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), SETTINGS).start()
        print(upload_mutations(service, count))
        print(f"The service ended with {service.stop()}; its log: {service.log.read_text() or 'empty'}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
