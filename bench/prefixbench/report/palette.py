"""Colours with a name each: CSS variables on the page, in their light value in what is drawn for paper.

Blue against orange stays apart under every common colour blindness; shape says the same again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """One named colour: its light and its dark value."""

    name: str
    light: str
    dark: str

    @property
    def variable(self) -> str:
        """How style sheets refer to it."""
        return f"var(--{self.name})"


INK = Colour("ink", "#1a1e23", "#e9ebee")
MUTED = Colour("muted", "#56606b", "#a9b1bb")
RULE = Colour("rule", "#d5dae0", "#3a414a")
BAND = Colour("band", "#e9ecef", "#2a3038")
GROUND = Colour("ground", "#ffffff", "#15181c")
SURFACE = Colour("surface", "#f6f7f8", "#1d2127")
HELPS = Colour("helps", "#0a62a6", "#72b8f6")
HURTS = Colour("hurts", "#b0430c", "#f5a06a")
EQUIVALENT = Colour("equivalent", "#2c7057", "#83cdab")
INCONCLUSIVE = Colour("inconclusive", "#6a6773", "#b7b2c1")
WASH_HELPS = Colour("wash-helps", "#e7f0f8", "#1b2b3a")
WASH_HURTS = Colour("wash-hurts", "#fbeee6", "#38271c")
WASH_EQUIVALENT = Colour("wash-equivalent", "#e8f2ee", "#1c302a")
WASH_INCONCLUSIVE = Colour("wash-inconclusive", "#f0eff2", "#2a2830")

COLOURS = (
    INK,
    MUTED,
    RULE,
    BAND,
    GROUND,
    SURFACE,
    HELPS,
    HURTS,
    EQUIVALENT,
    INCONCLUSIVE,
    WASH_HELPS,
    WASH_HURTS,
    WASH_EQUIVALENT,
    WASH_INCONCLUSIVE,
)

TONE_COLOURS = {"helps": HELPS, "hurts": HURTS, "equivalent": EQUIVALENT, "inconclusive": INCONCLUSIVE}


def render_variables() -> str:
    """The style rules that define every colour for light, dark and paper."""
    light = "".join(f"--{colour.name}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in COLOURS)
    return f":root{{color-scheme:light dark;{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
