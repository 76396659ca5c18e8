"""Widths of texts and sizes of nodes, without asking any font."""

from __future__ import annotations

from unicodedata import east_asian_width

from datajoint.diagram.picture import Node

__all__ = ["BADGE_SIZE", "FONT_SIZE", "LABEL_SIZE", "PART_SIZE", "font_size", "node_size", "text_width"]

FONT_SIZE = 12.0
PART_SIZE = 11.0
LABEL_SIZE = 11.0
BADGE_SIZE = 9.5

# Widths in thousandths of the font size, between those of Arial and of DejaVu Sans, so that a label fits
# with either of them.
_CLASSES = {
    260: "ijl.,:;'|!",
    330: "ftrI()[]{}/\\- ",
    520: "Jszcvxky",
    590: 'abdeghnopquL_?*"$#0123456789~^=+<>',
    680: "ABEFKPSTVXYZ&",
    760: "CDGHNOQRUw",
    900: "mMW%@",
}
_WIDTHS = {character: width / 1000 for width, characters in _CLASSES.items() for character in characters}


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Width in pixels of `text` set in a sans-serif font of `size` pixels.

    Examples
    --------
    >>> text_width("Session") > text_width("ill") > text_width("") == 0
    True
    """
    known = _WIDTHS
    return size * sum(known.get(c) or _other_width(c) for c in text)


def _other_width(character: str) -> float:
    return 1.05 if east_asian_width(character) in "WF" else 0.66


def font_size(node: Node) -> float:
    """Font size of the label of `node`: parts are smaller.

    Examples
    --------
    >>> font_size(Node("a", "A", "part")) < font_size(Node("a", "A", "manual"))
    True
    """
    return PART_SIZE if node.tier == "part" else FONT_SIZE


def node_size(node: Node) -> tuple[float, float]:
    """Width and height of a node; an ellipse needs more room around its label than a box.

    Examples
    --------
    >>> node_size(Node("a", "Scan", "imported")) > node_size(Node("a", "Scan", "manual"))
    True
    """
    text = max(text_width(node.label, font_size(node)), text_width(node.badge, BADGE_SIZE))
    second_line = 11.0 if node.badge else 0.0
    match node.tier:
        case "imported" | "computed":
            width, height = text * 1.12 + 28, 32 + second_line * 1.3
        case "part":
            width, height = text + 14, 22 + second_line
        case "schema":
            width, height = text + 32, 34 + second_line
        case _:
            width, height = text + 22, 28 + second_line
    return round(max(width, 36.0), 1), round(height, 1)
