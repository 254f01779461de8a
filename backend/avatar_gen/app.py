"""Builds the application from its settings, and closes everything in reverse order."""

import gc
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_gen import __version__
from avatar_gen.api import avatars, health, identities, jobs, picker, uploads
from avatar_gen.api.client_address import ClientAddresses
from avatar_gen.api.compression import Compression
from avatar_gen.api.cross_origin import CrossOrigin
from avatar_gen.api.document import describe
from avatar_gen.api.error_handlers import add_error_handlers
from avatar_gen.api.foreign_routes import foreign_routes
from avatar_gen.api.host_check import HostCheck
from avatar_gen.api.paths import without_trailing_slash
from avatar_gen.api.picture_routes import PictureRoutes
from avatar_gen.api.request_log import RequestLog
from avatar_gen.api.root_path import RootPaths
from avatar_gen.api.site_files import add_site_routes
from avatar_gen.api.swagger import add_swagger_routes
from avatar_gen.database import Engines
from avatar_gen.database.engine import open_engines
from avatar_gen.database.job_records import JobRecords
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.pool import Pool
from avatar_gen.imaging.vips import require_version
from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.opening import open_identities, open_store
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.runtime.processors import usable_processors
from avatar_gen.security.api_keys import Keys, read_keys
from avatar_gen.security.picker_tokens import PickerTokens, read_signing_keys
from avatar_gen.services.additions import read_additions, serve_additions
from avatar_gen.services.avatars import Avatars
from avatar_gen.services.health import HealthChecks
from avatar_gen.services.identities import Identities, check_default
from avatar_gen.services.jobs.chunk_work import ChunkWork
from avatar_gen.services.jobs.jobs import Jobs
from avatar_gen.services.jobs.local_runner import LocalRunner
from avatar_gen.services.optional_servers import connect_redis, open_tracing, redis_servers, share_pictures
from avatar_gen.services.photos import Photos
from avatar_gen.services.picker import Picker
from avatar_gen.services.reindex import warn_of_lost_rows
from avatar_gen.services.rendering import Renderer
from avatar_gen.settings.schema import Imaging, Settings
from avatar_gen.telemetry.request_statistics import RequestStatistics

if TYPE_CHECKING:
    from avatar_gen.runtime.redis_client import SharedRedis
    from avatar_gen.runtime.shared_pictures import SharedPictures
    from avatar_gen.services.upstreams import Upstreams
    from avatar_gen.telemetry.tracing import Tracing


@dataclass(frozen=True)
class Application:
    """FastAPI, and the layers in front of it.

    As FastAPI's own middleware, these layers would run behind Starlette's, which cost time on each request.
    """

    api: FastAPI
    outermost: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start up and shut down."""
        scope["app"] = self.api
        if scope["type"] == "http":
            scope["path"] = without_trailing_slash(scope["path"])
        await self.outermost(scope, receive, send)


def create_app(settings: Settings, channel: socket.socket | None = None) -> Application:
    """Return the service as an ASGI application. Its threads and connections live from start-up to shutdown.

    The application answers requests for its metrics on `channel`.
    """
    statistics = RequestStatistics()
    tracing = open_tracing(settings.traces.endpoint)
    redis = connect_redis(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if tracing is not None:
                stack.push_async_callback(tracing.close)
            if redis is not None:
                stack.push_async_callback(redis.close)
            pictures = share_pictures(settings, redis)
            services = open_services(settings, stack, statistics, pictures=pictures)
            if tracing is not None:
                _watch(services, redis, tracing)
            _provide(app, services, settings)
            await stack.enter_async_context(services.identities.mending())
            app.state.serving = True
            if channel is not None:
                await stack.enter_async_context(_answer_metrics(channel, app, services))
            # The objects so far live until shutdown. Freezing them lets later collections skip them.
            gc.collect()
            gc.freeze()
            stack.callback(setattr, app.state, "serving", False)  # noqa: FBT003 - setattr's
            yield

    app = FastAPI(
        title="Avatars",
        version=__version__,
        description="Draws avatars from a seed, stores them, and serves them in any size, format and filter.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A redirect would repeat the Host header, which the client controls.
        redirect_slashes=False,
        lifespan=lifespan,
        # FastAPI would trace only the routes that it answers, with their paths, which have names of people.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.openapi = lambda: describe(app, guarded=settings.auth.on, limited=settings.limits.on)  # type: ignore[method-assign]
    app.state.statistics = statistics
    app.state.root_paths = RootPaths(settings.server)
    app.state.picker_settings = settings.picker
    serve_settings(settings)
    app.state.dicebear_licences = frozenset(settings.dicebear.licenses)
    app.state.dicebear_old_versions = settings.dicebear.old_versions
    _add_routes(app, settings)
    return Application(app, RequestLog(_layers(app, settings, redis), statistics, tracing))


def _layers(app: FastAPI, settings: Settings, redis: "SharedRedis | None") -> ASGIApp:
    """Return FastAPI behind the layers that the settings ask for."""
    foreign = foreign_routes(app.routes, settings)
    pictures = PictureRoutes(Compression(app), settings.picker.origins, *foreign)
    layers: ASGIApp = pictures
    if settings.limits.on:
        layers = _limit(pictures, settings, redis)
    if settings.cors:
        layers = CrossOrigin(layers, settings.cors_enabled)
    if (names := settings.checked_hosts()) is not None:
        layers = HostCheck(layers, names, pictures.publish)
    return layers


def _add_routes(app: FastAPI, settings: Settings) -> None:
    # include_router() would wrap each route, and each request would walk through the wrappers.
    routers = [part.router for part in (health, identities, picker, jobs, avatars, uploads)]
    app.router.routes += (route for each in (*routers, health.old_router) for route in each.routes)
    add_swagger_routes(app)
    add_site_routes(app, settings.server.security_contact)
    add_error_handlers(app)


def serve_settings(settings: Settings) -> None:
    """Serve the palettes and styles of the settings in this process. Raises `SettingsError`."""
    serve_additions(read_additions(settings.palettes, settings.styles.path))
    check_default(settings.libravatar.default, frozenset(settings.dicebear.licenses))


def _provide(app: FastAPI, services: "Services", settings: Settings) -> None:
    """Give the handlers what they need, and continue unfinished jobs."""
    names = ("avatars", "photos", "renderer", "identities", "upstreams", "picker", "health", "jobs", "keys")
    for name in names:
        setattr(app.state, name, getattr(services, name))
    app.state.libravatar = settings.libravatar
    services.jobs.resume()


class Services(NamedTuple):
    """The use cases, opened."""

    avatars: Avatars
    photos: Photos
    renderer: Renderer
    identities: Identities
    upstreams: "Upstreams | None"
    picker: Picker
    health: HealthChecks
    jobs: Jobs
    keys: Keys | None
    pool: Pool
    cache: PictureCache
    store: ObjectStore
    links: IdentityStore
    repository: Repository


def open_services(
    settings: Settings,
    stack: ExitStack | AsyncExitStack,
    statistics: RequestStatistics,
    *,
    migrating: bool | None = None,
    pictures: "SharedPictures | None" = None,
) -> Services:
    """Open all use cases. `stack` closes them in reverse order, also if a later one fails to open.

    `migrating` says what happens to the tables: see `prepare`. `pictures` is the cache of all processes.

    Raises `StartupError` with what the operator can do.
    """
    require_version()
    thorvg.load()
    keys = read_keys(settings.auth)
    tokens = PickerTokens(read_signing_keys(settings.auth))
    store = open_store(settings.storage, bulk=False)
    links = open_identities(settings.storage, bulk=False)
    engines = open_engines(settings.database)
    stack.callback(engines.close)
    prepare(engines, migrating=migrating)
    pool = _open_pool(settings.imaging)
    stack.callback(pool.close)
    cache = PictureCache(settings.imaging.cache * 1_000_000, pictures)
    repository = Repository(engines)
    warn_of_lost_rows(store, repository)
    renderer = Renderer(pool, cache, statistics)
    avatars = Avatars(store, repository, pool=pool, renderer=renderer, statistics=statistics)
    stack.callback(avatars.close)
    photos = Photos(avatars, settings.uploads, statistics)
    stack.callback(photos.close)
    health_checks = HealthChecks(store, repository, redis_servers(settings))
    stack.callback(health_checks.close)
    identities = Identities(links, avatars, renderer, delete_replaced=settings.identities.delete_replaced)
    upstreams = _open_upstreams(settings, photos, statistics, stack)
    jobs = _open_jobs(settings, engines, store, repository)
    stack.callback(jobs.close)
    return Services(
        avatars=avatars,
        photos=photos,
        renderer=renderer,
        identities=identities,
        upstreams=upstreams,
        picker=Picker(tokens, identities, avatars, photos),
        health=health_checks,
        jobs=jobs,
        keys=keys,
        pool=pool,
        cache=cache,
        store=store,
        links=links,
        repository=repository,
    )


def _watch(services: Services, redis: "SharedRedis | None", tracing: "Tracing") -> None:
    """Trace the calls that requests wait for: to Redis, the storage and the database, and of rendering."""
    if redis is not None:
        tracing.watch(redis, "redis", "ask")
    tracing.watch(services.store, "store", "open", "get", "put", "removing")
    tracing.watch(services.links, "store", "find", "get", "put", "remove", "state")
    tracing.watch(services.repository, "database", "add", "remove", "page", "known")
    tracing.watch(services.renderer, "render", "encode")
    tracing.watch(services.pool, "render", "run")
    tracing.watch_batches(services.avatars.queue)


def _open_jobs(settings: Settings, engines: Engines, store: ObjectStore, repository: Repository) -> Jobs:
    records = JobRecords(engines)
    if settings.jobs.broker is not None:
        return Jobs(records, store, None)
    runner = LocalRunner(
        ChunkWork(records, store, repository),
        frozenset(settings.dicebear.licenses),
        processes=settings.jobs.processes,
        prepare=partial(serve_additions, read_additions(settings.palettes, settings.styles.path)),
    )
    return Jobs(records, store, runner)


def _open_upstreams(
    settings: Settings, photos: Photos, statistics: RequestStatistics, stack: ExitStack | AsyncExitStack
) -> "Upstreams | None":
    if not settings.libravatar.upstreams:
        return None
    # Imported here, because the import is slow and there are no upstreams by default.
    from avatar_gen.services.upstreams import Upstreams  # noqa: PLC0415

    upstreams = Upstreams(settings.libravatar, photos, statistics)
    stack.callback(upstreams.close)
    return upstreams


def _open_pool(settings: Imaging) -> Pool:
    threads = settings.threads or usable_processors()
    return Pool(threads, settings.queue, memory=settings.memory * 1_000_000)


def _answer_metrics(
    channel: socket.socket, app: FastAPI, services: Services
) -> AbstractAsyncContextManager[None]:
    # Imported here, because a process without metrics does not need it.
    from avatar_gen.telemetry.metrics_collector import Sources, answer_metrics  # noqa: PLC0415

    fetched = {"upstreams": services.upstreams.cache} if services.upstreams else {}
    sources = Sources(
        statistics=app.state.statistics,
        check_health=services.health.check,
        pools={
            "imaging": services.pool,
            "drawing": services.pool.queue,
            "storing": services.avatars.queue,
            "uploads": services.photos,
        },
        caches={"pictures": services.cache, "objects": services.avatars.opened, **fetched},
        shared=services.cache.others,
        connections=app.state.connections,
    )
    return answer_metrics(channel, sources)


def _limit(pictures: PictureRoutes, settings: Settings, redis: "SharedRedis | None") -> ASGIApp:
    """Add the rate limits, which all processes count together if there is Redis."""
    # Imported here, because the imports are slow and limits are off by default.
    from avatar_gen.api.rate_limiting import RateLimiting  # noqa: PLC0415

    shared = None
    if redis is not None:
        from avatar_gen.security.shared_limits import SharedLimits  # noqa: PLC0415

        shared = SharedLimits(redis)
    clients = ClientAddresses(settings.server)
    return RateLimiting(pictures, settings.limits, clients, pictures.publish, shared)
