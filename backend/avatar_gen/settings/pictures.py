"""Settings of the pictures that are drawn, and of those by the hash of an e-mail address."""

# ruff: noqa: RUF012 - pydantic copies mutable defaults

from typing import Annotated, Literal

from pydantic import Field

from avatar_gen.settings.section import Section
from avatar_gen.settings.values import DefaultName, FilePath, RedirectHost, UpstreamName

ForeignUrls = Literal["boring-avatars", "robohash"]


class Libravatar(Section):
    """Pictures by the hash of an e-mail address."""

    default: DefaultName = "mp"
    """The picture of an unlinked hash if the client names no default: a name of the protocol, or a style."""
    redirect_hosts: list[RedirectHost] = []
    """Hosts to which a default picture may redirect, with a port that is not the default one."""
    upstreams: list[UpstreamName] = []
    """Servers from which the service fetches pictures of unlinked hashes, in this order."""
    upstream_timeout: Annotated[float, Field(gt=0, le=30)] = 3
    """Seconds that each server has for its answer, and that a client waits for all of them."""
    upstream_max_age: Annotated[int, Field(ge=1, le=31_536_000)] = 86_400
    """Seconds after which a picture is fetched again."""
    upstream_cache: Annotated[int, Field(ge=1, le=100_000)] = 32
    """Megabytes of fetched pictures that each process caches."""


class Dicebear(Section):
    """The styles of DiceBear that are served."""

    licenses: list[Literal["CC0 1.0", "MIT", "CC BY 4.0", "Free for personal and commercial use"]] = [
        "CC0 1.0",
        "MIT",
    ]
    """The licenses of the artwork of the styles that are served. Some other licenses have terms to meet."""
    old_versions: bool = False
    """Whether the URLs of releases 5 to 9 are served, too, with the pictures of release 10."""


class Styles(Section):
    """Styles that the operator defines."""

    path: FilePath | None = None
    """A folder with style definitions in the format of DiceBear 10, one in each file `NAME.json`."""
