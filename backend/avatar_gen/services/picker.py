"""The use cases of the picker: a user chooses the picture of one identity, by a signed link."""

import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from avatar_gen.avatar import Avatar, AvatarSpec
from avatar_gen.errors import IdentityLinkChanged, IdentityNotLinked, PickerLinkRefused
from avatar_gen.security.picker_tokens import PickerGrant, PickerTokens
from avatar_gen.services.avatars import Avatars
from avatar_gen.services.identities import Identities
from avatar_gen.services.photos import PhotoFields, Photos

MIN_SECONDS, MAX_SECONDS, DEFAULT_SECONDS = 60, 86_400, 3600
"""How long a picker link is valid. `IdentityStore.state` remembers a removal for longer."""


class PickerLink(NamedTuple):
    """A token, and when it expires, in seconds since 1970."""

    token: str
    expires: int


class Saved(NamedTuple):
    """An avatar that was stored and linked, and the token with which it can be replaced or removed."""

    avatar: Avatar
    identity: str
    token: str


class Picker:
    """Issues picker links and does what they allow. A change of an identity link ends its earlier tokens."""

    def __init__(
        self, tokens: PickerTokens, identities: Identities, avatars: Avatars, photos: Photos
    ) -> None:
        self._tokens = tokens
        self._identities = identities
        self._avatars = avatars
        self._photos = photos

    async def issue(self, grant: PickerGrant, seconds: int) -> PickerLink:
        """Return a link for the identity as it is linked now. The state and the time of `grant` are ignored.

        Raises `SigningKeyNeeded`.
        """
        state = await self._identities.state(grant.identity)
        grant = replace(grant, state=state, expires=int(time.time()) + seconds)
        return PickerLink(self._tokens.issue(grant), grant.expires)

    async def open(self, token: str) -> PickerGrant:
        """Return what a token allows now.

        Raises `PickerLinkInvalid`, and `IdentityLinkChanged` if the token was used.
        """
        grant = self._tokens.read(token)
        if await self._identities.state(grant.identity) != grant.state:
            raise IdentityLinkChanged
        return grant

    async def linked_avatar(self, grant: PickerGrant) -> str | None:
        """Return the id of the avatar that the identity is linked to."""
        try:
            return await self._identities.linked_avatar(grant.identity)
        except IdentityNotLinked:
            return None

    async def save_drawn(self, grant: PickerGrant, spec: AvatarSpec) -> Saved:
        """Draw an avatar, store it and link it. Raises `IdentityLinkChanged` and `PickerLinkRefused`."""
        if grant.styles is not None and spec.generator_type not in grant.styles:
            raise PickerLinkRefused("This link does not allow this style.")
        return await self._save(grant, self._avatars.create(spec))

    async def open_for_photo(self, token: str) -> PickerGrant:
        """Return what a token allows now. Raises as `open` does, and `PickerLinkRefused`."""
        grant = await self.open(token)
        if not grant.photos:
            raise PickerLinkRefused("This link does not allow photographs.")
        return grant

    async def save_photo(self, grant: PickerGrant, file: BinaryIO, fields: PhotoFields) -> Saved:
        """Store a photograph and link it. Raises as `Photos.create` does, and `IdentityLinkChanged`."""
        return await self._save(grant, self._photos.create(file, fields))

    async def remove(self, token: str) -> None:
        """Remove the identity link, and the avatar if the picker made it.

        Raises as `open` does, and `IdentityNotLinked`.
        """
        grant = await self.open(token)
        await self._identities.unlink(grant.identity, expected=grant.state)

    async def _save(self, grant: PickerGrant, creating: Awaitable[Avatar]) -> Saved:
        """Link a new avatar. Delete it if another request was faster, or if the link cannot be written."""
        avatar = await creating
        try:
            await self._identities.link(grant.identity, avatar.id, expected=grant.state, personal=True)
        except Exception:
            await self._identities.delete_unlinked(avatar.id)
            raise
        token = self._tokens.issue(replace(grant, state=avatar.id))
        return Saved(avatar, grant.identity, token)
