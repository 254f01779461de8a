"""Files that browsers, search engines and security researchers look for on every site."""

from datetime import UTC, datetime, time, timedelta

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from avatar_gen.api.root_path import way_to_root

ICON = "api/render/bloom/avatars.png?size=64&shape=circle&primaryColor=ff6f61&foreignColor=ffe9dc"
"""The icon of the page, as PNG."""

ROBOTS = """# Pictures carry `X-Robots-Tag: noindex`. A crawler sees it only if it may fetch them.
User-agent: *
Disallow:
"""

_CONTACT_DAYS = 180
"""Days for which a contact is valid. RFC 9116 recommends less than a year."""


def add_site_routes(app: FastAPI, security_contact: str | None) -> None:
    """Add `/favicon.ico` and `/robots.txt`, and `/.well-known/security.txt` if there is a contact."""
    app.add_route("/favicon.ico", _favicon, include_in_schema=False)
    app.add_route("/robots.txt", _robots, include_in_schema=False)
    if security_contact is not None:

        async def security(_request: Request) -> Response:
            return PlainTextResponse(security_text(security_contact, datetime.now(UTC)), headers=_CACHED)

        app.add_route("/.well-known/security.txt", security, include_in_schema=False)


def security_text(contact: str, now: datetime) -> str:
    """Return the text of `security.txt`: RFC 9116."""
    expires = datetime.combine(now.date() + timedelta(days=_CONTACT_DAYS), time(), UTC)
    return f"Contact: {contact}\nExpires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"


async def _favicon(request: Request) -> Response:
    return RedirectResponse(way_to_root(request.scope) + ICON, status_code=302, headers=_CACHED)


async def _robots(_request: Request) -> Response:
    return PlainTextResponse(ROBOTS, headers=_CACHED)


_CACHED = {"Cache-Control": "public, max-age=86400"}
