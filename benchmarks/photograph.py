"""A photograph of 12 megapixels, as a phone takes it, for uploads.

No photograph may be part of the repository, so this is noise whose strength falls with its frequency, as in
photographs of nature, in a JPEG of about 3 MB.
"""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 4032, 3024

PHOTOGRAPH = Path(tempfile.gettempdir()) / "avatars-benchmark-photograph-1.jpg"

PORTRAIT = Path(tempfile.gettempdir()) / "avatars-benchmark-portrait-1.jpg"
"""A part of it, 1024 px wide, for avatars that the benchmarks only read."""


def _noise(chance: np.random.Generator) -> Image.Image:
    layers = []
    for scale in (4, 16, 64, 256, 1024):
        small = chance.normal(0, 1, (HEIGHT * scale // 4096 + 2, WIDTH * scale // 4096 + 2))
        image = Image.fromarray(small.astype(np.float32)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        layers.append(np.asarray(image) * 90 / scale**0.45)
    return Image.fromarray(np.clip(128 + sum(layers), 0, 255).astype(np.uint8))


def write() -> None:
    """Write the photographs, unless they are there."""
    if PHOTOGRAPH.exists() and PORTRAIT.exists():
        return
    chance = np.random.default_rng(12)
    image = Image.merge("YCbCr", [_noise(chance), _noise(chance), _noise(chance)])
    exif = Image.Exif()
    exif[0x0112] = 6
    for part, path in ((image.crop((0, 0, 1024, 1024)), PORTRAIT), (image, PHOTOGRAPH)):
        # Under a name of its own: several processes may write at once.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
            part.save(temporary, "JPEG", quality=95, exif=exif)
        Path(temporary.name).replace(path)
