"""Forms of a picture: each module has ``render(picture, ...) -> str | bytes`` and ``MEDIA_TYPE``."""

from __future__ import annotations

from typing import Protocol

from datajoint.diagram.picture import Picture

__all__ = ["Renderer"]


class Renderer(Protocol):
    """Contract of a renderer, as found in the entry points ``datajoint.renderers``: a module or an object.

    Examples
    --------
    >>> from datajoint.diagram.render import mermaid
    >>> renderer: Renderer = mermaid
    >>> renderer.MEDIA_TYPE
    'text/vnd.mermaid'
    """

    MEDIA_TYPE: str

    def render(self, picture: Picture, /) -> str | bytes:
        """Draw `picture`."""
        ...
