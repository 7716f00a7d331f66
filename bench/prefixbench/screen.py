"""Plain text for a terminal: eighty columns, one screen, words and strings never broken inside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prefixbench.plain import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 80
LINES = 36
"""Lines of a default output: a screen, with room for the command above it and the prompt below."""

LEAST_LAST = 24
"""Columns that the last cell of a row has for its words at least."""

_WORD = re.compile(r"[^ ·⏎]*(?:[·⏎]+| +|$)")
"""A word with the blanks behind it; the marks of a shown string are blanks of that string."""


def measure(text: str) -> int:
    """Return the columns that a terminal gives to a text."""
    from rich.cells import cell_len

    return cell_len(text)


def wrap(text: str, indent: str = "", hang: str | None = None, width: int = WIDTH) -> list[str]:
    """Break a text at its blanks, and a shown string at its marks; only a word longer than a line is cut.

    Args:
        text: One paragraph.
        indent: Stands before the first line.
        hang: Stands before the others; two blanks more than ``indent`` where absent.
        width: Columns.
    """
    hang = f"{indent}  " if hang is None else hang
    lines, line = [], indent
    for word in _WORD.findall(clean_text(" ".join(text.split("\n")))):
        if measure((line + word).rstrip()) > width and line.strip():
            lines.append(line.rstrip())
            line = hang
        line += word
        while measure(line.rstrip()) > width:
            cut = _count_fitting(line, width)
            lines.append(line[:cut])
            line = hang + line[cut:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _count_fitting(line: str, width: int) -> int:
    """Return how many letters of a line fit."""
    return next(n for n in range(len(line), 0, -1) if measure(line[:n]) <= width)


def set_columns(
    rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset(), indent: str = "  "
) -> list[list[str]]:
    """Return each row's lines, columns aligned; the last column is wrapped, a cell too long has a line of its own.

    Args:
        rows: Cells; every row has as many.
        right: Columns set flush right: numbers.
        indent: Stands before every line.
    """
    table = [tuple(clean_text(" ".join(cell.split("\n"))) for cell in row) for row in rows]
    widths = _fit_widths([[measure(cell) for cell in row] for row in table], WIDTH - len(indent))
    return [_set_row(row, widths, right, indent) for row in table]


def _fit_widths(sizes: Sequence[Sequence[int]], room: int) -> list[int]:
    """Return the columns' widths: the longest cells of the widest column give way until a row fits."""
    columns = [sorted(set(column)) for column in zip(*sizes, strict=True)]
    while columns and sum(c[-1] for c in columns[:-1]) + min(columns[-1][-1], LEAST_LAST) + 2 * len(columns) - 2 > room:
        widest = max((column for column in columns[:-1] if len(column) > 1), key=lambda c: c[-1], default=None)
        if widest is None:
            break
        widest.pop()
    return [column[-1] for column in columns]


def _set_row(row: Sequence[str], widths: Sequence[int], right: frozenset[int], indent: str) -> list[str]:
    lines, line, end = [], indent, len(indent)
    for column, (cell, width) in enumerate(zip(row[:-1], widths, strict=False)):
        padding = " " * (width - measure(cell))
        line = _pad(line, end) + (padding + cell if column in right else cell + padding)
        end += width + 2
        if measure(cell) > width:
            lines.append(line.rstrip())
            line = ""
    last = " " * (widths[-1] - measure(row[-1])) + row[-1] if len(row) - 1 in right else row[-1]
    lines += wrap(last, _pad(line, end), " " * min(end, WIDTH - LEAST_LAST))
    return flatten([line] if measure(line) <= WIDTH else wrap(line, hang=f"{indent}  ") for line in lines)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - measure(text))


def flatten(blocks: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of all blocks."""
    return [line for block in blocks for line in block]


def limit(blocks: Sequence[Sequence[str]], most: int, more: str) -> list[str]:
    """Return the lines of the first blocks that fit, and a last line on how many there are besides.

    Args:
        blocks: Lines that belong together.
        most: Lines there is room for.
        more: Of the last line; ``{}`` is the number of blocks left out.
    """
    if len(lines := flatten(blocks)) <= most:
        return lines
    kept: list[str] = []
    for n, block in enumerate(blocks):
        if len(kept) + len(block) > most - 1:
            return [*kept, more.format(f"{len(blocks) - n:,}")]
        kept += block
    return kept
