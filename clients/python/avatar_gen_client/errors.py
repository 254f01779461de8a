"""What can go wrong, as types."""

from collections.abc import Mapping

from avatar_gen_client.models import Problem


class AvatarError(Exception):
    """Any error of the service, with the sentence that it answered."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        problems: tuple[Problem, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status. None if there was no answer."""
        self.problems = problems
        """The fields of an invalid request, and what is wrong with each."""
        self.retry_after = retry_after
        """Seconds after which another try makes sense, if the service said so."""


class InvalidRequest(AvatarError):
    """400: a field or a parameter is unknown or out of range."""


class NotAuthenticated(AvatarError):
    """401: the request needs an API key."""


class NotAllowed(AvatarError):
    """403: this API key may not do this."""


class NotFound(AvatarError):
    """404: there is no avatar, identity link, style or job of this name."""


class Conflict(AvatarError):
    """409: the job has not ended, or has ended already."""


class TooLarge(AvatarError):
    """413: the body is too large."""


class UnsupportedMedia(AvatarError):
    """415: the file is not a photograph that the service can read."""


class TooManyRequests(AvatarError):
    """429: wait for `retry_after` seconds."""


class ServiceUnavailable(AvatarError):
    """503: the service, or something that it needs, is down. Try again later."""


class StorageFull(AvatarError):
    """507: no avatar can be stored until there is space again."""


class Unreachable(AvatarError):
    """There was no answer: the network or the timeout. Whether the request had an effect is unknown."""


ERRORS: Mapping[int, type[AvatarError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: UnsupportedMedia,
    429: TooManyRequests,
    503: ServiceUnavailable,
    507: StorageFull,
}
"""The type of each status. Any other one is an `AvatarError`."""
