"""A picture as PNG: our own SVG through resvg, or else Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from datajoint.diagram.picture import Picture
from datajoint.diagram.render import dot, svg

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "image/png"


def render(picture: Picture, theme: str = "auto", *, scale: float = 2.0) -> bytes:
    """Draw `picture` as a PNG image.

    Parameters
    ----------
    picture
        What to draw.
    theme
        ``light``, ``dark`` or ``auto`` (as ``light``: an image cannot ask the viewer).
    scale
        Pixels of the image per pixel of the drawing.

    Raises
    ------
    ImportError
        Neither the package ``resvg-py`` (the extra ``png``) nor Graphviz is installed.

    Examples
    --------
    >>> from datajoint.diagram.picture import Node
    >>> render(Picture((Node("a", "Image", "manual"),)))[1:4]  # doctest: +SKIP
    b'PNG'
    """
    theme = "light" if theme == "auto" else theme
    converter = _resvg()
    if converter is not None:
        return bytes(converter(svg_string=svg.render(picture, theme), zoom=scale))
    graphviz = shutil.which("dot")
    if graphviz is not None:
        options = ["-Tpng", f"-Gdpi={round(72 * scale)}"]
        text = dot.render(picture, theme).encode()
        done = subprocess.run([graphviz, *options], input=text, capture_output=True, check=True)  # noqa: S603
        return done.stdout
    raise ImportError(
        "A PNG of a diagram needs the package resvg-py (or Graphviz): install it with"
        " pip install 'datajoint[png]', or save the diagram as .svg, which needs nothing."
    )


def _resvg() -> Any | None:
    """Return the converter of resvg-py, or None if it is not installed."""
    try:
        import resvg_py  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        return None
    return resvg_py.svg_to_bytes
