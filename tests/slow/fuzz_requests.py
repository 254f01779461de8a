"""Odd requests, made from the OpenAPI document.

Hypothesis changes the parts of valid requests: names and values that are odd, of another type, at a bound or
beyond it; a body that is not JSON; damaged photographs; headers of all kinds.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes

from hypothesis import strategies as st

from tests.slow.mutations import PHOTOGRAPHS, mutated

CANARY = "canary7f3a"
"""Part of many requests. No error may contain it."""

KNOWN, JOB, TOKEN, KEY = "{a stored avatar}", "{a job}", "{a picker token}", "{an API key}"
"""Replaced when the request is sent."""

HASHES = tuple(f"{number:032x}" for number in range(40))
"""Hashes that requests link, choose pictures for, and show."""

Json = dict[str, Any]

ODD = (
    *("", " ", "0", "-1", "1e400", "NaN", "null", "true", "9" * 5000, "2147483648", "9223372036854775808"),
    *("..", "../../etc/passwd", "/etc/passwd", "%2e%2e%2f", "%00", "\0", "\r\nX-Evil: 1", "\n", "\x7f"),
    *("\ud800", "\ufffe", "\u212a", "ﷺ" * 32, "👨‍👩‍👧‍👦", "e\u0301" * 40, "ß", "İ"),
    *(CANARY, f"<svg onload={CANARY}>", f"';{CANARY}--", f"${{{CANARY}}}", "a" * 33, "a" * 257, "a" * 9000),
    *("#fff", "ff0000", "Gold", "url(http://example.org)", "1_000", "٣", "1.0", "+5", " 6"),
)

_WITH_BOUNDARY = {"multipart/form-data": "multipart/form-data; boundary=b"}


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make values of which one in eight is odd. `one_of` would drop repeated strategies."""
    return st.integers(0, 7).flatmap(lambda number: odd if number == 7 else usual)


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
        *(("Origin", "https://evil.example"), ("Range", "bytes=0-0"), ("Cookie", "a=b"), ("Host", "evil")),
        *(("Authorization", f"Bearer {CANARY}"), ("Expect", "100-continue"), ("X-Forwarded-For", "::1")),
        *(("Content-Encoding", "gzip"), ("Upgrade", "h2c"), ("X-HTTP-Method-Override", "DELETE")),
    )
)
_files = st.builds(
    lambda content, number: mutated(content, random.Random(number)) if number % 2 else content,
    st.sampled_from(PHOTOGRAPHS),
    st.integers(0, 2**32),
)
_some_headers = mostly(st.just(()), st.lists(_headers, min_size=1, max_size=2).map(tuple))
_methods = st.sampled_from(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"))


@dataclass(frozen=True, slots=True)
class Sent:
    """A request."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    media_type: str = "application/json"
    bearer: str = KEY
    operation: str = "any other URL"

    def encode(self, known: Mapping[str, str]) -> bytes:
        """Return the bytes to send, with the values of `known` in the place of its names."""
        body = (self.body or b"").replace(KNOWN.encode(), known[KNOWN].encode())
        given = {"Host": "x", "Authorization": f"Bearer {self.bearer}", **dict(self.headers)}
        if self.body is not None:
            given = {"Content-Type": self.media_type, **given, "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {given[name]}" for name in given)]
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        for name, value in known.items():
            head = head.replace(name.encode(), value.encode())
            head = head.replace(quote(name, safe="").encode(), value.encode())
        return head + body


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


def _values(parameter: Json, known: str) -> st.SearchStrategy[str]:
    """Make values of a parameter, mostly valid ones if the document has any. `known` stands for an id."""
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
        fit.append(_quoted(known))
    if parameter["name"] == "hash":
        fit += [*HASHES, "A" * 64]
    odd = (_texts | _bytes).map(_quoted)
    return mostly(st.sampled_from(fit), odd) if fit else odd


def _targets(path: str, operation: Json) -> st.SearchStrategy[str]:
    """Make URLs of an operation."""
    parameters = operation.get("parameters", [])
    known = JOB if path.startswith("/api/jobs") else KNOWN
    in_path = {each["name"]: _values(each, known) for each in parameters if each["in"] == "path"}
    in_query = {each["name"]: _values(each, known) for each in parameters if each["in"] == "query"}
    names = mostly(st.sampled_from([*in_query] or ["x"]), st.just(CANARY))
    pairs = names.flatmap(lambda name: in_query.get(name, _texts.map(_quoted)).map(lambda v: f"{name}={v}"))

    def fill(values: dict[str, str], query: list[str]) -> str:
        filled = path
        for name, value in values.items():
            filled = filled.replace(f"{{{name}}}", value)
        return f"{filled}?{'&'.join(query)}" if query else filled

    return st.builds(fill, st.fixed_dictionaries(in_path), st.just([]) | st.lists(pairs, max_size=3))


def _contents(operation: Json) -> st.SearchStrategy[tuple[bytes | None, str]]:
    """Make bodies of an operation, mostly valid ones, and their media types."""
    if "requestBody" not in operation:
        return st.tuples(mostly(st.none(), _bodies), st.just("application/json"))
    kinds: dict[str, Callable[[Json], st.SearchStrategy[bytes]]] = {
        "application/json": _json_bodies,
        "text/csv": _lists,
        "multipart/form-data": _forms,
        "application/octet-stream": lambda _: _files,
    }
    odd = st.tuples(_bodies | st.none(), st.sampled_from([*kinds]))
    usual = [
        st.tuples(kinds[kind](each["schema"]), st.just(_WITH_BOUNDARY.get(kind, kind)))
        for kind, each in operation["requestBody"]["content"].items()
    ]
    return mostly(st.one_of(usual), odd)


def _json_bodies(schema: Json) -> st.SearchStrategy[bytes]:
    row = schema.get("items", schema)
    fields = {name: _field(name, each) for name, each in row["properties"].items()}
    needed = {name: fields.pop(name) for name in row.get("required", ())}
    values: st.SearchStrategy[Any] = st.fixed_dictionaries(needed, optional=fields)
    values = values if row is schema else st.lists(values, max_size=3)
    odd = st.dictionaries(st.sampled_from([*needed, *fields, CANARY]), _json, max_size=4) | _json
    return mostly(values, odd).map(lambda value: json.dumps(value).encode())


def _lists(_schema: Json) -> st.SearchStrategy[bytes]:
    names = st.sampled_from(("seed", "name", "style", "options", "angle", "primaryColor", CANARY))
    heads = mostly(st.just("seed,style"), st.lists(names, min_size=1, max_size=3).map(",".join))
    cells = mostly(st.sampled_from(("ada", "smile", "wave", "lorelei")), _texts)
    rows = st.lists(st.lists(cells, max_size=3).map(",".join), max_size=3).map("\n".join)
    return st.builds(lambda head, rows: f"{head}\n{rows}".encode(errors="surrogatepass"), heads, rows)


def _forms(schema: Json) -> st.SearchStrategy[bytes]:
    fields = {name: _field(name, each) for name, each in schema["properties"].items() if name != "file"}
    texts = st.fixed_dictionaries({}, optional=fields)
    return st.builds(_form, _files, texts, mostly(st.just(b"\r\n--b--\r\n"), st.just(b"")))


def _form(file: bytes, fields: Json, end: bytes) -> bytes:
    parts = {f'name="{name}"': str(value).encode(errors="surrogatepass") for name, value in fields.items()}
    parts['name="file"; filename="x"'] = file
    head = b"--b\r\nContent-Disposition: form-data; "
    return b"\r\n".join(head + name.encode() + b"\r\n\r\n" + parts[name] for name in parts) + end


def _field(name: str, schema: Json) -> st.SearchStrategy[Any]:
    taken = [*schema.get("enum", ()), *schema.get("examples", ())]
    taken += [each[bound] for each in (schema, *schema.get("anyOf", ())) for bound in each if "imum" in bound]
    taken += [KNOWN] if schema.get("format") == "uuid" else []
    taken += HASHES if name == "identity" else ()
    return mostly(st.sampled_from(taken), _json) if taken else _json


def _parameter(where: str, name: str, *examples: str) -> Json:
    return {"in": where, "name": name, "schema": {"examples": examples}}


_OF_ROBOHASH = [
    _parameter("path", "text", "ada", "ada.jpg", "set_set2", "x.bmp"),
    _parameter("query", "set", "set1", "set2", "set3", "set4", "set5", "any"),
    _parameter("query", "size", "40x40", "0x9999", "20"),
    _parameter("query", "gravatar", "yes", "hashed"),
]
_OF_BORING = [
    _parameter("path", "variant", "beam", "marble", "pixel", "sunset", "ring", "bauhaus", "abstract"),
    _parameter("path", "size", "40", "9999", "0"),
    _parameter("path", "name", "ada", "Maria%20Mitchell"),
    _parameter("query", "colors", "f00,0f0", "#92A1C6,146A7C", "red"),
    _parameter("query", "square", "", "true", "false"),
]
_OF_UI_AVATARS = [
    _parameter("path", "name", "Ada+L", "Ada%20Lovelace"),
    _parameter("path", "size", "64", "9999", "0"),
    _parameter("path", "background", "f00", "random", "rgba(1,2,3,0.5)"),
]
_PATHS_OF_OTHERS: Json = {
    "/{text}": {"get": {"parameters": _OF_ROBOHASH}},
    "/set_set3/{text}": {"get": {"parameters": _OF_ROBOHASH}},
    "/{variant}/{size}/{name}": {"get": {"parameters": _OF_BORING}},
    "/api/{name}/{size}/{background}": {"get": {"parameters": _OF_UI_AVATARS}},
    "/pick": {"get": {}},
}
"""URLs that the document leaves out."""


def requests(document: Json) -> st.SearchStrategy[Sent]:
    """Make requests to all operations of a document, and to URLs of other services."""
    paths = {**resolved(document, document["paths"]), **_PATHS_OF_OTHERS}
    strategies = [
        _requests(path, method, operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    anywhere = st.builds(
        Sent,
        _methods,
        st.lists(_texts.map(_quoted), max_size=4).map(lambda parts: "/" + "/".join(parts)),
        _some_headers,
        st.none(),
    )
    return st.one_of(*strategies, anywhere)


def _requests(path: str, method: str, operation: Json) -> st.SearchStrategy[Sent]:
    """Make requests to an operation, one in eight with another method."""
    return st.builds(
        lambda content, *parts, **names: Sent(*parts, *content, **names),
        _contents(operation),
        mostly(st.just(method.upper()), _methods),
        _targets(path, operation),
        _some_headers,
        bearer=st.just(TOKEN if path.startswith("/api/picker") and path != "/api/picker-links" else KEY),
        operation=st.just(f"{method.upper()} {path}"),
    )
