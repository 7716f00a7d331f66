"""Colours with a name each: drawn in their light value, turned into CSS variables, redefined for dark by the page.

Blue against orange stays apart under every common colour blindness; shape says the same again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """One named colour: its light value, which no other name shares, and its dark value."""

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

STEPS = (
    Colour("step-0", "#7f2a04", "#a8480f"),
    Colour("step-1", "#b6581f", "#864012"),
    Colour("step-2", "#efb083", "#643618"),
    Colour("step-3", "#f8dfcf", "#43291b"),
    Colour("step-4", "#f2f3f4", "#262b32"),
    Colour("step-5", "#d6e6f4", "#1d3347"),
    Colour("step-6", "#93c1e6", "#1c4467"),
    Colour("step-7", "#2f7ab8", "#1d588c"),
    Colour("step-8", "#0a4279", "#1f6bad"),
)
"""From great loss over nothing to great gain."""

STEP_INK = Colour("step-ink", "#1a1e24", "#f4f5f7")
STEP_INK_STRONG = Colour("step-ink-strong", "#fffffe", "#f4f5f8")

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
    *STEPS,
    STEP_INK,
    STEP_INK_STRONG,
)

VERDICT_COLOURS = {"helps": HELPS, "hurts": HURTS, "equivalent": EQUIVALENT, "inconclusive": INCONCLUSIVE}

VARIABLE_BY_HEX = {colour.light: colour.variable for colour in COLOURS} | {"#000000": INK.variable}
"""Replaces what a figure was drawn with by what the page defines; matplotlib's own black is ink."""


def compute_step(value: float, limit: float) -> int:
    """Which of ``STEPS`` a value takes on a scale that ends at ``-limit`` and ``limit``; zero is always the middle."""
    middle = len(STEPS) // 2
    if limit <= 0.0:
        return middle
    scaled = max(-1.0, min(1.0, value / limit))
    return middle + round(scaled * middle)


def render_variables() -> str:
    """The style rules that define every colour for light, dark and paper."""
    light = "".join(f"--{colour.name}:{colour.light};" for colour in COLOURS)
    dark = "".join(f"--{colour.name}:{colour.dark};" for colour in COLOURS)
    return f":root{{color-scheme:light dark;{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
