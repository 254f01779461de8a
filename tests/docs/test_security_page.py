"""What SECURITY.md says is so."""

import os
import re
import statistics
from pathlib import Path

import pytest

from avatar_gen import avatar
from avatar_gen.api import jobs, libravatar, render_urls, requests, strict_routes
from avatar_gen.database import TIMEOUT_SECONDS
from avatar_gen.imaging.photo_process import memory_to_decode
from avatar_gen.imaging.pool import MAX_QUEUED
from avatar_gen.runtime import protocol, request_head, transport
from avatar_gen.services.jobs.job_list import MAX_ROWS
from avatar_gen.services.jobs.jobs import MAX_LISTS
from avatar_gen.services.photos import MAX_UPLOADS
from avatar_gen.services.render_options import MAX_PX
from avatar_gen.services.writer import MAX_WAITING
from avatar_gen.settings.schema import Settings
from tests.conftest import MakeService

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")

DEAREST = [
    f"/api/render/glass/{seed}.{format_name}?size=1024"
    for seed, format_name in (("a", "png"), ("b", "webp"), ("c", "avif"))
]


def limits() -> dict[str, str]:
    table = PAGE.split("## Limits of one request")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)
    return dict(rows[2:])


def most_listed() -> int:
    [most] = (
        each.le for each in requests.ListParameters.model_fields["pick"].metadata if hasattr(each, "le")
    )
    assert isinstance(most, int)
    return most


def test_its_limits_are_those_of_the_code() -> None:
    settings = Settings()
    said = limits()
    assert said.pop("processor time of the most expensive picture").endswith(" s")
    assert said.pop("memory of the most expensive picture").endswith(" MB")
    assert said == {
        "request line and headers": f"{request_head.HEAD_LIMIT // 1024} KiB",
        "header fields": f"{request_head.FIELD_LIMIT}",
        "path of a URL": f"{request_head.PATH_LIMIT} bytes",
        "body, other than a photograph or a list": f"{strict_routes.BODY_LIMIT // 1024} KiB",
        "bytes of a refused request that are read": f"{protocol.MESSAGE_LIMIT // 2**20} MiB",
        "query of a picture by URL": f"{render_urls.UrlParameters.max_bytes} bytes",
        "query of a stored picture": f"{requests.StoredPictureParameters.max_bytes} bytes",
        "any other query": f"{requests.MAX_QUERY_BYTES} bytes",
        "seed, stored": f"{avatar.MAX_SEED_LENGTH} code points",
        "seed, by URL": f"{avatar.MAX_SEED_LENGTH} code points",
        "width of a stored picture": f"{requests.MAX_PX} px",
        "file of a photograph": f"{settings.uploads.max_bytes / 1e6:g} MB",
        "pixels of a photograph": f"{settings.uploads.max_pixels / 1e6:g} million",
        "time for a photograph to arrive": f"{settings.uploads.receive_timeout:g} s",
        "time to decode a photograph": f"{settings.uploads.timeout:g} s",
        "memory to decode a photograph": f"{memory_to_decode(settings.uploads.max_pixels) / 1e6:g} MB",
        "photographs that a process receives and decodes": f"{MAX_UPLOADS}",
        "list of a job": f"{jobs.LIST_LIMIT // 2**20} MiB",
        "rows of a list": f"{MAX_ROWS:,}",
        "time for a list to arrive": f"{jobs.LIST_SECONDS} s",
        "lists that a process receives": f"{MAX_LISTS}",
        "width of a picture by URL": f"{MAX_PX} px",
        "width of a picture by hash": f"{libravatar.MAX_PX} px",
        "avatars on a page of the list": f"{most_listed()}",
        "time for a whole request to arrive, and for a client to begin to read a response": (
            f"{settings.server.receive_timeout:g} s"
        ),
        "idle time of a connection after a response": f"{settings.server.idle_timeout:g} s",
        "lowest speed at which a client reads a response": f"{transport.MINIMUM_RATE // 1024} KiB a second",
        "time for the database to answer": f"{TIMEOUT_SECONDS} s",
        "pictures that wait for a thread": f"{settings.imaging.queue}",
        "pictures that wait to be drawn on the event loop": f"{MAX_QUEUED}",
        "avatars that wait to be stored": f"{MAX_WAITING}",
    }


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of memory")
def test_the_most_expensive_picture_costs_what_its_pixels_and_the_page_say(make_service: MakeService) -> None:
    service = make_service({"imaging": {"threads": 1, "cache": 0}, "logging": {"level": "warn"}}).start()
    assert service.process
    process = Path(f"/proc/{service.process.pid}")

    def memory(name: str) -> int:
        match = re.search(rf"^{name}:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE)
        assert match
        return int(match[1]) * 1024

    def processor() -> float:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def seconds_and_bytes(url: str) -> tuple[float, int]:
        (process / "clear_refs").write_text("5")
        before, spent = memory("VmRSS"), processor()
        assert service.client.get(url).status_code == 200
        return processor() - spent, memory("VmHWM") - before

    # The first picture loads what draws the others.
    service.client.get("/api/render/glass/first.png")
    quarters = [seconds_and_bytes(url.replace("1024", "512")) for url in DEAREST]
    costs = [seconds_and_bytes(url) for url in DEAREST]
    # A picture of four times as many pixels: seconds alone would tell about the machine.
    assert max(each[0] for each in costs) < 7 * statistics.median(each[0] for each in quarters)
    most = float(limits()["memory of the most expensive picture"].removesuffix(" MB")) * 1e6
    assert most / 10 < max(each[1] for each in costs) < most
