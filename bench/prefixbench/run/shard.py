"""A share of a sweep, for one of several machines that know nothing of each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prefixbench.errors import SpecError
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.expand import Plan


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` shares, the first being number 1.

    The cells of one model on one task, subset and split stay together, so that each share embeds and compares with its
    own baseline; such groups are dealt out in turn, so that shares are alike.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``I/N``.

        Raises:
            SpecError: It is no share, such as 0/4 or 5/4.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.index <= shard.count:
            raise SpecError(
                f"--shard {text!r}: write I/N with I from 1 to N, such as 1/4 for the first of four shares."
            )
        return shard

    def choose(self, plan: Plan) -> frozenset[str]:
        """Ids of this share's cells; the shares of one plan are disjoint and together the whole of it."""
        groups: dict[tuple[str, ...], list[str]] = {}
        cells: list[Cell | UnplannedCell] = [*plan.cells, *plan.unplanned]
        for cell in cells:
            groups.setdefault(_group_of(cell), []).append(cell.cell_id)
        ids = list(groups.values())[self.index - 1 :: self.count]
        return frozenset(cell_id for group in ids for cell_id in group)

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"


def _group_of(cell: Cell | UnplannedCell) -> tuple[str, ...]:
    return (cell.model.name, cell.task.name, cell.hf_subset, cell.hf_split)
