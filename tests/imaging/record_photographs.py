"""Write the photographs of `test_photographs.py`, and what ImageMagick makes of them.

    python tests/imaging/record_photographs.py

It takes ImageMagick 6 (`convert`), exiftool, and Debian's icc-profiles-free. ImageMagick turns each picture
upright, scales it, converts its colours and puts it on its background, without any part of this service.
Where ImageMagick writes no such file, as AVIF, libvips writes it.
"""

import subprocess
import tempfile
from pathlib import Path

import pyvips

FOLDER = Path(__file__).parents[1] / "golden" / "photographs"
PROFILES = Path("/usr/share/color/icc")
SRGB = PROFILES / "sRGB.icc"
PX = 64
"""The width of what ImageMagick makes."""

SCENE = [
    *("-size", "160x120", "gradient:#224488-#ddaa66"),
    *("-fill", "#e02020", "-draw", "circle 40,40 40,16"),
    *("-fill", "#20c040", "-draw", "rectangle 90,20 140,50"),
    *("-fill", "#2030e0", "-draw", "polygon 30,110 70,70 90,112"),
    *("-fill", "#f0f0f0", "-draw", "circle 116,86 116,70"),
    *("-fill", "#101010", "-draw", "rectangle 148,4 154,116"),
    *("-blur", "0x0.6"),
]
"""A picture that looks different in each orientation."""


def convert(*arguments: str | Path) -> None:
    subprocess.run(["convert", *map(str, arguments)], check=True)  # noqa: S607


def tag(path: Path, *arguments: str) -> None:
    subprocess.run(["exiftool", "-q", "-overwrite_original", *arguments, str(path)], check=True)  # noqa: S607


def expect(source: Path) -> None:
    """Write what ImageMagick makes of a file: the square in its middle, in sRGB."""
    profile: list[str | Path] = ["-profile", SRGB]
    if source.stem.startswith("cmyk"):
        # The profile of libvips for files without one. It has 1 MB.
        inks = Path(tempfile.gettempdir()) / "cmyk.icc"
        inks.write_bytes(pyvips.Image.profile_load("cmyk"))
        profile = ["-profile", inks, *profile]
    ground = ["-background", "white", "-alpha", "remove", "-alpha", "off"]
    square = [
        "-gravity",
        "center",
        "-crop",
        "120x120+0+0",
        "+repage",
        "-filter",
        "Mitchell",
        "-resize",
        f"{PX}x{PX}",
    ]
    flags = [
        "-auto-orient",
        "+repage",
        *square,
        *profile,
        *ground,
        "+profile",
        "*",
        "-colorspace",
        "sRGB",
        "-depth",
        "8",
    ]
    convert(f"{source}[0]", *flags, "-strip", f"PNG24:{FOLDER}/{source.name}.png")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        scene, clear = Path(folder) / "scene.png", Path(folder) / "clear.png"
        convert(*SCENE, f"PNG24:{scene}")
        mask = [
            "-size",
            "160x120",
            "xc:black",
            "-fill",
            "white",
            "-draw",
            "circle 80,60 80,10",
            "-blur",
            "0x4",
        ]
        convert(
            scene, "(", *mask, ")", "-alpha", "off", "-compose", "CopyOpacity", "-composite", f"PNG32:{clear}"
        )
        for source in (*jpegs(scene), *pngs(scene, clear), *others(scene, clear)):
            expect(source)


def jpegs(scene: Path) -> list[Path]:
    made = []
    turns = ["", "-flop", "-rotate 180", "-flip", "-transpose", "-rotate 270", "-transverse", "-rotate 90"]
    for number, turn in enumerate(turns, 1):
        made.append(FOLDER / f"turned-{number}.jpg")
        convert(scene, *turn.split(), "-quality", "88", made[-1])
        tag(made[-1], f"-Orientation#={number}", "-Artist=Ada Lovelace")
    spaces: list[tuple[str, list[str | Path]]] = [
        ("progressive.jpg", ["-interlace", "JPEG"]),
        ("grey.jpg", ["-colorspace", "Gray"]),
        ("adobe-rgb.jpg", ["-profile", SRGB, "-profile", PROFILES / "compatibleWithAdobeRGB1998.icc"]),
    ]
    for name, arguments in spaces:
        made.append(FOLDER / name)
        convert(scene, *arguments, "-quality", "92", made[-1])
    for name, space in (("display-p3.jpg", "p3"), ("cmyk.jpg", "cmyk")):
        made.append(FOLDER / name)
        image = pyvips.Image.new_from_file(str(scene)).icc_transform(space, input_profile="srgb")
        image.jpegsave(str(made[-1]), Q=92, keep="icc" if space == "p3" else "none")
    made.append(FOLDER / "cmyk-imagemagick.jpg")
    convert(FOLDER / "cmyk.jpg", "-quality", "92", made[-1])
    return made


def pngs(scene: Path, clear: Path) -> list[Path]:
    made = []
    for name, source, *arguments in (
        ("interlaced.png", scene, "-interlace", "PNG", "PNG24:"),
        ("deep.png", scene, "PNG48:"),
        ("deep-clear.png", clear, "PNG64:"),
        ("palette.png", scene, "-colors", "32", "PNG8:"),
        (
            "palette-clear.png",
            clear,
            "-channel",
            "A",
            "-threshold",
            "50%",
            "+channel",
            "-colors",
            "32",
            "PNG8:",
        ),
        ("clear.png", clear, "PNG32:"),
        ("grey.png", scene, "-colorspace", "Gray", "-type", "Grayscale", "PNG:"),
        ("grey-clear.png", clear, "-colorspace", "Gray", "PNG:"),
        ("one-bit.png", scene, "-colorspace", "Gray", "-threshold", "50%", "-depth", "1", "PNG:"),
    ):
        made.append(FOLDER / name)
        convert(source, *arguments[:-1], f"{arguments[-1]}{made[-1]}")
    return made


def others(scene: Path, clear: Path) -> list[Path]:
    made = []
    for name, source, *arguments in (
        ("lossy.webp", scene, "-quality", "90"),
        ("clear.webp", clear, "-define", "webp:lossless=true"),
        ("still.gif", scene, "-colors", "64"),
        ("moving.gif", scene, "-colors", "64", scene, "-negate", "-set", "delay", "10"),
    ):
        made.append(FOLDER / name)
        convert(source, *arguments, made[-1])
    made.append(FOLDER / "photo.avif")
    pyvips.Image.new_from_file(str(scene)).heifsave(str(made[-1]), compression="av1", Q=85)
    return made


if __name__ == "__main__":
    main()
