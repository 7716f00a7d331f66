"""What a sweep has to do: the pending cells of one model on one place, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from prefixbench.plan.cell import Cell
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.run.texts import PlaceTexts
from prefixbench.score import TextPart
from prefixbench.spec.conditions import BASELINE
from prefixbench.spec.sweep import ModelSpec


@dataclass(eq=False)
class Work:
    """The pending cells of one model on one place.

    Attributes:
        baseline: The cell of ``none``, pending or not: the geometry compares with its vectors.
        has_baseline: Whether those vectors are there.
        held: What is to be scored once it is known whether they are; encoders beside one another keep no order.
        texts: What the place asks for, until all of it is embedded.
    """

    model: ModelSpec
    place: Place
    cells: list[Cell] = field(default_factory=list)
    baseline: Cell | None = None
    has_baseline: bool = False
    held: list[Callable[[], None]] | None = None
    n_to_encode: int = 0
    n_to_record: int = 0
    texts: PlaceTexts | None = None
    samples: tuple[TextPart, ...] = ()

    def list_made(self) -> set[str]:
        """Names of all vectors that its cells leave in the store."""
        return {name_vectors(cell) for cell in (self.baseline, *self.cells) if cell is not None}

    def list_needed(self, cell: Cell) -> tuple[str, ...]:
        """Names of the vectors that scoring an encoded cell reads."""
        own = (name_vectors(cell),)
        if self.baseline is None or self.baseline is cell or not self.has_baseline:
            return own
        return (*own, name_vectors(self.baseline))

    def discard_texts(self) -> None:
        """Let go of the texts, and of the file that holds a large corpus."""
        if self.texts is not None:
            self.texts.manifest.discard()
        self.texts = None


def list_work(plan: Plan, pending: Collection[str]) -> list[Work]:
    """The work of a plan's pending cells, in the plan's order."""
    found: dict[tuple[ModelSpec, Place], Work] = {}
    for cell in plan.cells:
        place = Place.of(cell)
        work = found.setdefault((cell.model, place), Work(cell.model, place))
        if BASELINE in cell.conditions:
            work.baseline = cell
        if cell.cell_id in pending:
            work.cells.append(cell)
    return [work for work in found.values() if work.cells]


def name_vectors(cell: Cell) -> str:
    """The name under which an encoded cell's vectors are asked for."""
    return f"vectors {cell.cell_id}"


def label_of(cell: Cell) -> str:
    """The cell as a person names it."""
    subset = "" if cell.hf_subset == "default" else f":{cell.hf_subset}"
    names = " = ".join(str(condition) for condition in cell.conditions)
    return f"{cell.model.name} · {cell.task.name}{subset} · {names}"
