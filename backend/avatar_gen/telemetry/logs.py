"""Logs: one line for each event, as JSON or as text for people, on standard output and in a file."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from logging.handlers import RotatingFileHandler

from avatar_gen.errors import StartupError
from avatar_gen.settings.schema import Logging
from avatar_gen.telemetry.log_writer import LogWriter, to_descriptor

requests = logging.getLogger("avatar_gen.requests")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""32 hexadecimal digits: the trace of a request, as its `traceparent` names it."""

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
_NAMES = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}


def configure_logs(settings: Logging) -> None:
    """Send all logs of this process where the settings say. Raises `StartupError`."""
    pretty = sys.stdout.isatty() if settings.pretty is None else settings.pretty
    formatter = PrettyFormatter() if pretty else JsonFormatter()
    handlers = [Output(to_descriptor(sys.stdout.fileno()), formatter)]
    if settings.file.path is not None:
        handlers.append(Output(_to_rotating_file(settings), JsonFormatter()))
    level = logging.DEBUG if settings.verbose else _LEVELS[settings.level]
    logging.basicConfig(level=level, handlers=handlers, force=True)
    global _quick, _outputs  # noqa: PLW0603 - as `logging` itself, of which a process has one
    _outputs = handlers
    _quick = (
        handlers[0] if len(handlers) == 1 and not pretty and requests.isEnabledFor(logging.INFO) else None
    )
    skip_unused_details()
    # At the level of the settings, these libraries would log more lines than the service.
    for library in ("alembic", "asyncio", "pyvips", "uvicorn"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))


def skip_unused_details() -> None:
    """Turn off the thread, process and caller lookups of `logging`, which no log line uses.

    This is the way that the logging HOWTO describes under "Optimization"; `_srcfile` is a private name.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001


def dropped_lines() -> int:
    """Return how many log lines of this process were dropped because an output did not take them."""
    return sum(output.dropped for output in _outputs)


def _to_rotating_file(settings: Logging) -> Callable[[Sequence[str]], None]:
    path = settings.file.path
    assert path is not None  # noqa: S101 - the caller checks it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(
            path,
            maxBytes=settings.file.max_bytes,
            backupCount=settings.file.backups,
            encoding="utf-8",
        )
    except OSError as error:
        raise StartupError(f"{path}: the log file cannot be written: {error.strerror}") from error

    def write(lines: Sequence[str]) -> None:
        for line in lines:
            file.handle(logging.makeLogRecord({"msg": line.removesuffix("\n")}))

    return write


def log_request(  # noqa: PLR0913
    method: str, route: str | None, path: str, status: int, seconds: float, *, key: str | None = None
) -> None:
    """Write the line of an answered request, with the name of its API key if it had one."""
    ms = round(seconds * 1000, 2)
    if _quick is not None:
        now = time.time()
        named = f', "key": {quoted(key)}' if key else ""
        if trace := trace_id.get():
            named += f', "traceId": "{trace}"'
        _quick.add(
            f'{{"time": "{_second(int(now))}.{int(now % 1 * 1000):03d}+00:00", "level": "info",'
            f' "logger": "{requests.name}", "message": "request", "requestId": "{request_id.get()}",'
            f' "method": "{method}", "route": {quoted(route) if route else "null"},'
            f' "path": {quoted(path)}, "status": {status}, "ms": {ms}{named}}}\n'
        )
    elif requests.isEnabledFor(logging.INFO):
        fields = {"method": method, "route": route, "path": path, "status": status, "ms": ms}
        if key:
            fields["key"] = key
        requests.info("request", extra={"fields": fields})


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Output(logging.Handler):
    """Formats events on the thread that logs them. Another thread writes them.

    Lines of requests wait for a moment and are written together. Any other line is written at once.
    """

    def __init__(self, write: Callable[[Sequence[str]], None], formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._writer = LogWriter(write, note_dropped=self._note_dropped)
        self.add = self._writer.add
        """Queue a line that is already formatted."""

    @property
    def dropped(self) -> int:
        """Lines that were dropped so far."""
        return self._writer.dropped

    def emit(self, record: logging.LogRecord) -> None:
        """Format an event, and queue it."""
        self.add(self.format(record) + "\n", at_once=True)

    def flush(self) -> None:
        """Wait for a bounded time until all lines have been written."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits, if that is possible, and end the thread."""
        self._writer.close()
        super().close()

    def _note_dropped(self, count: int) -> str:
        details = {"name": __name__, "levelno": logging.WARNING, "msg": _DROPPED, "args": (count,)}
        return self.format(logging.makeLogRecord(details)) + "\n"


_DROPPED = "%d log lines were dropped, because the output did not take them fast enough"

_outputs: list[Output] = []

_quick: Output | None = None
"""The output of lines of requests that bypass `logging`, if JSON goes to standard output and nowhere else."""


class JsonFormatter(logging.Formatter):
    """Formats an event as one JSON object on one line. JSON escapes line ends in any text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        event = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if own_id := request_id.get():
            event["requestId"] = own_id
        if trace := trace_id.get():
            event["traceId"] = trace
        event.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            event["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(event, default=str)


class PrettyFormatter(logging.Formatter):
    """Formats an event as time, level, message and fields, with a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event, and its traceback if it has one."""
        own_id = request_id.get()
        trace = trace_id.get()
        known = {**({"id": own_id} if own_id else {}), **({"trace": trace} if trace else {})}
        fields = {**known, **getattr(record, "fields", {})}
        parts = [
            _time(record).astimezone().strftime("%H:%M:%S"),
            f"{_NAMES.get(record.levelno, record.levelname.lower()):5}",
            _on_one_line(record.getMessage()),
            *(f"{name}={_as_one_word(str(value))}" for name, value in fields.items()),
        ]
        line = " ".join(parts)
        if record.exc_info and record.exc_info[0]:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return line


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _as_one_word(text: str) -> str:
    """Return the text, in quotes if it could be read as more than one field."""
    return json.dumps(text) if not text or set(text) & set(' ="') else _on_one_line(text)


def _on_one_line(text: str) -> str:
    """Return the text with all characters escaped that end a line or control a terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
