"""The commands of docs/databases.md back up a running service and restore the backup."""

import shlex
import subprocess
import time
from pathlib import Path

from tests.conftest import MakeService
from tests.servers.avatars import assert_whole, clients, listed, objects
from tests.servers.commands import COMMAND, environment

DOCS = Path(__file__).parents[2] / "docs"


def run_section(heading: str, folder: Path, backups: Path) -> None:
    """Run the commands in a section of docs/databases.md, with `backups` in the place of /mnt/backup."""
    page = (DOCS / "databases.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    commands = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    assert "/mnt/backup" in commands
    program = f'avatar-gen() {{ {shlex.join(COMMAND)} "$@"; }}\n'
    script = program + commands.replace("/mnt/backup", str(backups))
    subprocess.run(["bash", "-euc", script], cwd=folder, env=environment(), check=True)  # noqa: S607


def test_a_backup_of_a_running_service_can_be_restored(make_service: MakeService, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    service = make_service({"logging": {"level": "warn"}}).start()
    acknowledged: list[str] = []
    with clients(service, 4, acknowledged):
        while not acknowledged:
            time.sleep(0.1)
        before = list(acknowledged)
        run_section("Backup", service.folder, backups)
        service.stop()
    restored = make_service()
    run_section("Restore", restored.folder, backups)
    restored.start()
    assert before
    assert_whole(restored, before)
    assert set(listed(restored)) == objects(restored)
