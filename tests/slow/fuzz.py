"""Odd requests made from the OpenAPI document: `make fuzz` sends a million.

Hypothesis changes the parts of valid requests: names and values that are odd, of another type, at a bound or
beyond it; a body that is not JSON; headers of all kinds.
"""

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.conftest import Service

CANARY = "canary7f3a"
"""Part of many requests. No error may contain it."""

KNOWN = "{a stored avatar}"
"""Replaced by the id of a stored avatar when the request is sent."""

_PER_CONNECTION = 30
_PER_ROUND = 200

Json = dict[str, Any]

ODD = (
    *("", " ", "0", "-1", "1e400", "NaN", "null", "true", "9" * 5000, "2147483648", "9223372036854775808"),
    *("..", "../../etc/passwd", "/etc/passwd", "%2e%2e%2f", "%00", "\0", "\r\nX-Evil: 1", "\n", "\x7f"),
    *("\ud800", "\ufffe", "\u212a", "ﷺ" * 32, "👨‍👩‍👧‍👦", "e\u0301" * 40, "ß", "İ"),
    *(CANARY, f"<svg onload={CANARY}>", f"';{CANARY}--", f"${{{CANARY}}}", "a" * 33, "a" * 257, "a" * 9000),
    *("#fff", "ff0000", "Gold", "url(http://example.org)", "1_000", "٣", "1.0", "+5", " 6"),
)

_texts = st.sampled_from(ODD) | st.text(max_size=12) | st.integers().map(str) | st.just(KNOWN)
_bytes = st.binary(max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=4,
)
_bodies = _bytes | st.sampled_from(
    (b"", b"{", b"[" * 60_000, b'{"a":' * 10_000, b"\xef\xbb\xbf{}", b'{"seed": "\\ud800"}', b'{"seed": NaN}')
)
_headers = st.sampled_from(
    (
        *(("Accept", kind) for kind in ("image/webp", "image/*;q=0", "*/*", "q=q;,;", "a" * 9000)),
        *(("If-None-Match", tag) for tag in ("*", '"x"', ",,,", "W/" * 900)),
        *(("X-Request-ID", name) for name in ("a.b-C_9", "x" * 65, CANARY, "\t")),
        *(("Content-Type", kind) for kind in ("text/plain", "application/json; charset=utf-16", "a/b+json")),
        *(("Content-Type", "multipart/form-data; boundary=b") for _ in range(4)),
        *(("Origin", "https://evil.example"), ("Range", "bytes=0-0"), ("Cookie", "a=b"), ("Host", "evil")),
        *(("Authorization", f"Bearer {CANARY}"), ("Expect", "100-continue"), ("X-Forwarded-For", "::1")),
        *(("Content-Encoding", "gzip"), ("Upgrade", "h2c"), ("X-HTTP-Method-Override", "DELETE")),
    )
)
_PHOTOGRAPH = (Path(__file__).parents[1] / "golden" / "photographs" / "turned-6.jpg").read_bytes()
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    + _PHOTOGRAPH
    + b"\r\n--b--\r\n"
)
_methods = st.sampled_from(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"))


@dataclass(frozen=True, slots=True)
class Sent:
    """A request."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None

    def encode(self, avatar: str) -> bytes:
        """Return the bytes to send, with the id of an avatar in place of `KNOWN`."""
        body = (self.body or b"").replace(KNOWN.encode(), avatar.encode())
        given = {"Host": "x", **dict(self.headers)}
        if self.body is not None:
            given = {"Content-Type": "application/json", **given, "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {given[name]}" for name in given)]
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        return head.replace(quote(KNOWN, safe="").encode(), avatar.encode()) + body


def resolved(document: Json, part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a part of the document with the targets of its references in their place."""
    if isinstance(part, dict) and "$ref" in part:
        target: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return resolved(document, target)
    if isinstance(part, dict):
        return {name: resolved(document, each) for name, each in part.items()}
    return [resolved(document, each) for each in part] if isinstance(part, list) else part


def _quoted(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return quote_from_bytes(value, safe="")
    return quote(value, safe="", errors="surrogatepass")


def _values(parameter: Json) -> st.SearchStrategy[str]:
    """Make values of a parameter, mostly valid ones if the document has any."""
    schema = parameter["schema"]
    taken = [
        *schema.get("enum", ()),
        *schema.get("examples", ()),
        parameter.get("example"),
        schema.get("default"),
    ]
    taken += [schema.get("minimum"), schema.get("maximum")]
    fit = [_quoted(str(each)) for each in taken if isinstance(each, str | int | float)]
    if schema.get("format") == "uuid":
        fit.append(_quoted(KNOWN))
    if "pattern" in schema:
        fit += ["0" * 32, "A" * 64]
    odd = (_texts | _bytes).map(_quoted)
    return st.one_of(*[st.sampled_from(fit)] * 4, odd) if fit else odd


def _targets(path: str, operation: Json) -> st.SearchStrategy[str]:
    """Make URLs of an operation."""
    parameters = operation.get("parameters", [])
    in_path = {each["name"]: _values(each) for each in parameters if each["in"] == "path"}
    in_query = {each["name"]: _values(each) for each in parameters if each["in"] == "query"}
    names = st.sampled_from([*in_query] * 4 + ["x", CANARY])
    pairs = names.flatmap(lambda name: in_query.get(name, _texts.map(_quoted)).map(lambda v: f"{name}={v}"))

    def fill(values: dict[str, str], query: list[str]) -> str:
        filled = path
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", value)
        return f"{filled}?{'&'.join(query)}" if query else filled

    return st.builds(fill, st.fixed_dictionaries(in_path), st.just([]) | st.lists(pairs, max_size=3))


def _json_bodies(operation: Json) -> st.SearchStrategy[bytes | None]:
    """Make bodies of an operation, mostly JSON with the fields that it has."""
    if "requestBody" not in operation:
        return st.none() | st.none() | _bodies
    content = operation["requestBody"]["content"]
    if "application/json" not in content:
        return st.sampled_from((_PHOTOGRAPH, _FORM)) | _bodies | st.none()
    schema = content["application/json"]["schema"]
    row = schema.get("items", schema)
    fields = {name: _field(each) for name, each in row["properties"].items()}
    values: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=fields)
    values = values if row is schema else st.lists(values, max_size=3)
    meant = values.map(lambda value: json.dumps(value).encode())
    odd = st.dictionaries(st.sampled_from([*fields, CANARY]), _json, max_size=4) | _json
    return st.one_of(
        meant, meant, meant, odd.map(lambda value: json.dumps(value).encode()), _bodies, st.none()
    )


def _field(schema: Json) -> st.SearchStrategy[Any]:
    taken = [*schema.get("enum", ()), *schema.get("examples", ())]
    taken += [each[bound] for each in (schema, *schema.get("anyOf", ())) for bound in each if "imum" in bound]
    taken += [KNOWN] if schema.get("format") == "uuid" else []
    return st.one_of(*[st.sampled_from(taken)] * 4, _json) if taken else _json


def requests(document: Json) -> st.SearchStrategy[Sent]:
    """Make requests to all operations of a document."""
    strategies = [
        st.builds(
            Sent,
            st.just(method.upper()) if number % 10 else _methods,
            _targets(path, operation),
            st.lists(_headers, max_size=2).map(tuple),
            _json_bodies(operation),
        )
        for path, operations in resolved(document, document["paths"]).items()
        for number, (method, operation) in enumerate(operations.items(), 1)
    ]
    anywhere = st.builds(
        Sent,
        _methods,
        st.lists(_texts.map(_quoted), max_size=4).map(lambda parts: "/" + "/".join(parts)),
        st.lists(_headers, max_size=2).map(tuple),
        st.none(),
    )
    return st.one_of(*strategies, anywhere)


@dataclass
class Fuzzer:
    """Sends requests to a service, and counts the statuses of its answers."""

    service: Service
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.document: Json = self.service.client.get("/openapi.json").json()
        self._requests = st.lists(requests(self.document), min_size=_PER_CONNECTION, max_size=_PER_CONNECTION)
        self._avatar = self.service.generate(seed="fuzz")

    def run(self, number: int) -> None:
        """Send 6,000 requests, which depend on `number`. Raises `AssertionError` for a bad answer."""

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
        connection.connect()
        for sent in batch:
            if connection.sock is None:
                connection.connect()
            connection.sock.sendall(sent.encode(self._avatar))
            answer = http.client.HTTPResponse(connection.sock, method=sent.method)
            answer.begin()
            content = answer.read()
            if answer.will_close:
                connection.close()
            self._judge(sent, answer, content)
        connection.close()

    def _judge(self, sent: Sent, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.statuses[answer.status] += 1
        assert answer.status < 500, f"{sent}: {answer.status} {content!r}"
        if answer.status >= 400 and content:
            assert json.loads(content)["statusCode"] == answer.status
            assert CANARY.encode() not in content, f"{sent} came back in {content!r}"
        if answer.status == 201:
            self._avatar = json.loads(content)["data"]["id"]


def run_schemathesis(service: Service, number: int, examples: int = 100) -> tuple[int, str]:
    """Send `examples` requests to each operation of the document, and compare the answers with it.

    Return the number of requests, and the report of failures. A schema cannot say what depends on several
    fields, such as an angle that only gradients have. So a request that it allows may get a 400.
    """
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        *(str(program), "run", f"{service.client.base_url}/openapi.json", "--no-color"),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "--continue-on-failure"),
        *("--max-examples", str(examples), "--seed", str(number), "--suppress-health-check", "all"),
    ]
    result = subprocess.run(command, cwd=service.folder, capture_output=True, text=True, check=False)
    found = re.search(r"([0-9]+) generated", result.stdout)
    assert found, result.stdout + result.stderr
    failures = result.stdout.partition("= FAILURES =")[2] or result.stdout
    return int(found[1]), failures if result.returncode else ""


def main(total: int) -> None:
    """Send `total` requests, a tenth of them by Schemathesis, and print the statuses."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), {"logging": {"level": "error"}}).start()
        try:
            fuzzer = Fuzzer(service)
            theirs = 0
            for number in count(time.time_ns()):
                while theirs * 10 <= fuzzer.statuses.total():
                    more, failures = run_schemathesis(service, number)
                    assert not failures, failures
                    theirs += more
                fuzzer.run(number)
                sent = theirs + fuzzer.statuses.total()
                print(f"{sent}, {theirs} by Schemathesis; of the others {dict(fuzzer.statuses)}", flush=True)
                if sent >= total:
                    break
        finally:
            status = service.stop()
            print(f"The service ended with {status}; its log: {service.log.read_text()[-5000:] or 'empty'}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
