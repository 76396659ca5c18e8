"""Colours: enough contrast for everybody."""

import pytest

from datajoint.diagram.theme import DARK, LIGHT, theme


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda t: t.name)
@pytest.mark.statement("DIA-6")
def test_contrast(colours):
    for paint in colours.tiers.values():
        assert contrast(paint.text, paint.fill) >= 4.5
        for ground in (colours.background, colours.frame):
            assert contrast(paint.stroke, ground) >= 3
    for ground in (colours.background, colours.frame):
        assert contrast(colours.muted, ground) >= 4.5
        assert contrast(colours.text, ground) >= 4.5
        assert contrast(colours.edge, ground) >= 3
        assert contrast(colours.renamed, ground) >= 3
        assert contrast(colours.warning, ground) >= 3


@pytest.mark.statement("DIA-12")
def test_themes_by_name():
    assert LIGHT is theme("auto") is theme("light")
    assert DARK is theme("dark")
    with pytest.raises(ValueError, match="'light', 'dark' or 'auto'"):
        theme("blue")
