"""Prefixes as a person can read them: a trailing space counts, so it must be seen."""

from __future__ import annotations

from prefixbench.plain import clean_text

MARKS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\u00a0": "⍽"}
"""What stands for each white-space character on the command line."""


def show_whitespace(text: str) -> str:
    """A prefix with its blanks and breaks made visible; nothing at all is shown as ``∅``."""
    return "".join(MARKS.get(letter, letter) for letter in clean_text(text)) or "∅"
