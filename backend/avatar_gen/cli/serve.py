"""`avatar-gen serve`."""

import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing

import click
import uvicorn

from avatar_gen.app import create_app, open_services, serve_settings
from avatar_gen.database.engine import open_engines
from avatar_gen.errors import StartupError
from avatar_gen.runtime.listeners import listen, listening_at
from avatar_gen.runtime.protocol import TimeoutProtocol
from avatar_gen.runtime.server import CLOSING_SECONDS, ENDING_SIGNALS, Server, announce
from avatar_gen.runtime.workers import Supervisor
from avatar_gen.services.installation import require_pictures
from avatar_gen.settings.loader import load_settings, service_links
from avatar_gen.settings.schema import Metrics, Settings
from avatar_gen.settings.server import Server as ServerSettings
from avatar_gen.telemetry.logs import configure_logs
from avatar_gen.telemetry.request_statistics import RequestStatistics

log = logging.getLogger(__name__)


@click.command(
    "serve",
    epilog="""\b
Examples:
  avatar-gen serve
  PORT=8080 avatar-gen serve
  DATABASE_URL=postgresql://avatars@db.example/avatars avatar-gen serve --migrate""",
)
@click.option(
    "--worker",
    type=(int, int, int),
    hidden=True,
    help="Descriptor of the listener, process id of the parent, descriptor of the metrics channel or -1.",
)
@click.option(
    "--migrate/--no-migrate",
    "migrating",
    envvar="RUN_MIGRATIONS",
    show_envvar=True,
    default=None,
    help="Migrate an older database before the start, or never make or change tables.",
)
def command(*, worker: tuple[int, int, int] | None, migrating: bool | None) -> None:
    """Serve avatars over HTTP.

    Without either option, an empty database gets its tables, and one of another release stops the start.
    SIGTERM, SIGINT and SIGHUP end the service with status 0, after it has answered the requests in flight.
    """
    # The kernel does not end process 1 of a container for a signal without a handler.
    for number in ENDING_SIGNALS:
        signal.signal(number, _end)
    settings = load_settings()
    configure_logs(settings.logging)
    for name in service_links():
        log.warning(
            "Variable %s is ignored, because Kubernetes set it. Rename the Service of that name",
            name,
        )
    if worker is not None:
        descriptor, parent, channel = worker
        asked = socket.socket(fileno=channel) if channel >= 0 else None
        _serve_here(settings, socket.socket(fileno=descriptor), asked, parent)
        return
    require_pictures()
    with ExitStack() as stack:
        # An error here stops the start with one line, before there is a server.
        serve_settings(settings)
        open_services(settings, stack, RequestStatistics(), migrating=migrating)
    storage = settings.storage
    local = storage.type == "local"
    log.info("Avatars are stored in %s", storage.local.save_path.absolute() if local else storage.where)
    with ExitStack() as stack:
        _raise_limit_of_files()
        ours = _open_listener(settings.server, stack)
        channel_of = _open_metrics(settings.metrics, stack)
        if settings.server.workers == 1:
            _serve_here(settings, ours, channel_of and channel_of(0))
        else:
            _check_workers(settings)
            announce(ours)
            # Longer than a worker takes to end itself.
            seconds = settings.server.drain_time + settings.server.shutdown_timeout + 2 * CLOSING_SECONDS
            Supervisor(ours, ["serve", "--worker"], channel_of, seconds).run(settings.server.workers)
    log.info("The service has stopped")


def _open_listener(settings: ServerSettings, stack: ExitStack) -> socket.socket:
    """Return the socket that all workers share. `stack` removes the file of a Unix socket."""
    if settings.uds is None:
        return listen(settings.host, settings.port, "HOST and PORT")
    return stack.enter_context(listening_at(settings.uds, int(settings.uds_mode, 8)))


def _open_metrics(settings: Metrics, stack: ExitStack) -> Callable[[int], socket.socket] | None:
    """Return the function that makes the channel of a worker, or None if there is no metrics endpoint."""
    if settings.port is None:
        return None
    # Imported here, because services without this endpoint do without its libraries.
    from avatar_gen.telemetry.metrics_endpoint import MetricsEndpoint  # noqa: PLC0415

    endpoint = MetricsEndpoint(listen(settings.host, settings.port, "METRICS_HOST and METRICS_PORT"))
    stack.callback(endpoint.close)
    return endpoint.attach


_ACCEPTED_AT_ONCE = 16
"""New connections that are accepted in each iteration of the event loop. libuv accepts one from each
listener, so health checks of a load balancer would wait behind all other new connections."""


def _end(*_: object) -> None:
    """End before the server has started. An exception could be lost in a callback of native code."""
    os._exit(0)


def _check_workers(settings: Settings) -> None:
    with closing(open_engines(settings.database)) as engines:
        if not engines.many_processes:
            raise StartupError(
                "This SQLite can corrupt a database that several processes write: set server.workers to 1,"
                " or install a newer SQLite: pip install pysqlite3"
            )
    if settings.logging.file.path is not None:
        raise StartupError(
            "Several workers cannot share a log file: unset logging.file.path and collect standard output,"
            " or set server.workers to 1"
        )


def _serve_here(
    settings: Settings, listener: socket.socket, channel: socket.socket | None, parent: int | None = None
) -> None:
    app = create_app(settings, channel)
    config = uvicorn.Config(
        app,
        http=TimeoutProtocol,
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.server.shutdown_timeout,
    )
    server = Server(
        config,
        receive_timeout=settings.server.receive_timeout,
        idle_timeout=settings.server.idle_timeout,
        drain_time=settings.server.drain_time,
        shutdown_timeout=settings.server.shutdown_timeout,
        on_drain=lambda: setattr(app.api.state, "serving", False),
        parent=parent,
    )
    app.api.state.connections = lambda: len(server.server_state.connections)
    # dup() sets whether the socket blocks from Python's own flag, in all processes that share the socket. If
    # it blocked, a worker would hang in accept() whenever another worker is faster.
    listener.settimeout(0)
    server.run(sockets=[listener, *(listener.dup() for _ in range(_ACCEPTED_AT_ONCE - 1))])
    if not server.started:
        sys.exit(1)


def _raise_limit_of_files() -> None:
    """Raise the limit of open files to the highest allowed value: each connection needs one."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS allows fewer than it reports.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
