"""Print the size of the package: lines, files, and the lines of its functions.

`python -m tools.sizes` measures the working tree, `python -m tools.sizes COMMIT` another commit.
"""

import ast
import io
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "backend/avatar_gen"


def working_tree() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each module."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        yield str(path.relative_to(ROOT / PACKAGE)), path.read_text(encoding="utf-8")


def of_commit(commit: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each module at a commit."""
    command = ["git", "archive", commit, PACKAGE]
    archive = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            content = files.extractfile(member) if member.name.endswith(".py") else None
            if content:
                yield member.name.removeprefix(f"{PACKAGE}/"), content.read().decode()


def functions(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines and the name of each function, without its decorators."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{name}:{node.name}"


def main() -> None:
    """Print the sizes of the working tree, or of the commit that the command line names."""
    modules = dict(of_commit(sys.argv[1]) if len(sys.argv) > 1 else working_tree())
    lines = {name: text.count("\n") for name, text in modules.items()}
    sizes = sorted(each for name, text in modules.items() for each in functions(name, text))
    deciles = statistics.quantiles([size for size, _ in sizes], n=10)
    longest = max(lines, key=lines.__getitem__)
    top = {name.partition("/")[0] for name in modules}
    print(
        f"{sum(lines.values())} lines in {len(lines)} modules, {len(top)} of them or their folders at the top"
    )
    print(f"{lines[longest]} lines in the longest module, {longest}")
    print(
        f"{len(sizes)} functions: median {deciles[4]:.0f}, p90 {deciles[8]:.0f}, maximum {sizes[-1][0]} lines"
    )
    print("longest functions:", ", ".join(f"{name} ({size})" for size, name in sizes[:-6:-1]))


if __name__ == "__main__":
    main()
