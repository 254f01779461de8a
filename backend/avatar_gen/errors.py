"""All errors of the service.

A request that fails raises an `AvatarError`. The class defines the HTTP status. The message is the sentence
that the client reads. The cause (`raise ... from`) goes to the log only. A start that fails raises a
`StartupError`, whose message is the line that the operator reads.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """An invalid field of a request, and the reason. It never contains what the client sent."""

    field: str
    message: str


class AvatarError(Exception):
    """A request failed."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed."""


class InvalidRequest(AvatarError):
    """The request is invalid."""

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
    """No avatar is linked to this hash of an e-mail address."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("No avatar is linked to this hash.")


class IdentityLinkDamaged(AvatarError):
    """The stored identity link is not what was written."""

    def __init__(self) -> None:
        super().__init__("The identity link of this hash cannot be read. Link it again.")


class IdentityLinkChanged(AvatarError):
    """The identity link is not in the state that a picker link was made for."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "This link was already used, or the picture has changed since then. Ask for a new link."
        )


class PickerLinkInvalid(AvatarError):
    """The token of a picker link is missing, forged or has expired."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str = "This link is not valid. Ask for a new one.") -> None:
        super().__init__(message)


class PickerLinkRefused(AvatarError):
    """The picker link is valid, but does not allow this."""

    status = HTTPStatus.FORBIDDEN


class SigningKeyNeeded(AvatarError):
    """No key to sign picker links is configured."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "Picker links need a key that signs them. Set AUTH_SIGNING_KEY to the output of"
            " `openssl rand -hex 32`."
        )


class AvatarLinked(AvatarError):
    """The avatar must not be deleted, because an identity is linked to it."""

    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__("An identity is linked to this avatar.")


class KeyNeeded(AvatarError):
    """The request has no API key, or an unknown one. The answer does not say which."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("This takes an API key: send it as Authorization: Bearer KEY.")


class KeyNotAllowed(AvatarError):
    """The API key lacks the permission for this request."""

    status = HTTPStatus.FORBIDDEN


class StyleNotServed(AvatarError):
    """The style does not exist, or the settings exclude it."""

    status = HTTPStatus.NOT_FOUND


class JobNotFound(AvatarError):
    """No job has this id, or it has been deleted."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no job with this id. Jobs are deleted a week after their end.")


class JobNotReady(AvatarError):
    """The state of a job does not allow the request."""

    status = HTTPStatus.CONFLICT


class BodyTooLarge(AvatarError):
    """The body of a request exceeds the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NotJson(AvatarError):
    """The body of a request has a content type other than JSON, or CSV where that is possible."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class EncodedBody(AvatarError):
    """The body of a request has a content coding, such as gzip."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedUpload(AvatarError):
    """The uploaded file or its form is of a kind that the service does not read."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UploadsUnavailable(AvatarError):
    """The temporary folder cannot hold an upload, or no process can decode it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5


class ObjectDamaged(AvatarError):
    """A stored object is not what was written. A retry does not help."""

    def __init__(self) -> None:
        super().__init__("The stored pictures of this avatar are damaged. Restore its object from a backup.")


class Overloaded(AvatarError):
    """The process has as much work as it accepts."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 1


class NotReady(AvatarError):
    """The service is starting or stopping, or cannot read what is stored."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 1


class StorageUnavailable(AvatarError):
    """The folder of objects, or the object store, cannot be read or written."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The storage is unavailable. Try again later.")


class StorageBusy(AvatarError):
    """The object store limits the rate of requests."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 2

    def __init__(self) -> None:
        super().__init__("The storage gets too many requests. Try again in two seconds.")


class TooManyIdentityLinks(AvatarError):
    """The store has the maximum number of identity links."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("There are too many identity links. Remove some before you add another.")


class StorageFull(AvatarError):
    """The disk of the objects is full."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("The storage is full. Free some space, then try again.")


class DatabaseUnavailable(AvatarError):
    """The database did not answer, or returned an error."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = 5

    def __init__(self) -> None:
        super().__init__("The database is unavailable. Try again later.")


class DatabaseFull(AvatarError):
    """The disk of the database is full."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("The database's disk is full. Free some space, then try again.")


class OutcomeUnknown(DatabaseUnavailable):
    """The database failed during a commit, so the outcome of the transaction is unknown."""


class StartupError(Exception):
    """The service cannot start."""


def reason_of(error: Exception) -> str:
    """Return the first line of a database driver's message, without the SQL that SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


class SettingsError(StartupError):
    """A settings file or an environment variable has an invalid value."""


class DatabaseTaken(StartupError):
    """Another process writes the database, and this version of SQLite allows only one writing process."""


class SchemaError(StartupError):
    """The database lacks the tables of this release."""
