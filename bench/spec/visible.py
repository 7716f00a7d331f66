"""Prefixes as a person can read them: a trailing space counts, so it must be seen."""

from __future__ import annotations

_MARKS = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍", "\u00a0": "⍽"}


def show_whitespace(text: str) -> str:
    """A prefix with its blanks and breaks made visible; nothing at all is shown as ``∅``."""
    return "".join(_MARKS.get(letter, letter) for letter in text) or "∅"
