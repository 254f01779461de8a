"""Write the names that the clients take as types: styles, formats, filters and the like.

`make clients-names` runs this. tests/clients/test_names.py fails if the files differ from the service.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.drawing.palettes import PALETTES
from avatar_gen.imaging import DRAWN_TYPES, MEDIA_TYPES
from avatar_gen.services.identities import DEFAULTS, NO_PICTURE
from avatar_gen.services.style_families import style_names

CLIENTS = Path(__file__).parents[1] / "clients"
PYTHON = CLIENTS / "python" / "avatar_gen_client" / "names.py"
TYPESCRIPT = CLIENTS / "typescript" / "src" / "names.ts"

NAMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Style": ("A style of drawings, of this service or of DiceBear.", tuple(style_names())),
    "Format": ("A format of drawings.", tuple(DRAWN_TYPES)),
    "StoredFormat": ("A format of stored avatars and of pictures by e-mail address.", tuple(MEDIA_TYPES)),
    "Filter": ("A filter of colours.", tuple(FILTERS)),
    "Shape": ("What a picture is cut to.", get_args(Shape)),
    "ColorScheme": ("Two colours with a name.", tuple(SCHEMES)),
    "Palette": ("Five colours with a name.", tuple(PALETTES)),
    "DefaultPicture": (
        "The picture of an e-mail address that is linked to none.",
        (NO_PICTURE, *DEFAULTS),
    ),
}
"""The description and the values of each type."""

_NOTE = "The names that the service knows. `make clients-names` writes this file."


def python() -> str:
    """Return the module of the Python client."""
    types = ""
    for name, (description, values) in NAMES.items():
        lines = "".join(f'    "{value}",\n' for value in values)
        types += f'\n{name} = Literal[\n{lines}]\n"""{description}"""\n'
    return f'"""{_NOTE}"""\n\nfrom typing import Literal\n{types}'


def typescript() -> str:
    """Return the module of the TypeScript client."""
    types = ""
    for name, (description, values) in NAMES.items():
        lines = "".join(f'\n  | "{value}"' for value in values)
        types += f"\n/** {description} */\nexport type {name} ={lines};\n"
    return f"// {_NOTE}\n{types}"


if __name__ == "__main__":
    PYTHON.write_text(python(), encoding="utf-8")
    TYPESCRIPT.write_text(typescript(), encoding="utf-8")
