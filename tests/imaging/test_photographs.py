"""Photographs, decoded in the processes that decode them in a service."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.palette import Colour
from avatar_gen.errors import AvatarError, InvalidRequest, UnsupportedUpload
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.imaging.photo_decoder import LOADERS
from avatar_gen.imaging.photo_process import (
    HEAD_SIZE,
    PhotoDecoder,
    PhotoLimits,
    PhotoOptions,
    _pixels,
    kind_of,
)
from avatar_gen.imaging.photographs import encode_stored, photo_picture, photo_pixels
from avatar_gen.imaging.vips import Pixels

PHOTOGRAPHS = Path(__file__).parents[1] / "golden" / "photographs"

LIMITS = PhotoLimits(max_pixels=50_000_000, timeout=30)

WHOLE = PhotoOptions()

SOURCES = sorted(
    path.name for path in PHOTOGRAPHS.iterdir() if not path.name.endswith(".png") or path.name.count(".") == 1
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[PhotoDecoder]:
    made = PhotoDecoder(LIMITS)
    yield made
    made.close()


def decoded(decoder: PhotoDecoder, path: Path, options: PhotoOptions = WHOLE, px: int = 1024) -> Pixels:
    """The pixels of a file, at most `px` wide."""
    kind = next(each for each in LOADERS if each[:3] in path.suffix.replace("jpg", "jpeg"))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        task = decoder._task(kind, options)._replace(px=px)
        return _pixels(decoder._ask(descriptor, task), LIMITS)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", SOURCES)
def test_it_looks_as_imagemagick_shows_it(decoder: PhotoDecoder, name: str) -> None:
    """`record_photographs.py` made the files and what ImageMagick makes of them."""
    shown = np.asarray(Image.open(PHOTOGRAPHS / f"{name}.png").convert("RGB")).astype(int)
    pixels = decoded(decoder, PHOTOGRAPHS / name, PhotoOptions(gravity="centre"), px=64).astype(int)
    difference = np.abs(pixels - shown)
    assert difference.mean() < 0.8
    assert np.percentile(difference, 99) <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_counts_in_the_upright_picture(decoder: PhotoDecoder, orientation: int) -> None:
    path = PHOTOGRAPHS / f"turned-{orientation}.jpg"
    upright = np.asarray(Image.open(PHOTOGRAPHS / "turned-1.jpg").convert("RGB")).astype(int)
    pixels = decoded(decoder, path, PhotoOptions(crop=(95, 12, 40, 60)))
    # The middle of the region, since it is not square.
    assert np.abs(pixels - upright[22:62, 95:135]).mean() < 4
    north = decoded(decoder, path, PhotoOptions(crop=(95, 12, 40, 60), gravity="north"))
    assert np.abs(north - upright[12:52, 95:135]).mean() < 4


def file_of(pixels: Pixels | Image.Image, path: Path, **options: Any) -> Path:  # noqa: ANN401
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores a picture of each orientation."""


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
def test_every_format_is_turned_upright(decoder: PhotoDecoder, tmp_path: Path, suffix: str) -> None:
    scene = Image.open(PHOTOGRAPHS / "turned-1.jpg").convert("RGB")
    upright = np.asarray(scene.crop((20, 0, 140, 120))).astype(int)
    for orientation, turn in TURNS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = file_of(scene.transpose(turn), tmp_path / f"{orientation}.{suffix}", exif=exif, quality=95)
        pixels = decoded(decoder, path, PhotoOptions(gravity="centre"))
        assert np.abs(pixels - upright).mean() < 3, orientation


def test_attention_finds_what_stands_out(decoder: PhotoDecoder, tmp_path: Path) -> None:
    pixels = np.full((100, 400, 3), 128, np.uint8)
    pixels[30:70, 330:370] = (230, 40, 40)
    path = file_of(pixels, tmp_path / "wide.png")
    red = {
        gravity: int((decoded(decoder, path, PhotoOptions(gravity=gravity))[:, :, 0] > 200).sum())
        for gravity in (None, "attention", "centre", "north")
    }
    assert red == {None: 1600, "attention": 1600, "centre": 0, "north": 0}


def test_transparent_pixels_show_the_background(decoder: PhotoDecoder, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    for suffix in ("png", "webp"):
        path = file_of(clear, tmp_path / f"clear.{suffix}")
        for background in (Colour(255, 255, 255), Colour(1, 2, 3)):
            pixels = decoded(decoder, path, PhotoOptions(background=background))
            assert (pixels == background).all()


def test_a_profile_of_inks_in_the_file_is_used(decoder: PhotoDecoder, tmp_path: Path) -> None:
    """The profile has 1 MB, so it is not in the repository."""
    inks = pyvips.Image.profile_load("cmyk")
    image = Image.open(PHOTOGRAPHS / "cmyk.jpg")
    path = file_of(image, tmp_path / "inks.jpg", quality=95, icc_profile=inks)
    shown = np.asarray(Image.open(PHOTOGRAPHS / "cmyk.jpg.png").convert("RGB")).astype(int)
    pixels = decoded(decoder, path, PhotoOptions(gravity="centre"), px=64)
    assert np.abs(pixels - shown).mean() < 1


def test_a_broken_profile_is_ignored(decoder: PhotoDecoder, tmp_path: Path) -> None:
    image = Image.open(PHOTOGRAPHS / "turned-1.jpg")
    plain = decoded(decoder, file_of(image, tmp_path / "plain.jpg"))
    broken = file_of(image, tmp_path / "broken.jpg", icc_profile=b"\0" * 128 + b"acsp" * 1000)
    assert np.array_equal(decoded(decoder, broken), plain)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("space", ["LAB", "XYZ"])
def test_a_profile_of_another_kind_of_colours_is_ignored(
    decoder: PhotoDecoder, tmp_path: Path, space: str, suffix: str
) -> None:
    image = Image.open(PHOTOGRAPHS / "turned-1.jpg").convert("RGB")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]
    plain = decoded(decoder, file_of(image, tmp_path / f"plain.{suffix}"))
    other = decoded(decoder, file_of(image, tmp_path / f"other.{suffix}", icc_profile=profile))
    assert np.abs(other.astype(int) - plain).mean() < 1


def test_a_smaller_picture_has_no_halo_along_an_edge(decoder: PhotoDecoder, tmp_path: Path) -> None:
    pixels = np.full((2000, 2000, 3), 64, np.uint8)
    pixels[:, 1003:] = 192
    stored = decoded(decoder, file_of(pixels, tmp_path / "edge.png"))
    assert (stored.min(), stored.max()) >= (60, 192)
    assert stored.max() <= 196
    for px in (300, 128, 31):
        shown = photo_pixels(encode_stored(stored), px)
        assert shown.min() > 55
        assert shown.max() < 201


@pytest.mark.parametrize("width", [1025, 2047, 3000, 6000])
def test_a_jpeg_that_is_made_smaller_while_it_is_decoded_looks_like_the_whole(
    decoder: PhotoDecoder, tmp_path: Path, width: int
) -> None:
    small = Image.open(PHOTOGRAPHS / "turned-1.jpg").convert("RGB").crop((0, 0, 120, 120))
    # Pillow's own scaling, from a picture without detail that would be lost.
    path = file_of(small.resize((width, width), Image.Resampling.BICUBIC), tmp_path / "large.jpg", quality=92)
    shown = np.asarray(small.resize((1024, 1024), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(decoded(decoder, path, PhotoOptions(gravity="centre")) - shown).mean() < 1.5


def test_a_small_photograph_keeps_its_size(decoder: PhotoDecoder, tmp_path: Path) -> None:
    for px in (16, 17, 200, 1024):
        path = file_of(Image.new("RGB", (px, px), "teal"), tmp_path / "small.png")
        assert decoded(decoder, path).shape == (px, px, 3)


@pytest.mark.parametrize("name", SOURCES)
def test_a_quarter_of_a_file_is_refused(decoder: PhotoDecoder, tmp_path: Path, name: str) -> None:
    whole = (PHOTOGRAPHS / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 4])
    with pytest.raises(InvalidRequest, match="cannot be decoded"):
        decoded(decoder, path)


def refusal(decoder: PhotoDecoder, path: Path, options: PhotoOptions = WHOLE) -> str:
    with path.open("rb") as file, pytest.raises(AvatarError) as raised:
        decoder.decode(file.fileno(), options)
    if isinstance(raised.value, InvalidRequest):
        (problem,) = raised.value.problems
        assert problem.field in {"file", "crop"}
    else:
        assert raised.value.status == 415
    return str(raised.value)


def test_too_small_too_large_and_a_crop_outside(decoder: PhotoDecoder, tmp_path: Path) -> None:
    tiny = file_of(Image.new("RGB", (15, 400)), tmp_path / "tiny.png")
    assert refusal(decoder, tiny) == "The photograph must be at least 16 px wide and high."
    path = PHOTOGRAPHS / "turned-6.jpg"
    for crop in ((0, 0, 161, 10), (100, 100, 30, 30), (2**31 - 1, 0, 16, 16)):
        assert refusal(decoder, path, PhotoOptions(crop)) == "crop must lie inside the photograph."
    assert "16 px" in refusal(decoder, path, PhotoOptions((0, 0, 15, 15)))
    small = PhotoDecoder(LIMITS._replace(max_pixels=160 * 120 - 1))
    try:
        assert refusal(small, path).startswith("The photograph has more than 0.019199 million pixels.")
    finally:
        small.close()


KINDS = {
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    "mif1": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
    "tiff": (b"II*\0" + bytes(100), "JPEG, PNG, WebP, AVIF or GIF"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "JPEG, PNG, WebP, AVIF or GIF"),
    "nothing": (b"", "The file is empty. Send JPEG, PNG, WebP, AVIF or GIF"),
    "wave": (b"RIFF\0\0\0\0WAVE", "JPEG, PNG, WebP, AVIF or GIF"),
    "movie": (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "JPEG, PNG, WebP, AVIF or GIF"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_are_named_by_what_is_read(kind: str) -> None:
    content, mentions = KINDS[kind]
    with pytest.raises(UnsupportedUpload, match=mentions):
        kind_of(content[:HEAD_SIZE])


@pytest.mark.parametrize("px", [16, 100, 512])
def test_a_stored_photograph_is_shown_at_any_width_in_any_format(decoder: PhotoDecoder, px: int) -> None:
    stored = encode_stored(decoded(decoder, PHOTOGRAPHS / "turned-1.jpg", PhotoOptions(gravity="centre")))
    shown = np.asarray(Image.open(PHOTOGRAPHS / "turned-1.jpg.png").convert("RGB")).astype(int)
    for format_name in MEDIA_TYPES:
        picture = photo_picture(stored, px, format_name)
        assert picture == photo_picture(stored, px, format_name)
        image = Image.open(io.BytesIO(picture))
        assert (image.format, image.size, image.mode) == (format_name.upper(), (px, px), "RGB")
        small = np.asarray(image.resize((64, 64), Image.Resampling.BOX)).astype(int)
        assert np.abs(small - shown).mean() < (20 if px == 16 else 4)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_exact_in_every_pixel(name: str) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (96, 96, 3), np.uint8)
    stored = encode_stored(pixels)
    plain = np.asarray(Image.open(io.BytesIO(photo_picture(stored, 96, "png"))))
    filtered = np.asarray(Image.open(io.BytesIO(photo_picture(stored, 96, "png", FILTERS[name]))))
    weights = np.array(FILTERS[name].rows, object)
    for before, after in zip(plain.reshape(-1, 3).tolist(), filtered.reshape(-1, 3).tolist(), strict=True):
        sums = [sum(w * v for w, v in zip(row, (*before, 255), strict=True)) for row in weights.tolist()]
        assert after == [min(255, max(0, (each + 5000) // 10_000)) for each in sums]


def test_a_stored_photograph_has_no_metadata_and_a_bounded_size(decoder: PhotoDecoder) -> None:
    rng = np.random.default_rng(1)
    # Coarse noise has more detail than any photograph.
    coarse = Image.fromarray(rng.integers(0, 256, (200, 200, 3), np.uint8)).resize((1024, 1024))
    for pixels in (np.asarray(coarse), decoded(decoder, PHOTOGRAPHS / "turned-1.jpg")):
        stored = encode_stored(pixels)
        assert len(stored) <= 150_000
        assert set(Image.open(io.BytesIO(stored)).info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
        }
