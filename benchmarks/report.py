"""Reports for people: tables in the terminal, and RESULTS.md with its plots."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import pyvips

from benchmarks import plots
from benchmarks.cases import CASES, CONNECTIONS, CROWD, FORMS, SECTIONS
from benchmarks.goals import BARE, GOALS, Goal
from benchmarks.results import Results
from benchmarks.scale import CLIENTS, QUESTIONS, SERVERS, SIZES, case_name
from benchmarks.servers import OTHERS, PEERS

HEADINGS = ("case", "requests/s", "p50 ms", "p99 ms", "CPU ms", "+-", "RSS MB", "x bare")


def describe_machine() -> dict[str, str]:
    """Return the last commit of the service, the machine, its load, and the versions of our libraries."""
    processor = next(
        line.partition(": ")[2]
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "fastapi", "numpy", "pillow"))
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    kernel = platform.release().partition("-")[0]
    return {
        "Commit": _last_commit(),
        "Machine": f"{processor}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {kernel}",
        "Load of the machine before the run": f"{os.getloadavg()[0]:.1f} processes",
        "Ours": f"Python {platform.python_version()}, {packages}, libvips {libvips}",
    }


def _last_commit() -> str:
    """Return the last commit that changed the service."""
    command = ["git", "log", "-1", "--format=%h", "--", "../backend/avatar_gen"]
    try:
        log = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown, since this is not a clone"
    return log.stdout.strip()


def describe_peers() -> dict[str, str]:
    """Return the versions of the other services."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    packages = json.loads((PEERS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    names = ", ".join(f"{name} {number}" for name, number in packages.items())
    return {"Others": f"Node {node.stdout.strip()}, {names}"}


def print_report(results: Results) -> None:
    """Print the tables to a terminal."""
    for title, rows in _tables(results):
        print(f"\n{title}\n")
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *rest in rows:
            cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            print(f"{first:{widths[0]}}", *cells, sep="  ")


def write_report(results: Results, folder: Path) -> None:
    """Write RESULTS.md and its plots."""
    pictures = folder / "plots"
    pictures.mkdir(parents=True, exist_ok=True)
    links = []
    for name, svg in _plots(results):
        (pictures / f"{name}.svg").write_text(svg, encoding="utf-8")
        links.append(f"![](plots/{name}.svg)")
    how = [f"- {what}: {value}." for what, value in results.how.items()]
    tables = (f"## {title}\n\n{_markdown(rows)}" for title, rows in _tables(results))
    obstacles = [f"- *{'; '.join(goals)}*: {obstacle}" for obstacle, goals in _obstacles(results).items()]
    if obstacles:
        obstacles = ["## Why goals are not reached", "\n".join(obstacles)]
    parts = (_INTRODUCTION, "\n".join(how), *obstacles, *links, *tables)
    (folder / "RESULTS.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


_INTRODUCTION = """# What a request costs

Written by `make bench` and `make bench-scale`. All servers run at once, and the cases take turns for
several rounds, so a machine that becomes slower makes all of them slower. Figures are medians. The most
reliable figure is the **CPU time** of a request, of all processes of the server and its database: it hardly
depends on other work of the machine. **+-** is how far it differs between rounds; smaller differences mean
nothing. **x bare** compares it with an ASGI application that answers with 300 bytes from memory, on the
same uvicorn. Requests/s and latency include the cost of the load itself, which uses the same processors.
*Old* is a copy of the earlier service in Node, without its frameworks, and with nothing synced to disk. A
goal of so many times another server is about CPU time. A goal with several figures is reached if all reach
it. `make image-test` measures the size of the image, and `make bench-shared` replicas (docs/scale.md)."""


def _tables(results: Results) -> Iterator[tuple[str, list[Sequence[str]]]]:
    yield "Goals", [("goal", "measured", "reached"), *(_judged(goal, results) for goal in GOALS)]
    for title, section in SECTIONS.items():
        if names := [case.name for case in section if case.name in results.rounds]:
            yield title, [HEADINGS, *_rows(names, results)]
    for database in SERVERS:
        names = [case_name(database, name, size) for name in _asked() for size in SIZES]
        if names := [name for name in names if name in results.rounds]:
            yield f"Many avatars, {database}", [HEADINGS, *_rows(names, results)]


def _asked() -> list[str]:
    return [*(question.name for question in QUESTIONS), "start"]


def _rows(names: Iterable[str], results: Results) -> Iterator[Sequence[str]]:
    bare = results.median(BARE).cpu_ms if BARE in results.rounds else float("nan")
    for name in names:
        rate, p50, p99, _, cpu, rss = results.median(name)
        speed = (f"{rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}")
        yield name, *speed, f"{cpu:.3f}", f"{results.spread(name):.0%}", f"{rss:.0f}", f"{bare / cpu:.2f}"


def _judged(goal: Goal, results: Results) -> Sequence[str]:
    try:
        values = goal.value(results)
    except KeyError:
        return goal.text, "not measured", ""
    measured = ", ".join(f"{value:,.4g} {unit}" for unit, value in values.items())
    return goal.text, measured, "yes" if goal.reached(values) else "no"


def _obstacles(results: Results) -> dict[str, list[str]]:
    """Return each obstacle with the goals that it affects."""
    found: dict[str, list[str]] = {}
    for goal in GOALS:
        if goal.obstacle and _judged(goal, results)[2] == "no":
            found.setdefault(goal.obstacle, []).append(goal.text)
    return found


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def _plots(results: Results) -> Iterator[tuple[str, str]]:
    """Yield the name and the SVG of each plot."""
    measured = {case.name: case for case in CASES if case.name in results.rounds}
    for form in FORMS:
        prefix = f"{form}: "
        names = {name: name.removeprefix(prefix) for name in measured if name.startswith(prefix)}
        ours = [short for name, short in names.items() if measured[name].server not in OTHERS]
        if names:
            rates = {short: 1000 / results.median(name).cpu_ms for name, short in names.items()}
            title = f"Unique seeds by URL, {form}: pictures for a second of CPU time"
            yield f"unique-{form.replace(' ', '-')}", plots.bars(title, rates, ours)
    for what, attribute in (("requests/s", "per_second"), ("p99, ms", "p99_ms")):
        cases = {crowd: {number: f"{crowd}, {number} at once" for number in CONNECTIONS} for crowd in CROWD}
        if series := _series(results, cases, attribute):
            name = f"connections-{what.partition(',')[0].replace('/', '-')}"
            yield name, plots.lines(f"Connections: {what}", series, "connections", logarithmic=True)
    if results.memory:
        title = "Memory of a worker: MB after so many renders"
        yield "memory", plots.lines(title, {"RSS": results.memory}, "pictures rendered")
    for database in SERVERS:
        cases = {name: {size: case_name(database, name, size) for size in SIZES} for name in _asked()}
        if series := _series(results, cases, "p50_ms"):
            title = f"Many avatars, {database}: p50 in ms at {CLIENTS} connections"
            yield f"scale-{database.lower()}", plots.lines(title, series, "avatars stored", logarithmic=True)


def _series(
    results: Results, cases: dict[str, dict[int, str]], attribute: str
) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each line in a plot, without lines that lack a measurement."""
    return {
        name: [(number, getattr(results.median(case), attribute)) for number, case in along.items()]
        for name, along in cases.items()
        if all(case in results.rounds for case in along.values())
    }
