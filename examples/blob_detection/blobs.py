"""The science: round spots that stand out from their surroundings, found at several scales."""

import numpy as np
from skimage.color import rgb2gray
from skimage.exposure import rescale_intensity
from skimage.feature import blob_dog, blob_doh, blob_log
from skimage.util import img_as_float, invert

FINDERS = {"log": blob_log, "dog": blob_dog, "doh": blob_doh}
"""Laplacian of Gaussian, difference of Gaussians, determinant of the Hessian."""

RADIUS_PER_SIGMA = {"log": np.sqrt(2), "dog": np.sqrt(2), "doh": 1.0}


def find_blobs(
    pixels: np.ndarray, look_for: str, method: str, *, min_sigma: float, max_sigma: float, threshold: float
) -> list[tuple[float, float, float]]:
    """Return centre and radius of each blob: (x, y, radius), in pixels.

    Parameters
    ----------
    pixels
        Grey or RGB, shape (height, width) or (height, width, 3).
    look_for
        ``bright`` or ``dark`` spots.
    method
        One of `FINDERS`.
    min_sigma, max_sigma
        Range of scales: widths of the Gaussians, in pixels.
    threshold
        How much a blob must stand out.
    """
    grey = img_as_float(rgb2gray(pixels) if pixels.ndim == 3 else pixels)
    grey = rescale_intensity(grey, in_range=tuple(np.percentile(grey, (1, 99.5))), out_range=(0.0, 1.0))
    if look_for == "dark":
        grey = invert(grey)
    found = FINDERS[method](grey, min_sigma=min_sigma, max_sigma=max_sigma, threshold=threshold, overlap=0.3)
    return [(float(x), float(y), float(sigma * RADIUS_PER_SIGMA[method])) for y, x, sigma in found]
