"""Values of rows as the parts they play: a text, a name, a label, a number; anything else is a fault."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prefixbench.data.faults import Faults

SIMILAR = {"1": 1, "0": 0, "true": 1, "false": 0, "yes": 1, "no": 0, "similar": 1, "dissimilar": 0}
"""What pairs are called that are, or are not, alike."""


HALF = "holds half of a surrogate pair, which is no letter"


class RowReader:
    """Takes parts out of the rows of one file and notes what is wrong with them."""

    def __init__(self, file: str, columns: Mapping[str, str], faults: Faults) -> None:
        self.file = file
        self.columns = columns
        self._faults = faults

    def text(self, line: int, row: Mapping[str, Any], part: str, *, may_be_empty: bool = False) -> str | None:
        """Return a text; ``None`` where there is none."""
        value = row.get(self.columns[part])
        return "" if may_be_empty and value in (None, "") else self._check_text(line, value, part)

    def title(self, line: int, row: Mapping[str, Any]) -> str:
        """Return a title, which may be missing."""
        value = row.get("title") or ""
        if not isinstance(value, str):
            self.fault(line, "the title is no text")
        elif not _is_encodable(value):
            self.fault(line, f"the title {HALF}")
        else:
            return value
        return ""

    def texts(self, line: int, row: Mapping[str, Any], part: str) -> list[str]:
        """Return one text or several."""
        value = row.get(self.columns[part])
        values = value if isinstance(value, list) else [value]
        if not values:
            self.fault(line, f"{self._name(part)} is an empty list")
        return [text for one in values if (text := self._check_text(line, one, part)) is not None]

    def _check_text(self, line: int, value: object, part: str) -> str | None:
        if value is None:
            self.fault(line, f"{self._name(part)} is missing")
        elif not isinstance(value, str):
            self.fault(line, f"{self._name(part)} is {_describe_type(value)}, not text")
        elif not value.strip():
            self.fault(line, f"{self._name(part)} is empty")
        elif not _is_encodable(value):
            self.fault(line, f"{self._name(part)} {HALF}")
        else:
            return value
        return None

    def name(self, line: int, row: Mapping[str, Any], part: str) -> str | None:
        """Return a name, such as an id, which may be written as a whole number."""
        value = row.get(self.columns[part])
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self._check_text(line, value, part)

    def names(self, line: int, row: Mapping[str, Any], part: str) -> list[str] | None:
        """Return several names: a list, or one text that separates them by semicolons."""
        value = row.get(self.columns[part])
        if isinstance(value, str):
            value = [one.strip() for one in value.split(";") if one.strip()]
        if isinstance(value, list) and all(isinstance(one, str | int) and not isinstance(one, bool) for one in value):
            names = [str(one) for one in value]
            if all(map(_is_encodable, names)):
                return names
            self.fault(line, f"{self._name(part)} {HALF}")
            return None
        self.fault(line, f"{self._name(part)} is {_describe_type(value)}, not a list of names")
        return None

    def number(self, line: int, row: Mapping[str, Any], part: str) -> float | None:
        """Return a finite number."""
        value = row.get(self.columns[part])
        try:
            number = float(value)  # type: ignore[arg-type] # anything else is what the error is for
        except (TypeError, ValueError):
            number = math.nan
        if math.isfinite(number) and not isinstance(value, bool):
            return number
        self.fault(line, f"{self._name(part)} is {_describe_type(value)}, not a number")
        return None

    def similar(self, line: int, row: Mapping[str, Any]) -> int | None:
        """Return 1 for a pair that is similar, 0 for one that is not."""
        value = row.get(self.columns["similar"])
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if text.strip().lower() in SIMILAR:
            return SIMILAR[text.strip().lower()]
        self.fault(
            line, f"{self._name('similar')} tells neither similar from dissimilar; valid choices: {', '.join(SIMILAR)}"
        )
        return None

    def fault(self, line: int, sentence: str) -> None:
        """Note a fault of this file."""
        self._faults.add(self.file, line, sentence)

    def _name(self, part: str) -> str:
        column = self.columns[part]
        return f"the {part}" if column == part else f"the {part} (column {column})"


def _describe_type(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}
    return "missing" if value is None else kinds.get(type(value), f"a {type(value).__name__}")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
