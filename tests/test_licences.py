"""The licences of the service and of everything that is distributed with it."""

import subprocess
import sys
from email.parser import BytesParser
from pathlib import Path
from zipfile import ZipFile

from tools import notices

ROOT = Path(__file__).parents[1]


def test_a_wheel_has_the_licence_and_names_it(tmp_path: Path) -> None:
    program = f"from flit_core.buildapi import build_wheel; print(build_wheel({str(tmp_path)!r}))"
    command = [sys.executable, "-c", program]
    name = subprocess.run(command, cwd=ROOT / "backend", capture_output=True, text=True, check=True).stdout
    with ZipFile(tmp_path / name.strip()) as wheel:
        (information,) = [each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")]
        metadata = BytesParser().parsebytes(wheel.read(information))
        text = wheel.read(information.replace("METADATA", "licenses/LICENSE"))
        for part in notices.OURS:
            assert str(part.text.relative_to(ROOT / "backend")) in wheel.namelist()
    assert (metadata["License-Expression"], metadata["License-File"]) == ("MIT", "LICENSE")
    assert text == (ROOT / "LICENSE").read_bytes()


def test_the_notices_have_every_locked_package() -> None:
    """`make notices` writes them again."""
    assert list(notices.noticed()) == list(notices.locked())


def test_the_notices_have_the_texts_of_fonts_and_scripts() -> None:
    text = notices.NOTICES.read_text(encoding="utf-8")
    for part in notices.OURS:
        assert f"| {part.name} | {part.licence} | {part.files} |" in text
        assert notices.tidy(part.text) in text


def test_each_licence_of_an_installed_package_is_in_the_notices() -> None:
    text = notices.NOTICES.read_text(encoding="utf-8")
    for name, version in notices.locked():
        assert f"| {name} {version} | {notices.licence_of(name)} | {notices.INSIDE.get(name, '')} |" in text


def test_every_note_is_of_a_locked_package() -> None:
    names = {name for name, _ in notices.locked()}
    assert set(notices.LICENCES) | set(notices.INSIDE) <= names
