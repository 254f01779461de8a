"""Checks that this installation can make the pictures that it offers.

An incomplete library can be imported, but fails on first use. So these checks use each library.
"""

import tempfile
from collections.abc import Callable
from contextlib import closing
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import AvatarError, StartupError
from avatar_gen.imaging import MADE_BY, require_formats
from avatar_gen.imaging.photographs import DECODER, sample_files
from avatar_gen.services.photos import open_decoder
from avatar_gen.services.render_options import MIN_PX, RenderOptions
from avatar_gen.services.rendering import DicebearRequest, RenderRequest
from avatar_gen.settings.schema import Uploads

if TYPE_CHECKING:
    from avatar_gen.drawing.dicebear_options import Value

_PACKAGE = Path(__file__).parents[1]
_REMEDY = "The installation is incomplete: run make clean install, or build the image again"


def require_pictures() -> None:
    """Draw each own style once and write each format once. Find DiceBear's libraries, but do not import them.

    Raises `StartupError` with the style or format that fails. The service calls this before it starts.
    """
    require_formats()
    options = RenderOptions(size=MIN_PX, shape="circle", filter="sepia")
    for name in STYLES:
        _require(name, RenderRequest(name, "start", "png", options).draw)
    for module in ("dicebear", "dicebear_styles"):
        if find_spec(module) is None:
            raise StartupError(f"The library {module} is missing. {_REMEDY}.")


def require_dicebear() -> int:
    """Draw each of DiceBear's styles once, which takes a second. Return how many there are.

    Raises `StartupError` with the style that fails.
    """
    options: dict[str, Value] = {"seed": "start", "size": MIN_PX}
    for name in dicebear.names():
        _require(name, DicebearRequest(name, options, "png").draw)
    return len(dicebear.names())


def require_photographs(settings: Uploads) -> list[str]:
    """Decode a photograph of each kind, as an upload is decoded. Return the kinds.

    Raises `StartupError`.
    """
    try:
        files = sample_files()
    except (KeyError, OSError) as error:
        raise StartupError(f"Not every kind of photograph can be written ({error}). {_REMEDY}.") from error
    with closing(open_decoder(settings)) as decoder:
        for kind, content in files.items():
            try:
                with tempfile.TemporaryFile() as file:
                    file.write(content)
                    file.flush()
                    decoder.decode(file.fileno())
            except OSError as error:
                raise StartupError(
                    f"The temporary folder cannot be written ({error}). Set TMPDIR to a folder that can be."
                ) from error
            except AvatarError as error:
                reason = error.__cause__ or error
                raise StartupError(f"No {kind} file can be decoded ({reason}). {_REMEDY}.") from error
    return list(files)


def picture_version() -> bytes:
    """Return a value that changes whenever a picture may change: with the code, a library or a served style.

    The number of the release does not suffice, since two builds can have the same one.
    """
    digest = blake2b(digest_size=8)
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    libraries = (MADE_BY, DECODER, [dicebear.release_of(name) for name in dicebear.names()])
    digest.update(repr(libraries).encode())
    return digest.digest()


def _require(style: str, draw: Callable[[], bytes]) -> None:
    try:
        draw()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise StartupError(f"The style {style} cannot be drawn ({reason}). {_REMEDY}.") from error
