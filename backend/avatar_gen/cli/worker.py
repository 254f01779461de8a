"""`avatar-gen worker`."""

import sys
from contextlib import closing
from functools import partial

import click

from avatar_gen.database.engine import open_engines
from avatar_gen.database.job_records import JobRecords
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare as prepare_tables
from avatar_gen.errors import StartupError
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.vips import require_version
from avatar_gen.objects.opening import open_store
from avatar_gen.services.additions import read_additions, serve_additions
from avatar_gen.services.jobs.chunk_work import ChunkWork
from avatar_gen.settings.loader import load_settings
from avatar_gen.telemetry.logs import configure_logs


@click.command(
    "worker",
    epilog="""\b
Examples:
  JOBS_BROKER=redis://redis.example avatar-gen worker""",
)
def command() -> None:
    """Work on jobs that the service has received.

    This is a worker of Celery. It needs the broker of the setting jobs.broker, and the same database and
    storage as the service. A worker uses one processor. Run any number, on any number of machines. SIGTERM
    ends a worker after the rows that it works on.
    """
    settings = load_settings()
    if settings.jobs.broker is None:
        raise StartupError(
            "No broker is set, so the service itself works on jobs. Set JOBS_BROKER to the URL of Redis"
        )
    configure_logs(settings.logging)
    # Imported here, because the import is slow.
    from avatar_gen.services.jobs.celery_worker import run_worker  # noqa: PLC0415

    require_version()
    thorvg.load()
    prepare = partial(serve_additions, read_additions(settings.palettes, settings.styles.path))
    prepare()
    with closing(open_engines(settings.database)) as engines:
        prepare_tables(engines)
        work = ChunkWork(JobRecords(engines), open_store(settings.storage), Repository(engines))
        licences = frozenset(settings.dicebear.licenses)
        sys.exit(run_worker(settings.jobs.broker.get_secret_value(), work, licences, prepare))
