"""Prometheus' `/metrics`, on a port of its own: what all workers tell of themselves, in one answer.

Each series has the number of its worker, so that one that is replaced begins anew by itself, as Prometheus
expects of counters, and one that hangs is seen. docs/decisions/0016 has what else there would have been.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_TIMEOUT_SECONDS = 4.0
"""Seconds in which a worker must have answered; it gives its dependencies two of them."""

_MOST_WORKERS = 64


class Exporter:
    """Answers on `listener`, in threads of its own, until it is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._workers: dict[int, Worker] = {}
        self._replaced = 0
        self._threads = ThreadPoolExecutor(_MOST_WORKERS, thread_name_prefix="exporter")
        registry = CollectorRegistry()
        registry.register(self)
        self._server = _serve(listener, registry)

    def attach(self, number: int) -> socket.socket:
        """The channel on which a new worker is asked; it takes the place of an earlier one of that number."""
        ours, theirs = socket.socketpair()
        earlier = self._workers.get(number)
        self._workers[number] = Worker(ours)
        if earlier is not None:
            self._replaced += 1
            earlier.close()
        return theirs

    def collect(self) -> Iterator[Metric]:
        """Ask all workers at once."""
        workers = dict(sorted(self._workers.items()))
        answers = list(self._threads.map(Worker.ask, workers.values()))
        up = GaugeMetricFamily("avatar_worker_up", "Whether a worker answers, 1 or 0", labels=["worker"])
        merged: dict[str, Metric] = {}
        for number, answer in zip(workers, answers, strict=True):
            up.add_metric([str(number)], answer is not None)
            for name, says, kind, samples in answer or ():
                metric = merged.setdefault(name, Metric(name, says, kind))
                for sample, labels, value in samples:
                    metric.add_sample(sample, {**labels, "worker": str(number)}, value)
        yield up
        yield CounterMetricFamily(
            "avatar_worker_replacements", "Workers that died and were replaced", value=self._replaced
        )
        yield from merged.values()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._threads.shutdown()
        for worker in self._workers.values():
            worker.close()


class Worker:
    """The end of a channel at which a worker is asked."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._received = b""
        self._number = 0
        self._turn = threading.Lock()

    def ask(self) -> list[Any] | None:
        """What it tells; None where it does not answer."""
        with self._turn, contextlib.suppress(OSError):
            self._number += 1
            deadline = time.monotonic() + _TIMEOUT_SECONDS
            self._channel.settimeout(_TIMEOUT_SECONDS)
            self._channel.sendall(b"%d\n" % self._number)
            while True:
                number, metrics = json.loads(self._line(deadline))
                if number == self._number:
                    return list(metrics)
        return None

    def close(self) -> None:
        """Ask no more."""
        self._channel.close()

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._received:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._channel.recv(1 << 18)
            if not data:
                raise ConnectionResetError
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10
    """Seconds that a client may be silent."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        """Be asked in silence."""


def _serve(listener: socket.socket, registry: CollectorRegistry) -> WSGIServer:
    server = _Server(listener.getsockname()[:2], _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = listener.getsockname()[:2]
    server.setup_environ()
    server.set_app(make_wsgi_app(registry))
    threading.Thread(target=server.serve_forever, args=(0.1,), name="exporter", daemon=True).start()
    return server
