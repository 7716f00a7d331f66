"""Which conditions are compared with which, and how a contrast is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.errors import SpecError, describe_unknown_name

if TYPE_CHECKING:
    from collections.abc import Collection

Pair = tuple[str, str]
"""(condition, baseline); the delta is the first's score minus the second's."""

PLANNED: tuple[Pair, ...] = (
    ("correct", "none"),
    ("wrong", "none"),
    ("instruction", "none"),
    ("wrong", "correct"),
    ("instruction", "correct"),
    ("correct", "placebo"),
)
"""Fixed before any run; the multiplicity correction covers them all."""

SIDES: tuple[Pair, ...] = (("query-only", "correct"), ("document-only", "correct"))
"""What each side's prefix is worth where the other side has its own."""


def format_contrast(pair: Pair) -> str:
    """``correct-none`` of ``("correct", "none")``."""
    return f"{pair[0]}-{pair[1]}"


def parse_contrast(text: str, conditions: Collection[str]) -> Pair:
    """Read ``A-B``; names hold hyphens themselves, so the split is where both halves are conditions of the run.

    Raises:
        SpecError: No split gives two of the conditions.
    """
    for place, character in enumerate(text):
        if character == "-" and text[:place] in conditions and text[place + 1 :] in conditions:
            return text[:place], text[place + 1 :]
    choices = [format_contrast((a, b)) for a in sorted(conditions) for b in sorted(conditions) if a != b]
    raise SpecError(describe_unknown_name("contrast", text, choices, "--contrast"))


def list_contrasts(conditions: Collection[str], requested: tuple[Pair, ...] = ()) -> list[Pair]:
    """Every contrast made among these conditions: planned, against ``none``, by side, and on request."""
    wanted = [*PLANNED, *((name, "none") for name in sorted(conditions)), *SIDES, *requested]
    return [pair for pair in dict.fromkeys(wanted) if pair[0] != pair[1] and {*pair} <= {*conditions}]
