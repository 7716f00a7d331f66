"""How things are said: verdicts with their glyphs, numbers with their signs, names made safe to show."""

from __future__ import annotations

import hashlib
import math
import numbers
import re

from prefixbench.plain import clean_text as clean_text
from prefixbench.spec.visible import show_whitespace

VERDICT_GLYPHS = {
    "helps": "▲",
    "hurts": "▼",
    "equivalent": "■",
    "positive": "△",
    "negative": "▽",
    "inconclusive": "○",
    "same strings": "＝",
    "inert": "∅",
    "described": "◌",
}
"""A verdict's sign: filled where it holds, hollow where its size or its direction is open."""

TONES = {
    "helps": "helps",
    "hurts": "hurts",
    "equivalent": "equivalent",
    "positive": "inconclusive",
    "negative": "inconclusive",
    "inconclusive": "inconclusive",
    "same strings": "inconclusive",
    "inert": "inconclusive",
    "described": "inconclusive",
}
"""The colour a verdict takes; what is not shown takes none of its own."""

MINUS = "\N{MINUS SIGN}"


def is_number(value: object) -> bool:
    """Whether a frame's value is there at all."""
    return isinstance(value, numbers.Real) and not math.isnan(value)


def format_points(value: float, digits: int = 1) -> str:
    """A difference in points with its sign (``+1.2``, ``−0.3``, ``0.0``); ``–`` where there is none."""
    if not is_number(value):
        return "–"
    if not math.isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    rounded = round(float(value), digits)
    if rounded == 0.0:
        return f"{0.0:.{digits}f}"
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):.{digits}f}"


def format_shift(value: float) -> str:
    """A change of a cosine with its sign (``+0.04``, ``−0.12``)."""
    return format_points(value, 2)


def format_interval(low: float, high: float, digits: int = 1) -> str:
    """``[−0.3, +1.2]``, or nothing where an end is missing."""
    if not (is_number(low) and is_number(high)):
        return ""
    return f"[{format_points(low, digits)}, {format_points(high, digits)}]"


def format_count(value: float) -> str:
    """A whole number with thin spaces between thousands."""
    if not is_number(value):
        return "–"
    return "∞" if math.isinf(value) else f"{round(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def format_p(value: float) -> str:
    """A p value, never shown as zero."""
    if not is_number(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def format_share(value: float, digits: int = 0) -> str:
    """A share (0–1) as a percentage; a share that is small but not zero is never shown as zero."""
    if not is_number(value):
        return "–"
    smallest = 10.0 ** -(digits + 2)
    if 0.0 < value < smallest:
        return f"< {smallest * 100:.{digits}f} %"
    return f"{value * 100:.{digits}f} %"


def count_noun(n: int, noun: str, plural: str | None = None) -> str:
    """``1 task``, ``3 tasks``."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def join_words(words: list[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def show_prefix(text: str) -> str:
    """A prefix with its blanks and breaks made visible, safe to show; nothing at all is ``∅``."""
    return show_whitespace(clean_text(text))


def shorten(text: str, limit: int) -> str:
    """A name cut in its middle, so that both ends still tell it from its neighbours."""
    cleaned = clean_text(text)
    if len(cleaned) <= limit:
        return cleaned
    head = (limit - 1) * 2 // 3
    return f"{cleaned[:head]}…{cleaned[head + 1 - limit :]}"


def name_briefly(subject: str, limit: int) -> str:
    """A model without its organisation or folder, cut to fit a panel; what tells it from another one stays."""
    model, space, told_apart = subject.partition(" (")
    return shorten((model.rpartition("/")[2] or model) + space + told_apart, limit)


def make_anchor(*parts: str) -> str:
    """A fragment identifier of letters, digits and hyphens that no other name shares.

    A short digest tells names apart that differ only in what such an identifier cannot hold.
    """
    name = "-".join(parts).casefold()
    slug = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    if len(slug) > 80 or re.search(r"[^a-z0-9/._:· ()-]", name):
        digest = hashlib.blake2b(name.encode(errors="replace"), digest_size=4).hexdigest()
        slug = f"{slug[:70].rstrip('-')}-{digest}".lstrip("-")
    return slug if slug[:1].isalpha() else f"x-{slug}"
