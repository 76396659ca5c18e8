"""Pictures of the detections: each blob a thin circle on its photograph."""

from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image, ImageDraw

ENLARGED = 2
"""Pixels drawn per pixel of the image, so that small circles stay readable."""

SMOOTH = 3
"""The circles are drawn this much larger and scaled down: lines without steps."""

HALO = (12, 14, 18)


def draw_detection(pixels: np.ndarray, blobs: Iterable[Mapping[str, float]], colour: str) -> Image.Image:
    """Draw the blobs, rows with x, y and radius, on the image they were found in."""
    photograph = Image.fromarray(pixels).convert("RGB")
    size = (photograph.width * ENLARGED, photograph.height * ENLARGED)
    picture = photograph.resize(size, Image.Resampling.LANCZOS)
    blobs = list(blobs)
    picture.paste(HALO, mask=_circles(size, blobs, width=4, opacity=150))
    picture.paste(colour, mask=_circles(size, blobs, width=2, opacity=255))
    return picture


def _circles(
    size: tuple[int, int], blobs: Iterable[Mapping[str, float]], *, width: float, opacity: int
) -> Image.Image:
    mask = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    pen = ImageDraw.Draw(mask)
    scale = ENLARGED * SMOOTH
    for blob in blobs:
        # Pixel (0, 0) is centred on 0.5, 0.5 of the drawing; a stroke lies half inside, half outside its radius.
        x, y = (blob["x"] + 0.5) * scale, (blob["y"] + 0.5) * scale
        reach = blob["radius"] * scale + width * SMOOTH / 2
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), outline=opacity, width=round(width * SMOOTH))
    return mask.resize(size, Image.Resampling.BOX)
