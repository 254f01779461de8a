"""`python -m tools.capacity` prints the tables of docs/scale.md, also for other assumptions."""

import click

from tools.capacity.measured import ROOT
from tools.capacity.model import Workload
from tools.capacity.tables import page, plot, tables

PAGE = ROOT / "docs/scale.md"
PLOT = ROOT / "docs/scale.svg"


@click.command()
@click.option("--skew", default=Workload.skew, help="How much clients prefer popular avatars; 0: not at all.")
@click.option("--lifetime", default=float(Workload.lifetime), help="Seconds that the CDN holds a picture.")
@click.option("--writes", default=Workload.writes, help="New pictures of each avatar in a year.")
@click.option("--picture-bytes", default=float(Workload.picture_bytes), help="Bytes of an answer of the CDN.")
@click.option("--update", is_flag=True, help="Write tables and plot into docs/scale.md instead.")
def main(skew: float, lifetime: float, writes: float, picture_bytes: float, *, update: bool) -> None:
    """Print what a cluster needs and costs."""
    if update:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        PLOT.write_text(plot(Workload()), encoding="utf-8")
        return
    work = Workload(skew=skew, lifetime=lifetime, writes=writes, picture_bytes=picture_bytes)
    for name, table in tables(work).items():
        print(f"\n{name}\n\n{table}")


if __name__ == "__main__":
    main()
