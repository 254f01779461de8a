"""The endpoint `/metrics` for Prometheus, on a port of its own. One answer has the metrics of all workers.

Each series is labelled with the number of its worker. So the counters of a worker that is replaced start at
0, as Prometheus expects, and a worker that hangs is visible. docs/decisions/0016 compares other ways.
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
"""Seconds in which a worker must answer. It gives its dependencies two of them."""

_MAX_WORKERS = 64


class MetricsEndpoint:
    """Answers on `listener`, on threads of its own, until it is closed."""

    def __init__(self, listener: socket.socket) -> None:
        self._workers: dict[int, Worker] = {}
        self._replaced = 0
        self._threads = ThreadPoolExecutor(_MAX_WORKERS, thread_name_prefix="metrics")
        registry = CollectorRegistry()
        registry.register(self)
        self._server = _serve(listener, registry)

    def attach(self, number: int) -> socket.socket:
        """Return a new worker's end of its channel. The worker replaces an earlier one of the same number."""
        ours, theirs = socket.socketpair()
        earlier = self._workers.get(number)
        self._workers[number] = Worker(ours)
        if earlier is not None:
            self._replaced += 1
            earlier.close()
        return theirs

    def collect(self) -> Iterator[Metric]:
        """Ask all workers at the same time, and yield their metrics."""
        workers = dict(sorted(self._workers.items()))
        answers = list(self._threads.map(Worker.ask, workers.values()))
        up = GaugeMetricFamily("avatar_worker_up", "Whether a worker answers, 1 or 0", labels=["worker"])
        merged: dict[str, Metric] = {}
        for number, answer in zip(workers, answers, strict=True):
            up.add_metric([str(number)], answer is not None)
            for name, documentation, kind, samples in answer or ():
                metric = merged.setdefault(name, Metric(name, documentation, kind))
                for sample, labels, value in samples:
                    metric.add_sample(sample, {**labels, "worker": str(number)}, value)
        yield up
        yield CounterMetricFamily(
            "avatar_worker_replacements", "Workers that died and were replaced", value=self._replaced
        )
        yield from merged.values()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._threads.shutdown()
        for worker in self._workers.values():
            worker.close()


class Worker:
    """A worker, at the other end of its channel."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._received = b""
        self._number = 0
        self._lock = threading.Lock()

    def ask(self) -> list[Any] | None:
        """Return the metrics of the worker, or None if it does not answer."""
        with self._lock, contextlib.suppress(OSError):
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
        """Close the channel."""
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
    """Seconds of silence after which a client is disconnected."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        """Log nothing."""


def _serve(listener: socket.socket, registry: CollectorRegistry) -> WSGIServer:
    server = _Server(listener.getsockname()[:2], _Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = listener.getsockname()[:2]
    server.setup_environ()
    server.set_app(make_wsgi_app(registry))
    threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True).start()
    return server
