"""SVG to pixels."""

import numpy as np
import pyvips
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Shape (px, px, 4): sRGB red, green, blue, not multiplied by the fourth, alpha."""


def rasterise(document: str) -> Pixels:
    """The pixels of an SVG file at the size that it says; takes milliseconds, and belongs in the `Pool`."""
    image = pyvips.Image.svgload_buffer(document.encode())
    pixels: Pixels = image.numpy()
    return pixels
