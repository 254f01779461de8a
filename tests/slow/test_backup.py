"""The commands of docs/databases.md make a backup of a service that runs, and it can be restored."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.conftest import MakeService
from tests.servers.avatars import assert_whole, clients, listed, objects

DOCS = Path(__file__).parents[2] / "docs"


def commands(heading: str) -> str:
    """Return the indented lines of a section of docs/databases.md."""
    page = (DOCS / "databases.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


def test_a_backup_of_a_running_service_can_be_restored(make_service: MakeService) -> None:
    service = make_service({"logging": {"level": "warn"}}).start()
    acknowledged: list[str] = []
    with clients(service, 4, acknowledged):
        while not acknowledged:
            time.sleep(0.1)
        before = list(acknowledged)
        (service.folder / "backup").mkdir()
        script = commands("Backup").split("pg_dump")[0]
        subprocess.run(["bash", "-euc", script], cwd=service.folder, check=True)  # noqa: S607
        service.stop()
    restored = make_service()
    storage = restored.folder / "storage"
    (storage / "database").mkdir(parents=True)
    shutil.copytree(service.folder / "backup" / "avatars", storage / "avatars")
    shutil.copy(service.folder / "backup" / "avatars.db", storage / "database")
    assert restored.run("reindex").stdout.endswith(" 0 removed, 0 objects damaged.\n")
    restored.start()
    assert before
    assert_whole(restored, before)
    assert set(listed(restored)) == objects(restored)
