"""Measure what a request costs, here and in other services on the same machine: `make bench`.

All servers run at once, and the cases take turns for several rounds. So a machine that becomes slower makes
all of them slower.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks import footprint, photograph, scale, shared
from benchmarks.cases import SECTIONS, Case
from benchmarks.load import WRK, NoAnswers, UnexpectedAnswer, load
from benchmarks.report import describe_machine, describe_peers, print_report, write_report
from benchmarks.results import Figures, Results
from benchmarks.servers import OTHERS, Server, install_peers, running

HERE = Path(__file__).parent


class Effort(NamedTuple):
    """How long and how often a run measures."""

    rounds: int
    seconds: float
    renders: int
    sizes: tuple[int, ...]
    peers: bool = True
    warm_up: float = 0.3
    left_out: frozenset[str] = frozenset()
    """The titles of sections that are not measured."""


EFFORTS = {
    "full": Effort(rounds=5, seconds=1, renders=100_000, sizes=scale.SIZES),
    "quick": Effort(
        rounds=1,
        seconds=1,
        renders=5_000,
        sizes=scale.SIZES[:2],
        warm_up=0.1,
        left_out=frozenset({"Number of connections", "By URL, unique seeds, two processes: webp 512 px"}),
    ),
    "smoke": Effort(rounds=1, seconds=0.05, renders=100, sizes=scale.SIZES[:1], peers=False),
}


async def measure(case: Case, server: Server, seconds: float) -> Figures:
    """Measure one round of one case."""
    before = await server.settled()
    answers, *_ = await asyncio.gather(
        load(server.port, case.request, case.connections, seconds, server.avatars),
        *([load(server.port, case.beside, 4, seconds)] if case.beside else []),
    )
    # From idle to idle: the server also finishes the requests that were open when the time was over.
    cpu = (await server.settled() - before) / (answers.requests + case.connections) * 1000
    rate = answers.requests / answers.seconds
    return Figures(rate, answers.p50_ms, answers.p99_ms, answers.max_ms, cpu, server.rss())


_TRIES = 3


async def measure_patiently(case: Case, server: Server, seconds: float) -> Figures | None:
    """Measure again for twice as long if there was no answer; return None if there is none in three tries."""
    for number in range(_TRIES):
        with contextlib.suppress(NoAnswers):
            return await measure(case, server, seconds * 2**number)
    return None


def measure_all(results: Results, effort: Effort, progress: Callable[[str], None]) -> None:
    """Measure each case whose server can run, and add it to the results."""
    trouble = install_peers() if effort.peers else "Other services are left out."
    if trouble:
        print(trouble, file=sys.stderr)
    else:
        results.how |= describe_peers()
    chosen = chain.from_iterable(cases for title, cases in SECTIONS.items() if title not in effort.left_out)
    cases = [case for case in chosen if not (trouble and case.server in OTHERS)]
    rounds: dict[str, list[Figures]] = {case.name: [] for case in cases}
    with running({case.server for case in cases}) as servers:
        for case in cases:
            progress(f"warming up: {case.name}")
            asyncio.run(measure_patiently(case, servers[case.server], min(effort.warm_up, effort.seconds)))
        for number in range(effort.rounds):
            for case in cases:
                progress(f"round {number + 1} of {effort.rounds}: {case.name}")
                figures = asyncio.run(measure_patiently(case, servers[case.server], effort.seconds))
                rounds[case.name] += [figures] if figures else []
        results.single["disk, bytes"] = footprint.disk_for_an_avatar(servers["ours"])
        photographs = footprint.disk_for_an_avatar(servers["ours with photographs"])
        results.single["disk of a photograph, bytes"] = photographs
    results.add(rounds)
    footprint.measure(results, effort.rounds, effort.renders, effort.seconds, progress)


def show_progress() -> Callable[[str], None]:
    """Return a function that shows progress in one line on standard error."""
    started = time.monotonic()

    def show(what: str) -> None:
        minutes, seconds = divmod(round(time.monotonic() - started), 60)
        print(f"\r\33[K{minutes}:{seconds:02} {what}", end="", file=sys.stderr, flush=True)

    return show


@click.command()
@click.argument("what", type=click.Choice(["requests", "scale", "shared", "report"]), default="requests")
@click.option(
    "--effort",
    "name",
    type=click.Choice(list(EFFORTS)),
    default="full",
    help="quick: one round of most cases, three minutes. smoke: only this service, to see that it runs.",
)
@click.option("--rounds", type=int, help="Rounds for each case; full: 5.")
@click.option("--renders", type=int, help="Pictures to render while memory is measured; full: 100,000.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for RESULTS.md. By default a full run writes it beside this program, others do not.",
)
def main(what: str, name: str, rounds: int | None, renders: int | None, output: Path | None) -> None:
    """Measure the cost of REQUESTS, of many avatars (SCALE), for SHARED servers, or REPORT again."""
    effort = EFFORTS[name]
    effort = effort._replace(rounds=rounds or effort.rounds, renders=renders or effort.renders)
    if name == "full":
        output = output or HERE
    if not WRK:
        print(
            "wrk is not installed. The load comes from Python, which costs more than what it measures.",
            file=sys.stderr,
        )
    if what != "report":
        photograph.write()
    if what == "shared":
        shared.run(name, output, show_progress())
        return
    kept = output / "results.json" if output else None
    results = Results.load(kept) if kept else Results()
    if what != "report":
        how = {"Rounds": f"{effort.rounds}", **describe_machine()}
        results.how |= {f"{key} ({what})": value for key, value in how.items()}
    try:
        if what == "requests":
            measure_all(results, effort, show_progress())
        elif what == "scale":
            scale.measure(results, effort.sizes, effort.rounds, show_progress())
    except UnexpectedAnswer as refused:
        raise click.ClickException(str(refused)) from refused
    print(file=sys.stderr)
    print_report(results)
    if output and kept:
        output.mkdir(exist_ok=True)
        results.save(kept)
        write_report(results, output)


if __name__ == "__main__":
    main()
