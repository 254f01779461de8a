"""Kills while users choose pictures: every link has its avatar, and no replaced picture stays."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import httpx

from tests.conftest import MakeService, Service
from tests.slow.size import sized

KILLS = sized(full=100, small=3)
IDENTITIES = [f"{number:032x}" for number in range(4)]


@dataclass
class User:
    """A user who chooses and removes pictures, and what the service has acknowledged."""

    identity: str
    linked: str | None = None
    is_sure: bool = True
    """Whether every request was answered."""
    replaced: set[str] = field(default_factory=set)
    changes: int = 0

    def choose(self, client: httpx.Client, *, remove: bool) -> None:
        """Replace the picture or remove it, with a new link."""
        link = client.post("/api/picker-links", json={"identity": self.identity}).json()["data"]["url"]
        headers = {"Authorization": f"Bearer {link.partition('#')[2]}"}
        self.is_sure = False
        if remove and self.linked:
            answer = client.delete("/api/picker", headers=headers)
            assert answer.status_code == 200, answer.text
            self._note(None)
        else:
            answer = client.post("/api/picker/generate", headers=headers)
            assert answer.status_code == 201, answer.text
            self._note(answer.json()["data"]["avatarId"])

    def learn(self, client: httpx.Client) -> None:
        """After a kill: look at the link, which a request without an answer may have changed."""
        answer = client.get(f"/api/identities/{self.identity}")
        found = answer.json()["data"]["avatarId"] if answer.status_code == 200 else None
        assert found == self.linked or not self.is_sure
        if found != self.linked:
            self._note(found)
        shown = client.get(f"/avatar/{self.identity}?d=404").status_code
        assert shown == (404 if found is None else 200)

    def _note(self, linked: str | None) -> None:
        self.changes += 1
        if self.linked and self.linked != linked:
            self.replaced.add(self.linked)
        self.linked, self.is_sure = linked, True


def test_kills_leave_no_link_without_its_avatar_and_no_replaced_avatar(make_service: MakeService) -> None:
    service = make_service({"logging": {"level": "warn"}}, {"AUTH_SIGNING_KEY": "k" * 32})
    users = [User(identity) for identity in IDENTITIES]
    chance = random.Random(20261127)
    for number in range(KILLS):
        service.start()
        for user in users:
            user.learn(service.client)
        _kill_at_work(service, users, chance.uniform(0.1, 1.0), seed=number)
    service.start()
    for user in users:
        user.learn(service.client)
    _wait_for_removals(service)
    assert sum(user.changes for user in users) > 2 * KILLS
    stored = {path.stem for path in (service.folder / "storage" / "avatars").glob("??/*.zip")}
    replaced = {avatar_id for user in users for avatar_id in user.replaced}
    assert stored.isdisjoint(replaced)
    # Each other avatar was stored for a request that got no answer and no link.
    assert len(stored) <= len(users) * (KILLS + 1)


def _kill_at_work(service: Service, users: list[User], seconds: float, *, seed: int) -> None:
    """Let all users choose for some time, then kill the service."""
    stopped = Event()

    def work(user: User) -> None:
        chance = random.Random(f"{seed} {user.identity}")
        with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
            while not stopped.is_set():
                try:
                    user.choose(client, remove=chance.random() < 0.3)
                except httpx.TransportError:
                    return

    with ThreadPoolExecutor(len(users)) as threads:
        done = [threads.submit(work, user) for user in users]
        time.sleep(seconds)
        service.kill()
        stopped.set()
    for each in done:
        each.result()
    service.client.close()
    service.client = httpx.Client(base_url=service.client.base_url, timeout=30)


def _wait_for_removals(service: Service) -> None:
    """Wait until the service has deleted what it could not delete because of the last kill."""
    replaced = service.folder / "storage" / "avatars" / "identities" / "replaced"
    deadline = time.monotonic() + 60
    while any(replaced.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
