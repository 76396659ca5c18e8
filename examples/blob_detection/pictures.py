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
    picture.paste(HALO, mask=_circles(size, blobs, width=5, opacity=150))
    picture.paste(colour, mask=_circles(size, blobs, width=3, opacity=255))
    return picture


def _circles(
    size: tuple[int, int], blobs: Iterable[Mapping[str, float]], *, width: int, opacity: int
) -> Image.Image:
    mask = Image.new("L", (size[0] * SMOOTH, size[1] * SMOOTH))
    pen = ImageDraw.Draw(mask)
    scale = ENLARGED * SMOOTH
    for blob in blobs:
        # The centre of pixel (0, 0) lies at 0.5, 0.5 of the drawing. The stroke lies astride the radius.
        x, y = (blob["x"] + 0.5) * scale, (blob["y"] + 0.5) * scale
        r = blob["radius"] * scale + width * SMOOTH / 2
        pen.ellipse((x - r, y - r, x + r, y + r), outline=opacity, width=width * SMOOTH)
    return mask.resize(size, Image.Resampling.BOX)
