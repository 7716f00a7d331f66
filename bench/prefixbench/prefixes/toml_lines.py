"""Which line of a TOML file a value stands on, so that a fault can be shown where it is."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefixbench.faults import Fault, write_place

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-]+))*)\s*=""")
_PART = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_\-]+)\s*""")

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LineIndex:
    """The line of every table and key.

    Attributes:
        lines: 1-based line by path; arrays of tables are indexed by position.
    """

    lines: Mapping[Location, int]

    @classmethod
    def read(cls, text: str) -> LineIndex:
        """Index a TOML document that is known to parse; values spanning lines count as their first."""
        lines: dict[Location, int] = {}
        counts: Counter[Location] = Counter()
        table: Location = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                table = _table_path(header.group(2), counts, opens_item=header.group(1) == "[[")
                lines.setdefault(table, number)
            elif key := _KEY.match(line):
                lines.setdefault((*table, *_parts(key.group(1))), number)
        return cls(lines)

    def write(self, path: Path, fault: Fault) -> str:
        """A fault of the file at this path, with its line and its place."""
        return f"{path}:{self.line_of(fault.place)}: {write_place(fault.place)}: {fault.sentence}"

    def line_of(self, location: Sequence[str | int]) -> int:
        """The line of the innermost part of a path that stands on a line of its own; 1 for the whole file."""
        path = tuple(location)
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return 1


class UnreadableTomlError(Exception):
    """A file that cannot be read as TOML; the text says why, the file is for the caller to name."""


def read_toml(path: Path) -> tuple[dict[str, Any], LineIndex]:
    """A file's content, and which line each value stands on.

    Raises:
        UnreadableTomlError: The file cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), LineIndex.read(text)
    except OSError as error:
        raise UnreadableTomlError(f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableTomlError(f"not valid TOML: {error}") from error


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _table_path(dotted: str, counts: Counter[Location], *, opens_item: bool) -> Location:
    path: Location = ()
    parts = _parts(dotted)
    for position, part in enumerate(parts):
        path = (*path, part)
        if opens_item and position == len(parts) - 1:
            counts[path] += 1
        if counts[path]:
            path = (*path, counts[path] - 1)
    return path
