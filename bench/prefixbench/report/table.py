"""Tables as values: what each cell says, and what it sorts by."""

from __future__ import annotations

from dataclasses import dataclass

from prefixbench.report.words import (
    TONES,
    VERDICT_GLYPHS,
    format_count,
    format_interval,
    format_points,
    is_number,
)

_VERDICT_ORDER = ("hurts", "negative", "inconclusive", "equivalent", "positive", "helps")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading.

    Attributes:
        label: What stands above it.
        numeric: Whether it sorts as numbers and is set flush right.
        wide: Whether a phone leaves it out; the CSV has it.
        hint: What the heading means, for those who ask.
    """

    label: str
    numeric: bool = False
    wide: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    Attributes:
        text: What it shows.
        sort: What it sorts by, where that is not its text.
        style: Class names.
    """

    text: str
    sort: float | None = None
    style: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row, with a fragment identifier where it can be linked to."""

    entries: tuple[Entry, ...]
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that a reader can sort and filter.

    Attributes:
        anchor: Its fragment identifier.
        caption: What it holds.
        columns: Left to right; the first one heads its row.
        lines: As first shown.
        csv_link: Its data as a link, where it has one.
    """

    anchor: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    csv_link: str = ""


def enter_points(value: float, digits: int = 1) -> Entry:
    """A difference in points."""
    return Entry(format_points(value, digits), float(value) if is_number(value) else None)


def enter_interval(low: float, high: float) -> Entry:
    """An interval in points; sorts by its lower end."""
    return Entry(format_interval(low, high) or "–", float(low) if is_number(low) else None)


def enter_count(value: float) -> Entry:
    """A whole number."""
    return Entry(format_count(value), float(value) if is_number(value) else None)


def enter_verdict(verdict: str, reason: str = "") -> Entry:
    """A verdict with its glyph and, where it is not what the interval looks like, why; sorts from hurts to helps."""
    shown = f"{VERDICT_GLYPHS.get(verdict, '?')}\N{NO-BREAK SPACE}{verdict}"
    place = float(_VERDICT_ORDER.index(verdict)) if verdict in _VERDICT_ORDER else None
    return Entry(f"{shown} ({reason})" if reason else shown, place, f"verdict {TONES.get(verdict, 'inconclusive')}")
