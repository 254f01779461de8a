"""Mixed traffic for a soak: clients that use every part of a service, as fast as they get answers."""

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from tests.conftest import Service
from tests.slow.everything import metrics_port
from tests.slow.mutations import PHOTOGRAPHS

_FORMATS = ("png", "webp", "avif", "jpeg")
_FILTERS = ("", "", "", "&filter=sepia", "&filter=grayscale", "&filter=negative")
_MOST_STORED = 2000
"""Avatars. Beyond that, clients delete as many as they store."""


@dataclass
class Traffic:
    """The requests of all clients, and their answers."""

    service: Service
    styles: Mapping[str, Sequence[str]]
    """The formats of each style."""
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    stored: set[str] = field(default_factory=set)
    """Avatars that no client has yet taken to delete."""
    jobs: list[str] = field(default_factory=list)
    """The URLs of all jobs."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self) -> int:
        """Return the number of requests so far."""
        with self.lock:
            return self.statuses.total()

    def unexpected(self) -> dict[tuple[str, int], int]:
        """Return the answers that no client should get. A busy service may answer 503."""
        return {
            (name, status): number
            for (name, status), number in self.statuses.items()
            if (status >= 400) != (name == "error") and status != 503
        }


class Client:
    """A client, with a connection and chance of its own."""

    def __init__(self, traffic: Traffic, number: int) -> None:
        headers = traffic.service.client.headers
        self._http = httpx.Client(base_url=traffic.service.client.base_url, headers=headers, timeout=60)
        self._traffic = traffic
        self._chance = random.Random(number)
        self._identities = [f"{number:016x}{each:016x}" for each in range(100)]
        self._job = ""
        actions = {
            **dict.fromkeys((self._draw,), 30),
            **dict.fromkeys((self._read,), 20),
            **dict.fromkeys((self._generate, self._delete), 8),
            **dict.fromkeys((self._upload, self._list, self._error, self._show, self._link), 5),
            **dict.fromkeys((self._choose, self._other_url, self._catalogue), 3),
            self._start_job: 1,
        }
        self._actions, self._weights = [*actions], [*actions.values()]

    def run(self, end: float) -> None:
        """Send requests until a moment of the monotonic clock."""
        with self._http:
            while time.monotonic() < end:
                self._chance.choices(self._actions, self._weights)[0]()

    def _send(self, name: str, method: str, path: str, **options: object) -> httpx.Response:
        answer = self._http.request(method, path, **options)  # type: ignore[arg-type]
        self._count(name, answer.status_code)
        return answer

    def _count(self, name: str, status: int) -> None:
        with self._traffic.lock:
            self._traffic.statuses[name, status] += 1

    def _pick(self, *, take: bool = False) -> str | None:
        """Return a stored avatar; with `take`, no other client gets it from now on."""
        with self._traffic.lock:
            if not self._traffic.stored:
                return None
            avatar_id = self._chance.choice(tuple(self._traffic.stored)[:50])
            if take:
                self._traffic.stored.remove(avatar_id)
            return avatar_id

    def _store(self, answer: httpx.Response) -> None:
        if answer.status_code == 201:
            with self._traffic.lock:
                self._traffic.stored.add(answer.json()["data"]["id"])
        if len(self._traffic.stored) > _MOST_STORED:
            self._delete()

    def _draw(self) -> None:
        style = self._chance.choice([*self._traffic.styles])
        kind = self._chance.choice(self._traffic.styles[style])
        # One seed in three was drawn before, perhaps.
        seed = self._chance.randrange(10**9 if self._chance.random() < 0.7 else 100)
        size = self._chance.choice((16, 32, 64, 128, 128, 256, 512, 1024))
        picked = "" if kind == "svg" else self._chance.choice(_FILTERS)
        self._send("draw", "GET", f"/api/render/{style}/{seed}.{kind}?size={size}{picked}")

    def _read(self) -> None:
        kind, size = self._chance.choice(_FORMATS), self._chance.randrange(4, 10)
        if avatar_id := self._pick():
            recolour = self._chance.choice(_FILTERS)
            answer = self._http.get(f"/api/{avatar_id}?size={size}&format={kind}{recolour}")
            # Another client may have deleted it.
            self._count("read", 200 if answer.status_code == 404 else answer.status_code)

    def _generate(self) -> None:
        body = {"type": self._chance.choice([*self._traffic.styles]), "seed": str(self._chance.random())}
        self._store(self._send("generate", "POST", "/api/generate", json=body))

    def _upload(self) -> None:
        content = self._chance.choice(PHOTOGRAPHS)
        self._store(self._send("upload", "PUT", "/api/upload", content=content))

    def _delete(self) -> None:
        if avatar_id := self._pick(take=True):
            self._send("delete", "DELETE", f"/api/{avatar_id}")

    def _list(self) -> None:
        data = self._send("list", "GET", "/api/list?pick=100&order=newest").json()["data"]
        if data["pagination"]["next"]:
            self._send("list", "GET", f"/api/list?pick=100&order=newest&after={data['pagination']['next']}")

    def _show(self) -> None:
        """Show pictures of identities that are linked, and of others, which the upstream may have."""
        identity = self._chance.choice((*self._identities, f"{self._chance.getrandbits(128):032x}"))
        default = self._chance.choice(("mp", "retro", "wave"))
        self._send("show", "GET", f"/avatar/{identity}?s=80&d={default}")

    def _link(self) -> None:
        """Link an identity to a new avatar, which no client deletes."""
        answer = self._send("generate", "POST", "/api/generate", json={})
        if answer.status_code == 201:
            identity, avatar_id = self._chance.choice(self._identities), answer.json()["data"]["id"]
            self._send("identity", "PUT", f"/api/identities/{identity}", json={"avatarId": avatar_id})
            self._send("identity", "GET", f"/api/identities/{identity}")

    def _choose(self) -> None:
        """Choose a picture by a picker link, a drawn one or a photograph."""
        identity = self._chance.choice(self._identities)
        answer = self._send("picker", "POST", "/api/picker-links", json={"identity": identity})
        token = answer.json()["data"]["url"].partition("#")[2] if answer.status_code == 201 else ""
        by = {"Authorization": f"Bearer {token}"}
        if token and self._chance.random() < 0.5:
            self._send("picker", "POST", "/api/picker/generate", json={}, headers=by)
        elif token:
            files = {"file": self._chance.choice(PHOTOGRAPHS)}
            self._send("picker", "POST", "/api/picker/upload", files=files, headers=by)

    def _other_url(self) -> None:
        seed = self._chance.randrange(10**9)
        paths = (f"/beam/80/{seed}", f"/{seed}?set=set2&size=80x80", f"/api/?name={seed}")
        self._send("other URL", "GET", self._chance.choice((*paths, f"/10.x/rings/svg?seed={seed}")))

    def _catalogue(self) -> None:
        paths = ("/api/styles", "/api/palettes", "/api/health", "/openapi.json", "/")
        self._send("catalogue", "GET", self._chance.choice(paths))
        httpx.get(f"http://127.0.0.1:{metrics_port(self._traffic.service)}/metrics", timeout=60)

    def _start_job(self) -> None:
        """Start a job if this client's last one has ended, and else look at that one."""
        if self._job and not self._send("job", "GET", self._job).json()["data"]["endedAt"]:
            return
        if self._job:
            self._send("job", "GET", f"{self._job}/result?format=json")
        styles = self._chance.choices([*self._traffic.styles], k=50)
        rows = "".join(f"{self._chance.random()},{style}\n" for style in styles)
        headers = {"Content-Type": "text/csv"}
        answer = self._send("job", "POST", "/api/jobs", content=f"seed,style\n{rows}", headers=headers)
        self._job = answer.headers.get("location", "")
        if self._job:
            self._traffic.jobs.append(self._job)

    def _error(self) -> None:
        wrong = {"headers": {"Authorization": "Bearer wrong"}}
        method, path, options = self._chance.choice(
            (
                ("GET", "/api/render/nosuch/ada.png", {}),
                ("GET", f"/api/{self._chance.getrandbits(128):032x}", {}),
                ("POST", "/api/generate", {"json": {"type": "nosuch"}}),
                ("PUT", "/api/upload", {"content": b"\xff\xd8\xff damaged"}),
                ("GET", "/api/list", wrong),
                ("DELETE", "/api/picker", wrong),
            )
        )
        self._send("error", method, path, **options)
