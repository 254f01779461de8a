"""`avatar-gen bulk`, as a program that can be killed."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from avatar_gen.objects.avatar_object import read_object
from tests.cli.conftest import COMMAND, Run, environment
from tests.conftest import MakeApp
from tests.servers.avatars import assert_whole, listed, objects
from tests.servers.postgres import Postgres
from tests.servers.waiting import wait_until


def people(path: Path, count: int, start: int = 0) -> Path:
    rows = [f"{i},person{i}@example.org,Person {i}\n" for i in range(start, start + count)]
    path.write_text("id,email,name\n" + "".join(rows))
    return path


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_folder(folder: Path, count: int) -> None:
    """There are so many pictures, each as the manifest says, and nothing else."""
    found = entries(folder / "manifest.jsonl")
    assert len({each["file"] for each in found}) == len(found) == count
    for each in found:
        content = (folder / each["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.jsonl", *(each["file"] for each in found)}


class TestAFolder:
    def test_has_a_picture_for_everybody_as_render_draws_it(self, run: Run, tmp_path: Path) -> None:
        people(tmp_path / "people.csv", 200)
        looks = ["--size", "96", "--shape", "circle", "--hue", "210", "--format", "webp"]
        result = run("bulk", "people.csv", "-o", "out", "--seed-column", "email", "--style", "rings", *looks)
        assert result.stdout == b"200 made, 0 were there already, 0 repeated, 0 refused.\n"
        assert_folder(tmp_path / "out", 200)
        run("render", "rings", "person7@example.org", "-o", "one.webp", *looks)
        made = (tmp_path / "out" / "person7@example.org.webp").read_bytes()
        assert made == (tmp_path / "one.webp").read_bytes()
        first = entries(tmp_path / "out" / "manifest.jsonl")[0]
        assert (first["line"], first["seed"]) == (2, "person0@example.org")

    def test_takes_dicebears_styles_and_letters_from_another_column(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "people.csv").write_text("id;name\n1;Ada Lovelace\n2;Grace Hopper\n")
        run("bulk", "people.csv", "-o", "a", "--style", "lorelei", "-O", "backgroundColor=ffd5dc")
        run("render", "lorelei", "2", "-O", "backgroundColor=ffd5dc", "-o", "2.png")
        assert (tmp_path / "a" / "2.png").read_bytes() == (tmp_path / "2.png").read_bytes()
        run(
            "bulk",
            "people.csv",
            "-o",
            "b",
            "--style",
            "initials",
            "--letters-column",
            "name",
            "--file-column",
            "2",
        )
        (tmp_path / "odd.csv").write_text("seed\nada\n\x01\n")
        result = run("bulk", "odd.csv", "-o", "odd", "--style", "lorelei", status=3)
        assert result.stderr.startswith(b"line 3: seed must be one text")
        run("render", "initials", "1", "--name", "Ada Lovelace", "-o", "1.png")
        [made] = (tmp_path / "b").glob("ada-lovelace-*.png")
        assert made.read_bytes() == (tmp_path / "1.png").read_bytes()

    def test_costs_what_is_new_when_it_is_drawn_again(self, run: Run, tmp_path: Path) -> None:
        run("bulk", people(tmp_path / "people.csv", 90), "-o", "out", "--jobs", "1")
        before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
        (tmp_path / "out" / "3.png").unlink()
        (tmp_path / "out" / "4.png").write_bytes(b"cut off")
        people(tmp_path / "people.csv", 100)
        result = run("bulk", "people.csv", "-o", "out", "--json")
        assert json.loads(result.stdout) == {"made": 12, "existing": 88, "repeated": 0, "refused": 0}
        assert_folder(tmp_path / "out", 100)
        after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
        assert {name for name, moment in before.items() if after[name] != moment} == {"3.png", "4.png"}

    def test_is_drawn_again_when_the_options_change(self, run: Run, tmp_path: Path) -> None:
        run("bulk", people(tmp_path / "people.csv", 20), "-o", "out")
        result = run("bulk", "people.csv", "-o", "out", "--style", "wave")
        assert result.stdout.startswith(b"20 made, 0 were there")
        assert_folder(tmp_path / "out", 20)

    def test_has_one_picture_of_each_and_names_rows_without_one(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "people.csv").write_text(
            "id,name\n1,Ada\n1,Ada\n2,ADA\n3,Ada\n,\n,Bob\n4," + "x" * 257 + "\n5,../../../evil\n"
        )
        arguments = ("bulk", "people.csv", "-o", "out", "--seed-column", "name")
        result = run(*arguments, status=3)
        assert result.stdout == b"4 made, 0 were there already, 2 repeated, 1 refused.\n"
        assert result.stderr == b"line 8: it has more than 256 characters\n"
        assert_folder(tmp_path / "out", 4)
        assert run(*arguments, status=3).stdout == b"0 made, 4 were there already, 2 repeated, 1 refused.\n"
        assert {path.name for path in tmp_path.iterdir()} == {"people.csv", "out"}
        # One file can't be two people's.
        result = run(
            "bulk", "people.csv", "-o", "by-id", "--seed-column", "name", "--file-column", "id", status=3
        )
        assert b"line 7: its column is empty" in result.stderr
        (tmp_path / "people.csv").write_text("id,name\n1,Ada\n1,Bob\n")
        result = run(
            "bulk", "people.csv", "-o", "two", "--seed-column", "name", "--file-column", "id", status=3
        )
        assert (
            result.stderr == b"line 3: its file would be 1.png, which belongs to another row of this list\n"
        )

    def test_is_nobody_elses(self, run: Run, tmp_path: Path) -> None:
        people(tmp_path / "people.csv", 1)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "0.png").write_text("precious")
        result = run("bulk", "people.csv", "-o", "out", status=1)
        assert result.stderr.startswith(b"Error: out: there are files in it and no manifest.jsonl")
        assert (tmp_path / "out" / "0.png").read_text() == "precious"

    def test_takes_a_list_from_a_pipe(self, run: Run, tmp_path: Path) -> None:
        result = run("bulk", "-", "-o", "out", "--no-header", stdin=b"ada\nbob\n")
        assert result.stdout.startswith(b"2 made")
        assert_folder(tmp_path / "out", 2)


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["none.csv", "-o", "out"], 1, "none.csv: No such file or directory"),
        (["folder", "-o", "out"], 1, "folder: Is a directory"),
        (["people.csv", "-o", "people.csv"], 1, "people.csv: File exists"),
        (["people.csv", "-o", "out", "--seed-column", "mail"], 1, "people.csv: there is no column mail;"),
        (["people.csv", "-o", "out", "--style", "nonsense"], 2, "style must be one of"),
        (["people.csv", "-o", "out", "--size", "7"], 2, "size must be at least 16."),
        (["people.csv", "-o", "out", "--letters-column", "name"], 2, "name is only for the style initials."),
        (["people.csv", "-o", "out", "--encoding", "klingon"], 2, "unknown text encoding"),
        (["people.csv", "-o", "out", "--encoding", "base64"], 2, "unknown text encoding"),
        (["people.csv", "-o", "out", "--manifest", "x"], 2, "--manifest is for --store"),
        (["people.csv", "--store", "--size", "64"], 2, "A stored avatar takes only a style with"),
        (["people.csv", "--store", "--style", "hexagon"], 2, "--style must be one of"),
        (["people.csv", "--store", "--style", "adventurer"], 1, "The licence of this style"),
        (
            ["people.csv", "--store", "--style", "lorelei", "-O", "eyes=x"],
            2,
            "--option has an option that is not",
        ),
        (["people.csv", "--store", "-O", "eyes=x"], 2, "--option is for DiceBear's styles."),
        (["people.csv", "--store", "-O", "eyes"], 2, "must be NAME=VALUE."),
        (["people.csv", "--store", "--angle", "x", "--style", "gradient"], 2, "must be a number."),
        (["people.csv", "--store", "--angle", "9"], 2, "angle is only for the type gradient."),
        (["people.csv", "--store", "--manifest", "."], 2, "'--manifest': File '.' is a directory."),
        (["people.csv", "--store", "--manifest", "/"], 2, "'--manifest': File '/' is a directory."),
        (
            ["people.csv", "--store", "--manifest", "folder/"],
            2,
            "'--manifest': File 'folder/' is a directory.",
        ),
        (["people.csv", "--store", "--manifest", "/dev/full"], 1, "/dev/full: it is not a regular file."),
        (["people.csv", "--store", "--manifest", "zero"], 1, "zero: it is not a regular file."),
        (["people.csv", "--store", "--manifest", "x"], 1, "x.unfinished: it is not a regular file."),
        (["/", "--store"], 1, "/: Is a directory"),
        (["--photos", "/", "--store"], 2, "The folder / needs --manifest FILE, because it has no name."),
        (["--photos", "folder", "--store", "--manifest", ".."], 2, "'--manifest': File '..' is a directory."),
        (["-", "--store"], 2, "A list from standard input needs --manifest FILE."),
        (["people.csv"], 2, "Give a target: either -o DIR or --store."),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, tmp_path: Path, arguments: list[str], status: int, line: str
) -> None:
    people(tmp_path / "people.csv", 1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.unfinished").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    result = run("bulk", *arguments, status=status)
    assert line in result.stderr.decode().splitlines()[-1]
    assert result.stdout == b""


def start(folder: Path, *arguments: object, **how: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def crew(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that draw; none once it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        listing = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        commands = {int(each): Path(f"/proc/{each}/cmdline").read_bytes() for each in listing.split()}
        return [number for number, command in commands.items() if b"spawn_main" in command]
    return []


class TestARunThatIsEnded:
    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_by_a_signal_says_so_without_a_traceback(
        self, run: Run, tmp_path: Path, number: signal.Signals, status: int
    ) -> None:
        people(tmp_path / "people.csv", 1000)
        with start(
            tmp_path, "bulk", "people.csv", "-o", "out", "--jobs", "2", start_new_session=True
        ) as process:
            manifest = tmp_path / "out" / "manifest.jsonl"
            wait_until(lambda: manifest.exists() and manifest.stat().st_size > 0)
            # As a terminal does it: all processes of the group are told.
            os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
            output, errors = process.communicate(timeout=30)
        assert process.returncode == status
        assert output == b""
        assert b"Traceback" not in errors
        assert json.loads(run("bulk", "people.csv", "-o", "out", "--json").stdout)["existing"] > 0
        assert_folder(tmp_path / "out", 1000)

    def test_a_worker_that_is_killed_ends_it_with_advice(self, run: Run, tmp_path: Path) -> None:
        people(tmp_path / "people.csv", 1000)
        with start(tmp_path, "bulk", "people.csv", "-o", "out", "--jobs", "2") as process:
            manifest = tmp_path / "out" / "manifest.jsonl"
            wait_until(lambda: manifest.exists() and manifest.stat().st_size > 0)
            for worker in crew(process):
                os.kill(worker, signal.SIGKILL)
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert b"Run the command again to continue" in errors
        assert b"Traceback" not in errors
        run("bulk", "people.csv", "-o", "out")
        assert_folder(tmp_path / "out", 1000)

    def test_two_at_once_are_one_too_many(self, run: Run, tmp_path: Path) -> None:
        people(tmp_path / "people.csv", 1)
        with start(tmp_path, "bulk", "-", "-o", "out", stdin=subprocess.PIPE) as process:
            wait_until((tmp_path / "out" / ".incoming").exists)
            result = run("bulk", "people.csv", "-o", "out", status=1)
            process.communicate(b"name\nada\n")
        assert result.stderr == b"Error: out/manifest.jsonl: another process uses it\n"
        assert process.returncode == 0
        assert_folder(tmp_path / "out", 1)


@pytest.mark.usefixtures("nothing_added")
class TestAnOperatorsPalette:
    HOUSE = ("#fff8f0", "#ffb000", "#dc267f", "#648fff", "#1b1035")

    def test_is_used_in_every_drawing_process(self, make_app: MakeApp) -> None:
        app = make_app({"palettes": {"house": list(self.HOUSE)}})
        people(app.folder / "people.csv", 120)
        looks = ("--style", "rings", "--palette", "house", "--jobs", "2")
        assert app.run("bulk", "people.csv", "--store", *looks).stdout.startswith("120 made")
        assert app.run("bulk", "people.csv", "-o", "out", "--size", "64", *looks).returncode == 0
        app.start()
        for each in entries(app.folder / "people.stored.jsonl"):
            stored = app.client.get(f"/api/{each['id']}?size=6").content
            assert stored == (app.folder / "out" / f"{each['seed']}.png").read_bytes()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
class TestStored:
    def test_everybody_has_an_avatar_once(self, kind: str, make_app: MakeApp, postgres: Postgres) -> None:
        app = make_app(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})
        people(app.folder / "people.csv", 120)
        looks = ("--style", "gradient", "--color-scheme", "ocean", "--angle", "45", "--seed-column", "email")
        result = app.run("bulk", "people.csv", "--store", *looks)
        assert result.stdout == "120 made, 0 were there already, 0 repeated, 0 refused.\n"
        people(app.folder / "people.csv", 150)
        result = app.run("bulk", "people.csv", "--store", *looks)
        assert result.stdout == "30 made, 120 were there already, 0 repeated, 0 refused.\n"
        found = entries(app.folder / "people.stored.jsonl")
        app.start()
        assert_whole(app, [each["id"] for each in found])
        assert set(listed(app)) == objects(app) == {each["id"] for each in found}
        rows: dict[str, dict[str, str]] = {}
        for offset in (0, 100):
            answer = app.client.get(f"/api/list?pick=100&offset={offset}").json()["data"]
            rows |= {each["id"]: each for each in answer["avatars"]}
        for each in found:
            assert rows[each["id"]]["seed"] == each["seed"]
            assert rows[each["id"]]["createdAt"] == each["createdAt"]
        # The same as the service would have drawn.
        body = {"type": "gradient", "colorScheme": "ocean", "angle": 45.0, "seed": found[0]["seed"]}
        reference = app.generate(**body)
        theirs = read_object(reference, app.object(reference).read_bytes())
        ours = read_object(found[0]["id"], app.object(found[0]["id"]).read_bytes())
        assert ours.pictures == theirs.pictures
        assert {path.name for path in app.folder.iterdir()} == {
            *("people.csv", "people.stored.jsonl", "settings.yaml", "storage")
        }

    def test_has_dicebears_styles_and_names_rows_that_it_cannot_draw(
        self, kind: str, make_app: MakeApp, postgres: Postgres
    ) -> None:
        app = make_app(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})
        (app.folder / "people.csv").write_text("name\nAda\n山田\nЯн\n")
        looks = ("--style", "dicebear-initials", "-O", "backgroundColor=b6e3f4")
        result = app.run("bulk", "people.csv", "--store", *looks, check=False)
        assert result.returncode == 3
        assert result.stdout == "2 made, 0 were there already, 0 repeated, 1 refused.\n"
        assert result.stderr.startswith("line 3: Only svg can show the letters of this avatar")
        app.start()
        rows = app.client.get("/api/list").json()["data"]["avatars"]
        assert {row["seed"] for row in rows} == {"Ada", "Ян"}
        assert rows[0]["options"] == {"backgroundColor": ["b6e3f4"]}

    def test_a_seed_has_to_fit(self, kind: str, make_app: MakeApp, postgres: Postgres) -> None:
        app = make_app(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})
        (app.folder / "people.csv").write_text("name\n" + "☃" * 256 + "\n" + "x" * 257 + "\n")
        result = app.run("bulk", "people.csv", "--store", check=False)
        assert (result.returncode, result.stderr) == (3, "line 3: it has more than 256 characters\n")
        assert result.stdout.startswith("1 made")
