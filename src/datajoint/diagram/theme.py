"""Colours and strokes of the diagrams; the same in every form that has colours.

Text on its background has a contrast of at least 4.5 : 1 and lines of at least 3 : 1 (WCAG 2 AA); a test
computes both. Tiers differ in shape as well, edges in dashes and width: no meaning rests on colour alone.
"""

from __future__ import annotations

from datajoint._value import Value

__all__ = ["DARK", "LIGHT", "Paint", "Theme", "theme"]


class Paint(Value):
    """Colours of one kind of node.

    Examples
    --------
    >>> LIGHT.tiers["manual"].text
    '#14532d'
    """

    fill: str
    stroke: str
    text: str


class Theme(Value):
    """All colours of a diagram.

    Examples
    --------
    >>> LIGHT.name, DARK.name
    ('light', 'dark')
    """

    name: str
    background: str
    frame: str
    frame_stroke: str
    text: str
    muted: str
    edge: str
    renamed: str
    warning: str
    tiers: dict[str, Paint]


LIGHT = Theme(
    name="light",
    background="#ffffff",
    frame="#f6f8fa",
    frame_stroke="#c4ccd6",
    text="#1f2937",
    muted="#57606a",
    edge="#64707d",
    renamed="#b45309",
    warning="#c2410c",
    tiers={
        "manual": Paint("#dcfce7", "#15803d", "#14532d"),
        "lookup": Paint("#e5e7eb", "#6b7280", "#374151"),
        "imported": Paint("#dbeafe", "#2563eb", "#1e3a8a"),
        "computed": Paint("#fee2e2", "#dc2626", "#7f1d1d"),
        "part": Paint("#ffffff", "#7b8794", "#374151"),
        "schema": Paint("#ede9fe", "#7c3aed", "#4c1d95"),
        "unknown": Paint("#ffffff", "#6b7280", "#374151"),
    },
)

DARK = Theme(
    name="dark",
    background="#0d1117",
    frame="#161b22",
    frame_stroke="#3d4550",
    text="#e6edf3",
    muted="#9aa5b1",
    edge="#8b98a5",
    renamed="#f0a73a",
    warning="#ff9d4d",
    tiers={
        "manual": Paint("#0f3321", "#3fb950", "#b7f5c6"),
        "lookup": Paint("#2b313a", "#8b949e", "#dde3ea"),
        "imported": Paint("#11294d", "#5b9dff", "#cfe2ff"),
        "computed": Paint("#4a1518", "#ff6b66", "#ffd9d6"),
        "part": Paint("#0d1117", "#7d8793", "#d5dbe2"),
        "schema": Paint("#2a1f4a", "#a78bfa", "#e4dbff"),
        "unknown": Paint("#0d1117", "#8b949e", "#d5dbe2"),
    },
)


def theme(name: str) -> Theme:
    """Return the theme called `name`; ``auto`` is light where the viewer's preference cannot be asked.

    Examples
    --------
    >>> theme("auto") is LIGHT, theme("dark") is DARK
    (True, True)
    """
    match name:
        case "light" | "auto":
            return LIGHT
        case "dark":
            return DARK
        case _:
            raise ValueError(f"There is no diagram theme {name!r}; choose 'light', 'dark' or 'auto'.")
