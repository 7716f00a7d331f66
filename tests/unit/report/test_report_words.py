from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from prefixbench.report.palette import COLOURS, GROUND, SURFACE, WASH_EQUIVALENT
from prefixbench.report.words import (
    clean_text,
    format_count,
    format_interval,
    format_p,
    format_points,
    format_share,
    join_words,
    make_anchor,
    name_briefly,
    shorten,
    show_prefix,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.24, "+1.2"),
        (-0.31, "−0.3"),
        (0.04, "0.0"),
        (-0.04, "0.0"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (np.float64(2), "+2.0"),
    ],
)
def test_points_carry_their_sign(value: float, text: str) -> None:
    assert format_points(value) == text


def test_intervals_counts_shares_and_p_values() -> None:
    assert format_interval(-0.34, 1.2) == "[−0.3, +1.2]"
    assert format_interval(math.nan, 1.2) == ""
    assert format_count(12345) == "12\u202f345"
    assert format_count(math.nan) == "–"
    assert format_count(pd.NA) == "–"  # type: ignore[arg-type] # what an absent whole number is in a frame
    assert format_share(0.5) == "50 %"
    assert format_share(0.001) == "< 1 %"
    assert format_share(0.0) == "0 %"
    assert format_p(0.0001) == "< 0.001"
    assert format_p(0.0312) == "0.031"
    assert join_words(["a", "b", "c"]) == "a, b and c"


def test_whitespace_of_prefixes_is_visible() -> None:
    assert show_prefix("query: ") == "query:·"
    assert show_prefix("Instruct: x\nQuery:\t") == "Instruct:·x⏎Query:⇥"
    assert show_prefix("a\x1bb") == "a\ufffdb"
    assert show_prefix("") == "∅"


def test_control_characters_and_overrides_do_not_pass() -> None:
    assert clean_text("a\x1b[31mb\u202ec\x00") == "a\ufffd[31mb\ufffdc\ufffd"
    assert clean_text("שלום\n\t한국어 👩\u200d🔬") == "שלום\n\t한국어 👩\u200d🔬"


def test_long_names_keep_both_ends() -> None:
    assert shorten("x" * 10, 10) == "x" * 10
    short = shorten("organisation/a-very-long-model-name-v1.5", 20)
    assert len(short) == 20
    assert short.startswith("organisation")
    assert short.endswith("-v1.5")
    assert name_briefly("intfloat/e5-small-v2", 40) == "e5-small-v2"


def test_anchors_are_distinct_and_plain() -> None:
    names = ["intfloat/e5", "<b>", "<i>", "שלום", "עולם", "x" * 300, "x" * 301, "7 wonders", ""]
    anchors = [make_anchor("model", name) for name in names]
    assert len(set(anchors)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", anchor) for anchor in anchors)
    assert anchors[0] == "model-intfloat-e5"


def compute_contrast(first: str, second: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_is_readable_on_every_ground(mode: str) -> None:
    names = ("ink", "muted", "helps", "hurts", "equivalent", "inconclusive")
    for colour in COLOURS:
        if colour.name in names:
            for ground in (GROUND, SURFACE, WASH_EQUIVALENT):
                assert compute_contrast(getattr(colour, mode), getattr(ground, mode)) >= 4.5, (colour.name, ground.name)
