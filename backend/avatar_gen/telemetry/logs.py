"""Logs: one line an event, JSON for machines or plain for people, on standard output and in a file."""

import asyncio
import contextlib
import json
import logging
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from logging.handlers import RotatingFileHandler
from threading import Lock
from typing import TextIO

from avatar_gen.errors import StartupError
from avatar_gen.settings.schema import Logging

requests = logging.getLogger("avatar_gen.requests")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

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
    output = Output(sys.stdout, pretty=pretty)
    handlers: list[logging.Handler] = [output]
    if settings.file.path is not None:
        handlers.append(_rotating(settings))
    level = logging.DEBUG if settings.verbose else _LEVELS[settings.level]
    logging.basicConfig(level=level, handlers=handlers, force=True)
    global _quick  # noqa: PLW0603 - as `logging` itself, of which a process has one
    _quick = output if len(handlers) == 1 and not pretty and requests.isEnabledFor(logging.INFO) else None
    # What no line of ours says need not be found out for each: a third of the cost of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as the logging HOWTO has it under "Optimization"
    # Their own words at our level would drown ours.
    for library in ("alembic", "asyncio", "pyvips", "uvicorn"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))


def _rotating(settings: Logging) -> logging.Handler:
    path = settings.file.path
    assert path is not None  # noqa: S101 - the caller has looked
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path,
            maxBytes=settings.file.max_bytes,
            backupCount=settings.file.backups,
            encoding="utf-8",
        )
    except OSError as error:
        raise StartupError(f"{path}: the log file cannot be written: {error.strerror}") from error
    handler.setFormatter(JsonFormatter())
    return handler


def log_request(  # noqa: PLR0913
    method: str, route: str | None, path: str, status: int, seconds: float, *, key: str | None = None
) -> None:
    """Write the line of a request that has been answered, with the name of its API key if it had one."""
    ms = round(seconds * 1000, 2)
    if _quick is not None:
        now = time.time()
        named = f', "key": {quoted(key)}' if key else ""
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


class Output(logging.StreamHandler[TextIO]):
    """Standard output, to which the lines of requests go together, `_DELAY` seconds' worth at a time.

    Through `logging`, each with a system call of its own, a line takes 18 us, as much as all else that is
    done for a picture; so it takes 3. Any other line is written at once, behind those that wait.
    """

    def __init__(self, stream: TextIO, *, pretty: bool) -> None:
        super().__init__(stream)
        self.setFormatter(PrettyFormatter() if pretty else JsonFormatter())
        self._waiting: list[str] = []
        self._turn = Lock()

    def add(self, line: str) -> None:
        """Have a line written soon. Belongs on the event loop."""
        with self._turn:
            self._waiting.append(line)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_DELAY, self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event."""
        self._write_waiting()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits; at the end of the process, too."""
        self._write_waiting()
        # Nobody may be listening any more, which is no fault of a request.
        with contextlib.suppress(OSError, ValueError):
            super().flush()

    def _write_waiting(self) -> None:
        with self._turn, contextlib.suppress(OSError, ValueError):
            lines = "".join(self._waiting)
            self._waiting.clear()
            self.stream.write(lines)


_DELAY = 0.1
"""Seconds of lines that a process which is killed takes with it."""

_quick: Output | None = None
"""Where lines of requests can go past `logging`: where JSON goes to standard output, and nowhere else."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line; JSON's escapes keep any text on that line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event."""
        event = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := request_id.get():
            event["requestId"] = identity
        event.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            event["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(event, default=str)


class PrettyFormatter(logging.Formatter):
    """The time, the level, the message, and what belongs to it; a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of an event, and its traceback if it has one."""
        identity = request_id.get()
        fields = {**({"id": identity} if identity else {}), **getattr(record, "fields", {})}
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
    """The text, in quotes where it could be taken for more than one field."""
    return json.dumps(text) if not text or set(text) & set(' ="') else _on_one_line(text)


def _on_one_line(text: str) -> str:
    """The text with everything escaped that could end a line or steer a terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
