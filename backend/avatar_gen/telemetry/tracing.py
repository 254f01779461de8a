"""Traces of requests for OpenTelemetry: a span for each request, and one for each call that it waits for.

Import this module only where traces are on: it needs the packages of the extra `otel`. Parts of the service
are watched from outside, so they know nothing of traces, and a service without traces pays nothing for them.
docs/decisions/0025 has the reasons and the cost.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from avatar_gen import __version__
from avatar_gen.runtime.batches import Batches
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.telemetry.logs import trace_id
from avatar_gen.telemetry.request_statistics import METHODS

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 2.0
"""The longest that shutdown waits for a collector."""

_CARRIED = frozenset({b"traceparent", b"tracestate"})

_parents: ContextVar[tuple[Context, ...]] = ContextVar("parents", default=())
"""The spans that are open around this code: several where a thread works for several requests at once."""


class _Exporter(OTLPSpanExporter):
    """Logs one warning while the collector does not take spans. The SDK logs several for each attempt."""

    _failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans. Those that the collector does not take are dropped."""
        result = super().export(spans)
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._failing:
            log.warning("The collector of traces does not take spans. They are dropped until it does")
        elif self._failing and not failed:
            log.info("The collector of traces takes spans again")
        self._failing = failed
        return result


class Tracing:
    """Makes spans, and sends them to a collector in the background."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the URL of a collector that takes OTLP over HTTP.

        The SDK reads its own environment variables, such as `OTEL_SERVICE_NAME` and `OTEL_TRACES_SAMPLER`.
        """
        own = Resource({"service.name": "avatar-gen", "service.version": __version__})
        self._provider = TracerProvider(
            resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        exporter = _Exporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._tracer = self._provider.get_tracer("avatar_gen", __version__)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, method: str, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> Span:
        """Open the span of a request, and make it the parent of all that the request does."""
        carrier = {str(name, "ascii"): str(value, "latin-1") for name, value in headers if name in _CARRIED}
        span = self._tracer.start_span(
            method if method in METHODS else "HTTP",
            self._propagator.extract(carrier, Context()),
            SpanKind.SERVER,
            {"http.request.method": method if method in METHODS else "_OTHER", "request.id": request_id},
        )
        _parents.set((set_span_in_context(span, Context()),))
        trace_id.set(f"{span.get_span_context().trace_id:032x}")
        return span

    def end(self, span: Span, method: str, route: str | None, status: int) -> None:
        """End the span of a request. `status` is 0 if it was not answered.

        The span has the pattern of the path and not the path, which may have names and e-mail addresses.
        """
        if route:
            span.update_name(f"{method} {route}" if method in METHODS else f"HTTP {route}")
            span.set_attribute("http.route", route)
        if status:
            span.set_attribute("http.response.status_code", status)
        if not status or status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    def watch(self, part: object, kind: str, *names: str) -> None:
        """Make a span of each call to these methods of an object, if the call belongs to a request."""
        for name in names:
            setattr(part, name, self._watched(getattr(part, name), f"{kind} {name}"))

    def watch_batches(self, batches: Batches[Any]) -> None:
        """Make spans of what a batch does, in the trace of each request that waits for it."""
        add, work = batches.add, batches._work  # noqa: SLF001 - it has no method to replace
        waiting: dict[int, tuple[Context, ...]] = {}

        async def add_item(item: object) -> None:
            with self._span("batch"):
                waiting[id(item)] = _parents.get()
                try:
                    await add(item)
                finally:
                    del waiting[id(item)]

        def work_on(items: Sequence[object]) -> Sequence[Exception | None]:
            token = _parents.set(tuple(each for item in items for each in waiting.get(id(item), ())))
            try:
                return work(items)
            finally:
                _parents.reset(token)

        batches.add, batches._work = add_item, work_on  # type: ignore[method-assign] # noqa: SLF001

    async def close(self) -> None:
        """Send the last spans, if the collector takes them in time."""
        # The SDK has no timeout for all of its shutdown.
        shutdown = DaemonThreads(1, "closing traces").submit(self._provider.shutdown)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.wrap_future(shutdown)

    def _watched(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(method)
        async def awaited(*arguments: object, **options: object) -> object:
            with self._span(name):
                return await method(*arguments, **options)

        @wraps(method)
        def called(*arguments: object, **options: object) -> object:
            with self._span(name):
                return method(*arguments, **options)

        @wraps(method)
        @contextmanager
        def entered(*arguments: object, **options: object) -> Iterator[object]:
            with self._span(name), method(*arguments, **options) as value:
                yield value

        if inspect.iscoroutinefunction(method):
            return awaited
        return entered if inspect.isgeneratorfunction(inspect.unwrap(method)) else called

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        """A span in each trace that is open here. Work of the service itself has none."""
        parents = _parents.get()
        kind = SpanKind.INTERNAL if name.startswith(("render", "batch")) else SpanKind.CLIENT
        spans = [self._tracer.start_span(name, each, kind) for each in parents]
        token = _parents.set(tuple(set_span_in_context(each, Context()) for each in spans))
        try:
            yield
        except Exception as error:
            for each in spans:
                each.set_attribute("error.type", type(error).__name__)
                each.set_status(StatusCode.ERROR)
            raise
        finally:
            _parents.reset(token)
            for each in spans:
                each.end()
