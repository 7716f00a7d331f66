"""Which conditions are compared with which, and how a contrast is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.errors import SpecError, describe_unknown_name

if TYPE_CHECKING:
    from collections.abc import Collection

Pair = tuple[str, str]
"""(condition, baseline); the delta is the first's score minus the second's."""

CLUSTERING = "Clustering"
"""mteb's type whose units are draws of one corpus."""

PRIMARY: Pair = ("correct", "none")
"""The one question every run asks."""

SIDES: tuple[Pair, ...] = (
    ("query-only", "none"),
    ("document-only", "none"),
    ("query-only", "correct"),
    ("document-only", "correct"),
)
"""What each side's prefix is worth; asked where the primary contrast has an answer."""

EXPLORED: tuple[Pair, ...] = (("wrong", "correct"), ("instruction", "correct"), ("correct", "placebo"))
"""Always made besides, and every condition against ``none``."""


def format_contrast(pair: Pair) -> str:
    """``correct-none`` of ``("correct", "none")``."""
    return f"{pair[0]}-{pair[1]}"


def parse_contrast(text: str, conditions: Collection[str]) -> Pair:
    """Read ``A-B``; names hold hyphens themselves, so the split is where both halves are conditions of the run.

    Raises:
        SpecError: No split gives two different conditions.
    """
    for place, character in enumerate(text):
        first, second = text[:place], text[place + 1 :]
        if character == "-" and {first, second} <= set(conditions) and first != second:
            return first, second
    choices = [format_contrast((a, b)) for a in sorted(conditions) for b in sorted(conditions) if a != b]
    raise SpecError(describe_unknown_name("contrast", text, choices, "--contrast"))


def list_contrasts(conditions: Collection[str], requested: tuple[Pair, ...] = ()) -> list[Pair]:
    """Every contrast made among these conditions; those with a share of the index against ``correct`` too."""
    mixed = [("correct", name) for name in sorted(conditions) if name.startswith("mixed:")]
    wanted = [PRIMARY, *SIDES, *((name, "none") for name in sorted(conditions)), *EXPLORED, *mixed, *requested]
    return [pair for pair in dict.fromkeys(wanted) if pair[0] != pair[1] and {*pair} <= {*conditions}]
