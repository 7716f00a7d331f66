"""``prefixbench search-prefix``: many strings for queries, halved on one half of the queries, judged by the other."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.analysis.compare import choose_settings
from prefixbench.analysis.held_out import HeldOut, judge_held_out
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.errors import AnalysisError, SpecError
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.planning import fetch_folder, make_plan
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import CustomPrefix, SweepSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.plan.cell import Cell
    from prefixbench.results import Run
    from prefixbench.run.progress import Progress

PROPOSED = ("none", "correct", "instruction", *(f"paraphrase:{n}" for n in range(1, 6)), "cross", "placebo")
"""Where candidates come from, besides the user's own: the family's strings, rewordings, the task's instruction."""

NOTHING = "none"
FEWEST_QUERIES = 20
"""Of the first rung; fewer tell candidates apart by luck alone."""

FEWEST_CANDIDATES = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A string for queries.

    Attributes:
        name: The first condition that sends it.
        query: The string.
        aliases: Other conditions that send the same.
    """

    name: str
    query: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """Candidates over as many queries.

    Attributes:
        n_queries: How many.
        scores: Main scores (0–1) by candidate, the best first.
        n_kept: How many of them went on.
    """

    n_queries: int
    scores: tuple[tuple[str, float], ...]
    n_kept: int


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    Attributes:
        model: The model.
        task: The task.
        metric: Its main score.
        document: What documents were sent with throughout.
        candidates: All that were tried; nothing is among them, as what they are compared with.
        rungs: The halving.
        winner: The candidate left.
        held_out: The winner against nothing, and against the documented string where it is another.
        folder: The results of the whole task.
    """

    model: str
    task: str
    metric: str
    document: str
    candidates: tuple[Candidate, ...]
    rungs: tuple[Rung, ...]
    winner: Candidate
    held_out: tuple[HeldOut, ...]
    folder: Path


def search_prefix(spec: SweepSpec, options: SweepOptions, progress: Progress, *, prefixed_index: bool) -> Search:
    """Find the best string for queries, honestly.

    Candidates are scored on a few queries of one half, the worse half is dropped, the rest scored on twice as many,
    until that half is used up. Documents are sent with one string throughout, so that their vectors are computed
    once. The winner is judged by the other half, which no rung has seen.

    Args:
        spec: One model and one task; its conditions are where candidates come from.
        options: Where results go (a folder a rung, and one for the whole task) and how sweeps are run.
        progress: Told of every sweep.
        prefixed_index: Whether documents are sent with their documented string, or with nothing.

    Raises:
        SpecError: More than one model or task, a task without queries, too few queries or candidates.
        AnalysisError: No query is left to judge by.
    """
    cells = _plan_candidates(spec, options)
    first = cells[0]
    document = _choose_document(cells) if prefixed_index else ""
    candidates = list_candidates(cells)
    sweep = _Sweeper(spec, options, progress, document).score
    anchors = [one for one in candidates if {NOTHING, "correct"} & {one.name, *one.aliases}]
    whole = sweep("whole", anchors, spec.limit)
    n_queries = min(row.n_items for row in whole.results)
    limits = plan_rungs(len(candidates) - 1, n_queries // 2)
    rungs: list[Rung] = []
    left = [one for one in candidates if one.name != NOTHING]
    seen: frozenset[str] = frozenset()
    for number, limit in enumerate(limits, start=1):
        run = sweep(f"rung-{number}", left, limit)
        scores = {one.name: _read_score(run, one) for one in left}
        ranked = sorted(left, key=lambda one: -scores[one.name])
        kept = 1 if limit == limits[-1] else math.ceil(len(ranked) / 2)
        rungs.append(Rung(limit, tuple((one.name, scores[one.name]) for one in ranked), kept))
        left = ranked[:kept]
        seen = frozenset(str(name) for row in run.results for name in run.items(row.cell_id).item_id)
    winner = left[0]
    whole = sweep("whole", list(dict.fromkeys([*anchors, winner])), spec.limit)
    held_out = _judge(whole, winner, anchors, seen)
    return Search(
        first.model.name, first.task.name, first.task.main_score, document, tuple(candidates), tuple(rungs), winner,
        held_out, options.folder / "whole",
    )  # fmt: skip


def _plan_candidates(spec: SweepSpec, options: SweepOptions) -> list[Cell]:
    plan, _ = make_plan(spec, functools.partial(fetch_folder, cache=options.cache), options.cache)
    places = {(cell.model.name, cell.task.name, cell.hf_subset, cell.hf_split) for cell in plan.cells}
    if len(places) != 1:
        raise SpecError(
            f"search-prefix takes one model and one task (one subset and split of it); these are {len(places)}: "
            f"{'; '.join(' · '.join(place) for place in sorted(places)[:3])}."
        )
    first = plan.cells[0]
    if not first.task.has_roles:
        raise SpecError(
            f"search-prefix looks for what to send with queries, and {first.task.name} is of type "
            f"{first.task.task_type}; sweep the conditions and take `prefixbench choose`."
        )
    steered = [
        cell for cell in plan.cells if any(side.adapter or side.api for side in (cell.pair.query, cell.pair.document))
    ]
    if steered:
        raise SpecError(
            f"search-prefix looks for text, and {first.model.name} takes its task otherwise ({first.mechanism})."
        )
    return list(plan.cells)


def _choose_document(cells: Sequence[Cell]) -> str:
    """What is documented for documents, the slot of a title filled with ``none``; nothing where nothing is."""
    found = [cell.pair.document.prefix_for() for cell in cells if "correct" in {str(name) for name in cell.conditions}]
    return found[0] if found else ""


def list_candidates(cells: Sequence[Cell]) -> list[Candidate]:
    """Every distinct string that a condition sends with queries; nothing comes first.

    Raises:
        SpecError: There are too few to choose among.
    """
    names: dict[str, list[str]] = {"": [NOTHING]}
    for cell in cells:
        names.setdefault(cell.pair.query.prefix, []).extend(str(name) for name in cell.conditions)
    candidates = [Candidate(own[0], query, tuple(dict.fromkeys(own[1:]))) for query, own in names.items()]
    if len(candidates) <= FEWEST_CANDIDATES:
        raise SpecError(
            f"searching needs {FEWEST_CANDIDATES} strings besides nothing, and the conditions send "
            f'{len(candidates) - 1}; add your own with --prefix NAME:query="…".'
        )
    return candidates


def plan_rungs(n_candidates: int, n_queries: int) -> list[int]:
    """Queries of each rung, doubling up to ``n_queries``, as many rungs as it takes to be left with one.

    Raises:
        SpecError: There are too few queries.
    """
    if n_queries < FEWEST_QUERIES:
        raise SpecError(
            f"one half of the task holds {n_queries} queries; {FEWEST_QUERIES} are the fewest that candidates can be "
            "told apart by."
        )
    wanted = max(1, math.ceil(math.log2(n_candidates)))
    limits = [n_queries >> (wanted - 1 - rung) for rung in range(wanted)]
    return [limit for limit in limits if limit >= FEWEST_QUERIES]


def _name_custom(candidate: Candidate) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", candidate.name)


@dataclass(frozen=True, slots=True)
class _Sweeper:
    """Scores candidates, each with the same documents.

    Attributes:
        spec: Model and task.
        options: How sweeps are run.
        progress: Told of every sweep.
        document: What documents are sent with.
    """

    spec: SweepSpec
    options: SweepOptions
    progress: Progress
    document: str

    def score(self, name: str, candidates: Sequence[Candidate], limit: int | None) -> Run:
        """Sweep candidates as prefixes of the user's own; an interrupted search goes on where it was.

        Raises:
            AnalysisError: A candidate has no score.
        """
        custom = {_name_custom(one): CustomPrefix(query=one.query, document=self.document) for one in candidates}
        conditions = tuple(Condition.parse(f"custom:{own}") for own in custom)
        changed = self.spec.model_copy(update={"custom": custom, "conditions": conditions, "limit": limit})
        folder = self.options.folder / name
        self.progress.say(f"{name}: {len(candidates)} strings{'' if limit is None else f', {limit} queries'}")
        run_sweep(changed, SweepOptions(folder, self.options.cache, workers=self.options.workers), self.progress)
        run = load_run(folder)
        if run.failures or run.missing:
            reason = run.failures[0].reason if run.failures else run.describe_missing()
            raise AnalysisError(f"{folder}: a candidate has no score: {reason}")
        return run


def _read_score(run: Run, candidate: Candidate) -> float:
    wanted = f"custom:{_name_custom(candidate)}"
    return next(row.score for row in run.results if wanted in row.conditions)


def _judge(run: Run, winner: Candidate, anchors: Sequence[Candidate], seen: frozenset[str]) -> tuple[HeldOut, ...]:
    ((place, cells),) = group_by_place(run).items()
    others = [one for one in anchors if one.query != winner.query]
    pairs = [(f"custom:{_name_custom(winner)}", f"custom:{_name_custom(one)}") for one in others]
    return judge_held_out(pair_cells(run, place, cells), seen, pairs, choose_settings(run))
