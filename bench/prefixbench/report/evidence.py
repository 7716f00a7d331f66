"""Runs and their analyses brought together: one set of frames, each row saying whose it is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.words import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prefixbench.report.inputs import AnalysisFrames, ReportOptions
    from prefixbench.results.records import CellResult
    from prefixbench.results.run import Run

_SEED = re.compile(r"-seed-?\d+(?= · | \(|$)")
"""How the name of a model trained again from another seed ends."""


@dataclass(frozen=True)
class Evidence:
    """Everything a section may draw on.

    A *subject* is what a panel is about: a model, or a model in one run where several runs hold it.

    Attributes:
        runs: In the order given.
        run_names: One distinct name a run.
        options: How the report is written.
        smallest_effects: Points below which a difference does not matter, of any metric here; distinct values.
        contrasts: The analyses' contrasts with ``run``, ``subject`` and ``label`` (task, and subset where it has many).
        tasks: Likewise, a task's subsets and splits averaged.
        types: Likewise, without ``label``: means over the tasks of a type.
        models: Likewise.
        movers: Likewise.
        refusals: Likewise.
        drift: What a threshold kept from none does, where tasks have pairs; likewise with ``label``.
        gains: Who gains more from the documented prefix; likewise with ``label``.
        rankings: How far two conditions find the same documents; likewise with ``label``.
    """

    runs: tuple[Run, ...]
    run_names: tuple[str, ...]
    options: ReportOptions
    smallest_effects: tuple[float, ...]
    contrasts: pd.DataFrame
    tasks: pd.DataFrame
    types: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame
    drift: pd.DataFrame
    gains: pd.DataFrame
    rankings: pd.DataFrame

    @cached_property
    def repeated_models(self) -> frozenset[str]:
        """Models that more than one run holds."""
        counts = Counter(model for run in self.runs for model in {row.model for row in run.results})
        return frozenset(model for model, n in counts.items() if n > 1)

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """In the spec's order; the runs of one model stand side by side."""
        order: dict[str, None] = {}
        for model in dict.fromkeys(name for run in self.runs for name in _order_models(run)):
            for run, run_name in zip(self.runs, self.run_names, strict=True):
                if any(row.model == model for row in run.results):
                    order[self.name_subject(model, run_name)] = None
        return tuple(order)

    @cached_property
    def models_of(self) -> dict[str, str]:
        """The model of each subject, as its tools load it."""
        return {subject: row.model for _, subject, row in self.iterate_results()}

    @cached_property
    def recipes(self) -> dict[str, tuple[str, ...]]:
        """Subjects by recipe: models that differ in nothing but the seed of their training are one."""
        found: dict[str, list[str]] = {}
        for subject in self.subjects:
            found.setdefault(_SEED.sub("", subject), []).append(subject)
        return {recipe: tuple(own) for recipe, own in found.items()}

    def name_subject(self, model: str, run_name: str) -> str:
        """The model, with what tells it from one of the same last name, and with its run where several runs hold it."""
        told_apart = f"{model} ({self.clashing_models[model]})" if model in self.clashing_models else model
        return f"{told_apart} · {run_name}" if model in self.repeated_models else told_apart

    @cached_property
    def clashing_models(self) -> dict[str, str]:
        """Models that share the last part of their names, each with what comes before that part and tells it apart."""
        by_last: dict[str, list[str]] = {}
        for model in dict.fromkeys(row.model for run in self.runs for row in run.results):
            by_last.setdefault(model.rpartition("/")[2], []).append(model)
        return {
            model: _tell_apart(model, own) for own in by_last.values() if len(own) > 1 for model in own if "/" in model
        }

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """Every condition with a finished cell: the baseline first, then as the specs name them."""
        present = {name for run in self.runs for row in run.results for name in row.conditions}
        asked = [str(condition) for run in self.runs for condition in run.spec.conditions]
        return tuple(name for name in dict.fromkeys(["none", *asked, *sorted(present)]) if name in present)

    @cached_property
    def split_tasks(self) -> frozenset[tuple[str, str]]:
        """Tasks (with subset) that were scored on more than one split."""
        splits: dict[tuple[str, str], set[str]] = {}
        for run in self.runs:
            for row in run.results:
                splits.setdefault((row.task, row.hf_subset), set()).add(row.hf_split)
        return frozenset(key for key, names in splits.items() if len(names) > 1)

    def name_task(self, task: str, hf_subset: str, hf_split: str) -> str:
        """A task as people name it: ``XQuADRetrieval:en``; subset and split only where they tell something apart."""
        name = task if hf_subset == "default" else f"{task}:{hf_subset}"
        return clean_text(f"{name} ({hf_split})" if (task, hf_subset) in self.split_tasks else name)

    @cached_property
    def _results(self) -> tuple[tuple[str, str, CellResult], ...]:
        return tuple(
            (run_name, self.name_subject(row.model, run_name), row)
            for run, run_name in zip(self.runs, self.run_names, strict=True)
            for row in run.results
        )

    def iterate_results(self) -> Iterator[tuple[str, str, CellResult]]:
        """Every finished cell with its run's name and its subject."""
        return iter(self._results)

    @cached_property
    def _numbers_of(self) -> dict[str, list[int]]:
        numbers: dict[str, list[int]] = {}
        for number, (_, subject, _) in enumerate(self._results):
            numbers.setdefault(subject, []).append(number)
        return numbers

    def results_of(self, subjects: Iterable[str]) -> Iterator[CellResult]:
        """Finished cells of some subjects, in the runs' order."""
        numbers = sorted(number for subject in set(subjects) for number in self._numbers_of.get(subject, ()))
        return (self._results[number][2] for number in numbers)

    @property
    def version(self) -> str:
        """Of the program that writes the report."""
        return version("prefixbench")


def _tell_apart(model: str, others: Sequence[str]) -> str:
    """Return the fewest folders before the last part of a name that no other name has there."""
    parts = model.split("/")[:-1]
    for n in range(1, len(parts) + 1):
        tail = parts[-n:]
        if sum(other.split("/")[:-1][-n:] == tail for other in others) == 1:
            return "/".join(tail)
    return "/".join(parts)


def gather_evidence(runs: Sequence[Run], analyses: Sequence[AnalysisFrames], options: ReportOptions) -> Evidence:
    """Bring runs and their analyses together.

    Raises:
        ValueError: There is no run, or not one analysis a run.
    """
    if not runs or len(runs) != len(analyses):
        raise ValueError(f"a report needs one analysis a run, but there are {len(runs)} runs and {len(analyses)}.")
    names = _name_runs(runs)
    margins = tuple(sorted({float(margin) for analysis in analyses for margin in analysis.tasks["margin"]}))
    nothing = pd.DataFrame()
    empty = Evidence(tuple(runs), names, options, margins, *(nothing for _ in range(9)))
    named = list(zip(analyses, names, strict=True))
    return replace(
        empty,
        contrasts=_stack([_own(analysis.contrasts, name, empty) for analysis, name in named]),
        tasks=_stack([_own_tasks(analysis, name, empty) for analysis, name in named]),
        types=_stack([_own(analysis.types, name, empty) for analysis, name in named]),
        models=_stack([_own(analysis.models, name, empty) for analysis, name in named]),
        movers=_stack([_own(analysis.movers, name, empty) for analysis, name in named]),
        refusals=_stack([_own(analysis.refusals, name, empty) for analysis, name in named]),
        drift=_stack([_own(analysis.drift, name, empty) for analysis, name in named]),
        gains=_stack([_own(analysis.gains, name, empty) for analysis, name in named]),
        rankings=_stack([_own(analysis.rankings, name, empty) for analysis, name in named]),
    )


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _own_tasks(analysis: AnalysisFrames, run_name: str, evidence: Evidence) -> pd.DataFrame:
    """Say of each task's row whose it is; a task with a single subset is named with it."""
    owned = _own(analysis.tasks, run_name, evidence)
    labels: dict[str, set[str]] = {}
    contrasts = _own(analysis.contrasts, run_name, evidence)
    for task, label in zip(contrasts["task"], contrasts["label"], strict=True):
        labels.setdefault(str(task), set()).add(str(label))
    owned["label"] = [
        next(iter(labels[task])) if len(labels[task]) == 1 else clean_text(task) for task in map(str, owned["task"])
    ]
    return owned


def _own(frame: pd.DataFrame, run_name: str, evidence: Evidence) -> pd.DataFrame:
    """Say of each row which run and subject it belongs to."""
    owned = frame.copy()
    owned.insert(0, "run", run_name)
    owned.insert(1, "subject", [evidence.name_subject(str(model), run_name) for model in owned["model"]])
    if "hf_subset" in owned:
        owned["label"] = [
            evidence.name_task(*(str(part) for part in place))
            for place in zip(owned["task"], owned["hf_subset"], owned["hf_split"], strict=True)
        ]
    return owned


def _name_runs(runs: Sequence[Run]) -> tuple[str, ...]:
    counts = Counter(run.name for run in runs)
    seen: Counter[str] = Counter()
    names = []
    for run in runs:
        seen[run.name] += 1
        names.append(f"{run.name} ({seen[run.name]})" if counts[run.name] > 1 else run.name)
    return tuple(names)


def _order_models(run: Run) -> list[str]:
    present = {row.model for row in run.results}
    asked = [model.name for model in run.spec.models]
    return [name for name in dict.fromkeys([*asked, *sorted(present)]) if name in present]
