"""The options of a new avatar. Reading them loads the style."""

import asyncio

from starlette.requests import Request

from avatar_gen.avatar import AvatarSpec
from avatar_gen.errors import InvalidRequest, Problem, StyleNotServed
from avatar_gen.services.avatar_options import AvatarOptions


async def read_spec(request: Request, body: AvatarOptions) -> AvatarSpec:
    """Load the style that a body names, and return the options of the avatar. Raises `InvalidRequest`."""
    licences: frozenset[str] = request.app.state.dicebear_licences
    if not body.style.is_ready(licences):
        # Loading reads files, which must not block the event loop.
        try:
            await asyncio.to_thread(body.style.prepare, licences)
        except StyleNotServed as error:
            raise InvalidRequest(str(error), (Problem("type", "is not served here"),)) from None
    return body.spec()
