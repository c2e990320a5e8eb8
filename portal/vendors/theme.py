"""A vendor's accent color as a style sheet that stays readable, whatever color was chosen.

The surfaces below repeat `static/css/01-tokens.css`; a test compares the two. Contrast is WCAG 2.2's.
"""

import colorsys
import re
from functools import lru_cache

DEFAULT_ACCENT = "#2f5bd7"
LIGHT_SURFACES = ("#ffffff", "#f7f8fa", "#f0f2f5")  # panel, bg, sunk
DARK_SURFACES = ("#171b22", "#0f1217", "#1f252e")
TEXT_CONTRAST = 4.5
CHANGED_CONTRAST = 7.0  # a link that has to leave its color goes far enough to be read with ease
EDGE_CONTRAST = 3.0

_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two `#rrggbb` colors, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(maxsize=256)
def theme_css(accent_color: str) -> str:
    """The style sheet that puts a vendor's accent color over the default one, for light and dark.

    accent_color: `#rrggbb`. Text on the accent and links on every surface keep 4.5:1, edges of buttons 3:1.
    Raises ValueError for anything else, so that nothing but a color ever gets into the style sheet.
    """
    light = _declarations(theme(accent_color, LIGHT_SURFACES))
    dark = _declarations(theme(accent_color, DARK_SURFACES))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def theme(accent_color: str, surfaces: tuple[str, ...]) -> dict[str, str]:
    """The custom properties for one set of surfaces: name without dashes → `#rrggbb`."""
    if not _HEX.match(accent_color):
        raise ValueError("an accent color is # and six hexadecimal digits")
    accent = accent_color.lower()
    text = "#ffffff" if contrast(accent, "#ffffff") >= TEXT_CONTRAST else "#000000"
    soft = _mix(accent, surfaces[0], 0.12)
    return {
        "accent": accent,
        "accent-text": text,
        "accent-hover": _mix("#ffffff" if text == "#000000" else "#000000", accent, 0.14),
        "accent-edge": _readable(accent, surfaces, EDGE_CONTRAST),
        "link": _link(accent, (*surfaces, soft)),
        "soft": soft,
    }


def _declarations(properties: dict[str, str]) -> str:
    return ";".join(f"--{name}:{color}" for name, color in properties.items())


def _link(accent: str, surfaces: tuple[str, ...]) -> str:
    as_it_is = min(contrast(accent, surface) for surface in surfaces)
    return accent if as_it_is >= TEXT_CONTRAST else _readable(accent, surfaces, CHANGED_CONTRAST)


def _readable(color: str, surfaces: tuple[str, ...], least: float) -> str:
    """The color itself, or its nearest darker (on light) or lighter (on dark) sister with enough contrast."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(color))
    step = 0.01 if _is_dark(surfaces) else -0.01
    candidate = color
    while min(contrast(candidate, surface) for surface in surfaces) < least:
        lightness = min(1.0, max(0.0, lightness + step))
        candidate = _hex(colorsys.hls_to_rgb(hue, lightness, saturation))
    return candidate


def _is_dark(surfaces: tuple[str, ...]) -> bool:
    return _luminance(surfaces[0]) < 0.2


def _mix(color: str, base: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(base), strict=True)
    return _hex(tuple(share * one + (1 - share) * other for one, other in pairs))


def _luminance(color: str) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(color: str) -> tuple[float, ...]:
    return tuple(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))


def _hex(channels: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in channels)
