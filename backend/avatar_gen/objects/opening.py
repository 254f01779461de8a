"""Opens the store of objects and the store of identity links that the settings choose."""

from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.local import LocalStore
from avatar_gen.objects.local_identities import LocalIdentityStore
from avatar_gen.objects.storage_folder import storage_folder
from avatar_gen.settings.storage import Storage


def open_store(settings: Storage, *, make: bool = True, bulk: bool = True) -> ObjectStore:
    """Return the store of objects. If `make`, create missing folders; otherwise change nothing.

    If `bulk`, calls to an object store may take longer than requests of clients. Raises `StartupError`.
    """
    if settings.type != "local":
        # Imported here, because it takes time and a folder does not need it.
        from avatar_gen.objects.cloud_clients import open_cloud_store  # noqa: PLC0415

        return open_cloud_store(settings, make=make, bulk=bulk)
    path = settings.local.save_path
    store = LocalStore(path)
    with storage_folder(path):
        if make:
            store.prepare()
        else:
            store.check_read()
    return store


def open_identities(settings: Storage, *, make: bool = True, bulk: bool = True) -> IdentityStore:
    """Return the store of identity links. The parameters are those of `open_store`. Raises `StartupError`."""
    if settings.type != "local":
        from avatar_gen.objects.cloud_clients import open_cloud_identities  # noqa: PLC0415 - as above

        return open_cloud_identities(settings, bulk=bulk)
    path = settings.local.save_path
    links = LocalIdentityStore(path)
    if make:
        with storage_folder(path):
            links.prepare()
    return links
