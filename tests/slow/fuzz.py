"""Odd requests to a service with all of its parts on: `make fuzz` sends them for an hour."""

import dataclasses
import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.conftest import Service
from tests.slow import fuzz_requests
from tests.slow.everything import KEY, everything, metrics_port
from tests.slow.fuzz_requests import CANARY, JOB, KNOWN, TOKEN, Json, Sent

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
"""All checks of Schemathesis are on, but for the exceptions in this file."""

_PER_CONNECTION = 10
_PER_ROUND = 200

_JOBS_BEHIND = 8
"""How many jobs are newer than the one that requests name: it has ended, so its events end at once."""


@dataclass
class Fuzzer:
    """Sends requests to a service, and counts the statuses of its answers."""

    service: Service
    statuses: Counter[int] = field(default_factory=Counter)
    successes: Counter[str] = field(default_factory=Counter)
    """The answers below 400 by operation, such as `GET /api/{id}`."""

    def __post_init__(self) -> None:
        self.document: Json = self.service.client.get("/openapi.json").json()
        requests = fuzz_requests.requests(self.document)
        self._requests = st.lists(requests, min_size=_PER_CONNECTION, max_size=_PER_CONNECTION)
        self.operations = {
            f"{method.upper()} {path}"
            for path, operations in self.document["paths"].items()
            for method in operations
        }
        """The operations of the document, written as in `successes`."""
        self._known = {KNOWN: self.service.generate(seed="fuzz"), JOB: "", TOKEN: "", fuzz_requests.KEY: KEY}
        self._jobs: deque[str] = deque(maxlen=_JOBS_BEHIND)

    def run(self, number: int) -> None:
        """Send 2,000 requests, which depend on `number`. Raises `AssertionError` for a bad answer."""

        @seed(number)
        @settings(
            max_examples=_PER_ROUND,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(self._requests)
        def send(batch: list[Sent]) -> None:
            self._send(batch)

        send()

    def _send(self, batch: list[Sent]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        for sent in batch:
            status, content = self._answer(connection, sent)
            self._judge(sent, status, content)
        connection.close()
        self._send_to_metrics(next((sent for sent in batch if sent.body is None), batch[0]))

    def _answer(self, connection: http.client.HTTPConnection, sent: Sent) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        if connection.sock is None:
            connection.connect()
        connection.sock.sendall(sent.encode(self._known))
        answer = http.client.HTTPResponse(connection.sock, method=sent.method)
        answer.begin()
        content = answer.read()
        if answer.will_close:
            connection.close()
        return answer.status, content

    def _judge(self, sent: Sent, status: int, content: bytes) -> None:
        self.statuses[status] += 1
        assert status < 500, f"{sent}: {status} {content!r}"
        if status < 400:
            self.successes[sent.operation] += 1
        elif content:
            assert json.loads(content)["statusCode"] == status
            assert CANARY.encode() not in content, f"{sent} came back in {content!r}"
        if status in {201, 202}:
            self._learn(json.loads(content)["data"])

    def _learn(self, data: Json) -> None:
        """Note what later requests name: an avatar, a job, or the token of a picker link."""
        if "state" in data:
            self._jobs.append(data["id"])
            self._known[JOB] = self._jobs[0]
        elif "token" in data:
            self._known[TOKEN] = data["token"]
        elif "url" in data:
            self._known[TOKEN] = data["url"].partition("#")[2]
        else:
            self._known[KNOWN] = data["id"]

    def _send_to_metrics(self, sent: Sent) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", metrics_port(self.service), timeout=30)
        status, _ = self._answer(connection, dataclasses.replace(sent, body=None))
        connection.close()
        assert status < 500, f"metrics: {sent}: {status}"


def run_schemathesis(service: Service, number: int, examples: int = 100) -> tuple[int, str]:
    """Send `examples` requests to each operation of the document, and compare the answers with it.

    Return the number of requests, and the report of failures. A schema cannot say what depends on several
    fields, such as an angle that only gradients have. So a request that it allows may get a 400.
    """
    # Some texts in the place of a version of DiceBear are pictures of RoboHash, if these are served.
    foreign = service.settings.get("foreign_urls")
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        *(str(program), "--config-file", str(_CONFIGURATION), "run"),
        *(f"{service.client.base_url}/openapi.json", "--no-color"),
        *("--exclude-checks", "positive_data_acceptance", "--continue-on-failure"),
        *("--header", f"Authorization: Bearer {KEY}"),
        *(("--exclude-path", "/{version}") if foreign else ()),
        *("--max-examples", str(examples), "--seed", str(number), "--suppress-health-check", "all"),
    ]
    result = subprocess.run(command, cwd=service.folder, capture_output=True, text=True, check=False)
    found = re.search(r"([0-9]+) generated", result.stdout)
    assert found, result.stdout + result.stderr
    failures = result.stdout.partition("= FAILURES =")[2] or result.stdout
    return int(found[1]), failures if result.returncode else ""


def main(minutes: float) -> None:
    """Send requests for some minutes, a tenth of them by Schemathesis, and print the statuses."""
    end = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory() as folder, everything(Path(folder)) as service:
        try:
            fuzzer = Fuzzer(service)
            theirs = 0
            for number in count(time.time_ns()):
                while theirs * 10 <= fuzzer.statuses.total():
                    more, failures = run_schemathesis(service, number, examples=30)
                    assert not failures, failures
                    theirs += more
                fuzzer.run(number)
                sent = theirs + fuzzer.statuses.total()
                print(f"{sent}, {theirs} by Schemathesis; of the others {dict(fuzzer.statuses)}", flush=True)
                if time.monotonic() > end:
                    break
        finally:
            print(f"Answers below 400: {dict(sorted(fuzzer.successes.items()))}")
            status = service.stop()
            print(f"The service ended with {status}; its log: {service.log.read_text()[-5000:] or 'empty'}")


if __name__ == "__main__":
    main(float(sys.argv[1]))
