"""The photographs: those that come inside the scikit-image wheel, so that nothing is downloaded."""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

LONGEST_SIDE = 512
"""Larger photographs are scaled down to this many pixels: seconds instead of minutes on a small machine."""

CATALOGUE = [
    {
        "image": "hubble",
        "title": "Hubble eXtreme Deep Field",
        "file": "hubble_deep_field.jpg",
        "look_for": "bright",
        "credit": "NASA and ESA, public domain",
    },
    {
        "image": "moon",
        "title": "Surface of the Moon",
        "file": "moon.png",
        "look_for": "dark",
        "credit": "scikit-image sample data",
    },
    {
        "image": "coins",
        "title": "Greek coins from Pompeii",
        "file": "coins.png",
        "look_for": "bright",
        "by_eye": 24,
        "credit": "Brooklyn Museum, no known copyright restrictions",
    },
    {
        "image": "cell",
        "title": "Cell in saline, quantitative phase image",
        "file": "cell.png",
        "look_for": "bright",
        "by_eye": 1,
        "credit": "Paul Müller and others, CC0",
    },
    {
        "image": "retina",
        "title": "Human retina with its optic disc",
        "file": "retina.jpg",
        "look_for": "bright",
        "by_eye": 1,
        "credit": "Mikael Häggström, CC0",
    },
    {
        "image": "tissue",
        "title": "Colonic glands, stained nuclei",
        "file": "ihc.png",
        "look_for": "dark",
        "credit": "Center for Microscopy and Molecular Imaging, no known copyright restrictions",
    },
]


def read_photograph(file: str) -> tuple[np.ndarray, float]:
    """Return the pixels of a photograph, grey or RGB, and by how much it was scaled.

    Parameters
    ----------
    file
        Name of the file in the data folder of scikit-image.

    Returns
    -------
    pixels : numpy.ndarray
        uint8, shape (height, width) or (height, width, 3), no side longer than `LONGEST_SIDE`.
    scale : float
        Pixels returned per pixel of the file, along one side.
    """
    with Image.open(Path(skimage.data.__file__).parent / file) as photograph:
        full_width = photograph.width
        photograph.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        return np.array(photograph), photograph.width / full_width
