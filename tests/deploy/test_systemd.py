"""The unit for systemd, and the variables for compose."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "avatar-gen.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    """With a program and a user that exist here, which it looks for."""
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/avatar-gen/.venv/bin/avatar-gen", "/bin/true")
    unit.write_text(text.replace("User=avatar-gen", "User=root"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_the_service_may_take_as_long_to_stop_as_its_settings_say() -> None:
    """By default it drains for 1 s, and 8 s later the process ends in any case."""
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert int(seconds) > 1 + 8


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    composed = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docker-compose*.yml"))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"\$\{([A-Z_]+):?-([^}]*)\}", composed))
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(shown) == set(defaults)
    assert {name: shown[name] for name, value in defaults.items() if value} == {
        name: value for name, value in defaults.items() if value
    }
