"""Everything that can go wrong, and what a client is told of it.

A request that fails raises an `AvatarError`: the class fixes the HTTP status, the message is the one
sentence that the client reads, and the cause (`raise ... from`) is for the log alone. A start that
fails raises a `StartupError`, whose message is the one line that the operator reads.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One field of a request that was refused, and why; never what was sent."""

    field: str
    message: str


class AvatarError(Exception):
    """A request that could not be answered as asked."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed."""


class InvalidRequest(AvatarError):
    """The request says something that this service does not understand."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class AvatarNotFound(AvatarError):
    """No avatar has this id."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no avatar with this id.")


class IdentityNotLinked(AvatarError):
    """No avatar belongs to this hash of an address."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("No avatar is linked to this hash.")


class IdentityLinkDamaged(AvatarError):
    """What says to which avatar a hash belongs is not what was once written."""

    def __init__(self) -> None:
        super().__init__("The identity link of this hash cannot be read. Link it again.")


class KeyNeeded(AvatarError):
    """The request has no API key, or not one that is known; which of the two, nobody is told."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This takes an API key: send it as Authorization: Bearer KEY.")


class KeyNotAllowed(AvatarError):
    """The API key is known, and is not for this."""

    status = HTTPStatus.FORBIDDEN


class StyleNotServed(AvatarError):
    """There is no such style, or the settings keep it from being served."""

    status = HTTPStatus.NOT_FOUND


class BodyTooLarge(AvatarError):
    """The body of a request is larger than any that makes sense here."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NotJson(AvatarError):
    """The body of a request is declared as something other than JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class ObjectDamaged(AvatarError):
    """A stored object is not what was once written; trying again will not help."""

    def __init__(self) -> None:
        super().__init__("The stored pictures of this avatar are damaged; restore its object.")


class Overloaded(AvatarError):
    """More work is under way than this process takes on."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 1


class NotReady(AvatarError):
    """No requests are to be sent here just now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 1


class StorageUnavailable(AvatarError):
    """The folder of objects cannot be read or written."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The storage is unavailable; try again later.")


class TooManyIdentityLinks(AvatarError):
    """The store has as many identity links as it may have."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("There are too many identity links. Remove some before you add another.")


class StorageFull(AvatarError):
    """The disk of the objects is full."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("The storage is full; no avatar can be kept until space is made.")


class DatabaseUnavailable(AvatarError):
    """The database did not answer, or refused."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The database is unavailable; try again later.")


class DatabaseFull(AvatarError):
    """The disk of the database is full."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("The database's disk is full; nothing can be kept until space is made.")


class OutcomeUnknown(DatabaseUnavailable):
    """The database failed while it committed: what it was told may or may not hold."""


class StartupError(Exception):
    """The service cannot run as it is set up."""


def reason_of(error: Exception) -> str:
    """The first line of a driver's own words, without the SQL that SQLAlchemy puts around them."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


class SettingsError(StartupError):
    """A settings file or environment variable holds something that is not understood."""


class DatabaseTaken(StartupError):
    """Another process writes the database, and with this SQLite no second one may."""


class SchemaError(StartupError):
    """The database does not have the tables that this release works with."""
