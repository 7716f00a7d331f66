"""What is wrong with data: one sentence a kind and file, with the first line and how many there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from prefixbench.errors import SpecError


@dataclass
class Faults:
    """Collects faults, so that all are told at once.

    Attributes:
        found: First line (0 where the whole file is meant) and number of each fault, by file and sentence.
    """

    found: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, file: str, line: int, sentence: str, count: int = 1) -> None:
        """Note a fault; the same one elsewhere in the file is only counted.

        Args:
            file: As the user names it.
            line: Where it is seen first, from 1; 0 where the whole file is meant.
            sentence: What is wrong, without a full stop.
            count: How often.
        """
        self.found.setdefault((file, sentence), [line, 0])[1] += count

    def raise_any(self) -> None:
        """Raise what was found.

        Raises:
            SpecError: There were faults; one sentence each.
        """
        if self.found:
            raise SpecError([_describe(*key, *value) for key, value in self.found.items()])


def _describe(file: str, sentence: str, line: int, count: int) -> str:
    place = f"{file}, line {line:,}" if line else file
    return f"{place}: {sentence}{f' ({count:,} times in this file)' if count > 1 else ''}."
