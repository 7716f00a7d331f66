"""Tables as values: what each cell says, and what it sorts by."""

from __future__ import annotations

from dataclasses import dataclass, field

from prefixbench.report.words import VERDICT_GLYPHS, format_count, format_interval, format_points, is_number

LONGEST_WORD = 42
"""Letters that still stand on one line of a table."""
LONGEST_NAME = 60
"""Longer texts are sentences and get a wider column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading.

    Attributes:
        label: What stands above it.
        numeric: Whether it sorts as numbers and is set flush right.
        hint: What the heading means, for those who ask.
    """

    label: str
    numeric: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    Attributes:
        text: What it shows.
        sort: What it sorts by, where that is not its text.
        style: Class names (``verdict helps``, ``exact``).
        href: Where it leads inside the page.
    """

    text: str
    sort: float | None = None
    style: str = ""
    href: str = ""

    @property
    def classes(self) -> str:
        """Its style, and whether it is prose or holds a word so long that it may break anywhere."""
        is_long = any(len(word) > LONGEST_WORD for word in self.text.split())
        is_prose = len(self.text) > LONGEST_NAME and not is_long
        return " ".join(word for word in (self.style, "long" if is_long else "", "prose" if is_prose else "") if word)


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
        caption: What it holds, in a sentence.
        columns: Left to right; the first one heads its row.
        lines: As first shown.
        csv_link: Its data as a link, where it has one.
        filtered: Whether a filter pays: long tables only.
    """

    anchor: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    csv_link: str = ""
    filtered: bool = field(default=True)


def enter_points(value: float, digits: int = 1) -> Entry:
    """A difference in points."""
    return Entry(format_points(value, digits), float(value) if is_number(value) else None)


def enter_interval(low: float, high: float) -> Entry:
    """An interval in points; sorts by its lower end."""
    return Entry(format_interval(low, high) or "–", float(low) if is_number(low) else None)


def enter_number(value: float, digits: int = 1) -> Entry:
    """A plain number."""
    return Entry(f"{value:.{digits}f}", float(value)) if is_number(value) else Entry("–")


def enter_count(value: float) -> Entry:
    """A whole number."""
    return Entry(format_count(value), float(value) if is_number(value) else None)


def enter_verdict(verdict: str, *, same: bool = False) -> Entry:
    """A verdict with its glyph; sorts from hurts to helps. ``same`` strings were sent: there was nothing to compare."""
    order = ("hurts", "inconclusive", "equivalent", "helps")
    return Entry(
        f"{VERDICT_GLYPHS.get(verdict, '?')}\N{NO-BREAK SPACE}{verdict}{' (same strings)' if same else ''}",
        float(order.index(verdict)) if verdict in order else None,
        f"verdict {verdict}",
    )
