"""The `avatar-gen` command."""

import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import click
import uvicorn

from avatar_gen import __version__
from avatar_gen.api.protocol import PunctualProtocol, Server, announce
from avatar_gen.app import create_app, open_services, open_store
from avatar_gen.database.engine import open_engines, open_old
from avatar_gen.database.old_service import OldRecords
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import migrate as run_migrations
from avatar_gen.database.schema import prepare
from avatar_gen.database.tables import REVISION
from avatar_gen.errors import AvatarError, StartupError
from avatar_gen.figures import Figures
from avatar_gen.key_commands import command as keys
from avatar_gen.logs import configure_logs
from avatar_gen.moving_in import MovingIn
from avatar_gen.reindex import Reindex
from avatar_gen.settings import Metrics, Settings, load_settings
from avatar_gen.workers import supervise


class _Commands(click.Group):
    """Commands whose failures are one line and an exit status, not a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except StartupError as error:
            raise click.ClickException(str(error)) from error
        except AvatarError as error:
            raise click.ClickException(f"{error} ({error.__cause__ or type(error).__name__})") from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """A self-hosted avatar service.

    Settings are read from settings.yaml in the working directory, or from the file that CONFIG_PATH
    names, and from the environment. Exit status: 0 done, 1 failed for the reason given, 2 the command
    line is wrong.
    """


@main.command()
@click.option(
    "--worker",
    type=(int, int, int),
    hidden=True,
    help="The socket to share, the parent process, the channel.",
)
@click.option(
    "--migrate/--no-migrate",
    "migrating",
    envvar="RUN_MIGRATIONS",
    show_envvar=True,
    help="Whether to bring the database of an older release to this one first; by default not.",
)
def serve(*, worker: tuple[int, int, int] | None, migrating: bool) -> None:
    """Serve avatars over HTTP until told to stop.

    An empty database is prepared; without --migrate, one of another release stops the start.
    """
    # From the first moment: as process 1 of a container we would not be ended by a signal that nobody takes.
    for number in _ENDING:
        signal.signal(number, _end)
    settings = load_settings()
    configure_logs(settings.logging)
    if worker is not None:
        descriptor, parent, channel = worker
        asked = socket.socket(fileno=channel) if channel >= 0 else None
        _serve_here(settings, socket.socket(fileno=descriptor), asked, parent)
        return
    with ExitStack() as stack:
        # What can't be opened stops us here, with a line, before there is a server to fail.
        open_services(settings, stack, Figures(), migrating=migrating)
    with ExitStack() as stack:
        ours = _listen(settings.server.host, settings.server.port, "HOST and PORT")
        channel_of = _export(settings.metrics, stack)
        if settings.server.workers == 1:
            _serve_here(settings, ours, channel_of and channel_of(0))
        else:
            _check_workers(settings)
            announce(ours)
            supervise(settings.server.workers, ours, ["serve", "--worker"], channel_of)


def _export(settings: Metrics, stack: ExitStack) -> Callable[[int], socket.socket] | None:
    """What makes the channel of each worker, on which it is asked for its figures; None where nobody asks."""
    if settings.port is None:
        return None
    # Imported here: who is not asked need not carry it.
    from avatar_gen.exporter import Exporter  # noqa: PLC0415

    exporter = Exporter(_listen(settings.host, settings.port, "METRICS_HOST and METRICS_PORT"))
    stack.callback(exporter.close)
    return exporter.attach


_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _end(*_: object) -> None:
    """End, and let nobody who says so again interrupt what is being put away."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


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
        http=PunctualProtocol,
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(settings.server.receive_timeout),
        timeout_graceful_shutdown=settings.server.shutdown_timeout,
    )
    server = Server(
        config,
        patience=settings.server.receive_timeout,
        drain=settings.server.drain_time,
        on_drain=lambda: setattr(app.api.state, "serving", False),
        parent=parent,
    )
    app.api.state.connections = lambda: len(server.server_state.connections)
    # A terminal that is closed is told like any other that we end.
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    # uvicorn ends what is in flight, then raises the signal that stopped it once more, for our handlers: to
    # have been told to stop is no failure.
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


def _listen(host: str, port: int, variables: str) -> socket.socket:
    """A socket of this address, which the environment sets by these variables. Raises `StartupError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # `::` is every address, and so IPv4's too.
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except (OSError, TypeError) as error:
        # A name that does not resolve has a number below zero, one that cannot even be asked for none.
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else "it is not the name of an address of this machine"
        raise StartupError(
            f"{host}:{port}: cannot be listened on: {reason}; {variables} choose another address"
        ) from error


@main.command()
def migrate() -> None:
    """Bring the tables of the database to this release."""
    with closing(open_engines(load_settings().database)) as engines:
        run_migrations(engines)
    click.echo(f"The database is at schema {REVISION}.")


@main.command()
@click.option("--allow-empty", is_flag=True, help="Go on where the storage holds no object at all.")
def reindex(*, allow_empty: bool) -> None:
    """Rebuild the records of avatars from their objects.

    For a database that was lost, restored from an older copy, or is to be another one: rows are added
    for objects that have none, and removed where the object is gone. It can be stopped, run again, and
    run beside the service.
    """
    settings = load_settings()
    with closing(open_engines(settings.database)) as engines:
        prepare(engines)
        job = Reindex(open_store(settings, make=False), Repository(engines), _report_damage)
        with click.progressbar(length=1000, label="Reindexing", show_pos=False, file=sys.stderr) as bar:
            for report in job.run(allow_empty=allow_empty):
                bar.update(round(report.part * 1000) - bar.pos)
    report = job.report
    click.echo(
        f"{report.avatars} avatars: {report.added} rows added, {report.removed} removed,"
        f" {report.damaged} objects damaged."
    )
    if report.damaged:
        sys.exit(1)


@main.command("import")
@click.option(
    "--storage",
    "folder",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The old service's folder of objects.",
)
@click.option("--database", help="The address of its database: file:./database.sqlite or postgresql://...")
def move_in(*, folder: Path, database: str | None) -> None:
    """Take over the avatars of the service written in Node.

    Ids and pictures are kept, nothing of the old data is changed. It can be stopped and run again: what
    has been taken over is passed over. Objects are enough; the database knows colours and seeds.
    """
    settings = load_settings()
    with ExitStack() as stack:
        engines = stack.enter_context(closing(open_engines(settings.database)))
        prepare(engines)
        records = None
        if database:
            old = open_old(database)
            stack.callback(old.dispose)
            records = OldRecords(old)
        job = MovingIn(folder, records, open_store(settings), Repository(engines), _report_failure)
        with click.progressbar(length=1, label="Moving in", show_pos=True, file=sys.stderr) as bar:
            for report in job.run():
                bar.length = max(report.objects, 1)
                bar.update(report.seen - bar.pos)
    report = job.report
    click.echo(
        f"{report.objects} objects: {report.taken} taken over, {report.there} were there already,"
        f" {report.failed} could not be read; {report.rows_alone} records have no object."
    )
    if report.failed or report.rows_alone:
        sys.exit(1)


def _report_failure(avatar_id: str, reason: str) -> None:
    click.echo(f"\n{avatar_id}: not taken over: {reason}", err=True)


def _report_damage(avatar_id: str, error: AvatarError) -> None:
    click.echo(f"\n{avatar_id}: {type(error).__name__}: {error.__cause__}", err=True)


main.add_command(keys)
