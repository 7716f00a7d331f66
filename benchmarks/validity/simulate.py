"""Is the inference right? A/A sweeps, coverage and power, by simulation; writes ``figures.json``.

Run from the repository's root: ``python -m benchmarks.validity.simulate [--run results/starter] [--only STS,…]``.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from bench.analysis.blocks import Block
from bench.analysis.contrasts import flip_signs
from bench.analysis.inference import Estimate, PairedData, estimate_contrast
from bench.analysis.names import PLANNED
from bench.analysis.resampled import resample_blocks
from bench.analysis.settings import AnalysisSettings
from bench.analysis.verdicts import Verdict, correct_for_multiplicity, decide_verdict
from bench.errors import AnalysisError
from bench.store import load_run
from benchmarks.validity.populations import N_CONDITIONS, Population, load_populations, make_populations

FOLDER = Path(__file__).parent
CONDITIONS = ("none", "correct", "wrong", "instruction", "placebo")
PAIRS = [(CONDITIONS.index(first), CONDITIONS.index(second)) for first, second in PLANNED]
MEASURED = {"Retrieval": "mean", "STS": "Spearman", "PairClassification": "AP", "Clustering": "v-measure"}
TASKS_PER_SWEEP = 2
PARTS = ("noise", "coverage", "power")
DRAWS = 10


@dataclass(frozen=True)
class Plan:
    """How much is simulated.

    Attributes:
        sweeps: Simulated sweeps a task type.
        samples: Samples of each coverage and power figure, by number of items.
        n_resamples: Of each contrast.
        seed: Of everything.
    """

    sweeps: int = 2_000
    samples: tuple[tuple[int, int], ...] = ((50, 2_000), (200, 1_200), (1_000, 600))
    n_resamples: int = 999
    seed: int = 1


def estimate_blocks(blocks: list[Block], pairs: list[tuple[int, int]], settings: AnalysisSettings) -> list[Estimate]:
    """Every pair of every block, in no particular order; what is refused is left out."""
    estimates = []
    for block, resampled in resample_blocks(blocks, settings.n_resamples, settings.seed):
        flipped = flip_signs(resampled, settings)
        for first, second in pairs:
            data = PairedData(
                resampled.contribution[first] - resampled.contribution[second],
                resampled.weight,
                resampled.replica[first] - resampled.replica[second],
                flipped[first] - flipped[second],
                block.statistic,
            )
            try:
                estimates.append(estimate_contrast(data, settings.seed))
            except AnalysisError:
                continue
    return estimates


def iterate_settings(plan: Plan, total: int, batch: int) -> Iterator[tuple[int, AnalysisSettings]]:
    """Batches of samples, each with resamples of its own, so that no figure hangs on one set of draws."""
    for number, start in enumerate(range(0, total, batch)):
        yield min(batch, total - start), AnalysisSettings(n_resamples=plan.n_resamples, seed=plan.seed + number)


def judge(estimate: Estimate, p_value: float, smallest_effect: float) -> bool:
    """Whether the verdict is helps or hurts."""
    points = [tuple(100 * end for end in ends) for ends in (estimate.interval, estimate.narrow_interval)]
    verdict = decide_verdict((points[0][0], points[0][1]), (points[1][0], points[1][1]), p_value, smallest_effect)
    return verdict in {Verdict.HELPS, Verdict.HURTS}


def simulate_noise(population: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> dict[str, Any]:
    """A/A: sweeps whose conditions differ by noise only."""
    single = {0.5: 0, 0.0: 0}
    family = {0.5: 0, 0.0: 0}
    rejected = n_contrasts = 0
    for size, settings in iterate_settings(plan, plan.sweeps, 20):
        blocks = [
            population.draw(rng, n_items, exchange=True, conditions=N_CONDITIONS) for _ in range(size * TASKS_PER_SWEEP)
        ]
        estimates = estimate_blocks(blocks, PAIRS, settings)
        per_sweep = TASKS_PER_SWEEP * len(PAIRS)
        for start in range(0, len(estimates), per_sweep):
            sweep = estimates[start : start + per_sweep]
            corrected = correct_for_multiplicity([estimate.p_value for estimate in sweep])
            n_contrasts += len(sweep)
            rejected += sum(estimate.p_value <= 0.05 for estimate in sweep)
            for smallest in single:
                single[smallest] += sum(judge(estimate, estimate.p_value, smallest) for estimate in sweep)
                family[smallest] += any(
                    judge(estimate, value, smallest) for estimate, value in zip(sweep, corrected, strict=True)
                )
    return {
        "task_type": population.kind,
        "source": population.source,
        "n_items": n_items,
        "sweeps": plan.sweeps,
        "contrasts": n_contrasts,
        "test_rejects": rejected / n_contrasts,
        "false_verdicts": single[0.5] / n_contrasts,
        "false_verdicts_any_effect": single[0.0] / n_contrasts,
        "sweeps_with_false_verdict": family[0.5] / plan.sweeps,
        "sweeps_with_false_verdict_any_effect": family[0.0] / plan.sweeps,
    }


def simulate_coverage(
    population: Population, plan: Plan, n_items: int, samples: int, rng: np.random.Generator
) -> dict[str, Any]:
    """How often the 95% interval holds the true delta between the first two conditions."""
    truth = population.true_delta()
    covered = below = made = 0
    for size, settings in iterate_settings(plan, samples, 50):
        blocks = [population.draw(rng, n_items, exchange=False, conditions=2) for _ in range(size)]
        for estimate in estimate_blocks(blocks, [(1, 0)], settings):
            made += 1
            covered += estimate.interval[0] <= truth <= estimate.interval[1]
            below += estimate.interval[1] < truth
    interval = binomtest(covered, made).proportion_ci(0.95, method="wilson")
    return {
        "task_type": population.kind,
        "statistic": describe(population),
        "source": population.source,
        "n_items": n_items,
        "samples": made,
        "refused": samples - made,
        "true_delta_points": 100 * truth,
        "coverage": covered / made,
        "coverage_low": interval.low,
        "coverage_high": interval.high,
        "interval_below_truth": below / made,
    }


def describe(population: Population) -> str:
    """The statistic as a reader knows it."""
    named = MEASURED.get(population.kind, "mean")
    return f"{named}, {DRAWS} experiments" if population.kind == "Classification" else named


def simulate_power(
    population: Population, plan: Plan, n_items: int, samples: int, rng: np.random.Generator
) -> dict[str, Any]:
    """How often an effect as large as the stated minimum detectable one is detected at 5%."""
    level = level_conditions(population, rng)
    planted, stated = level, 0.0
    for _ in range(2):
        stated = float(np.mean([each.detectable for each in estimate_planted(planted, plan, n_items, 100, rng)]))
        planted = level.plant(find_size(level, stated))
    estimates = estimate_planted(planted, plan, n_items, samples, rng)
    detected = sum(estimate.p_value <= 0.05 for estimate in estimates)
    interval = binomtest(detected, samples).proportion_ci(0.95, method="wilson")
    return {
        "task_type": population.kind,
        "statistic": describe(population),
        "source": population.source,
        "n_items": n_items,
        "samples": samples,
        "planted_points": 100 * planted.true_delta(),
        "stated_mde_points": 100 * float(np.mean([estimate.detectable for estimate in estimates])),
        "detected": detected / samples,
        "detected_low": interval.low,
        "detected_high": interval.high,
    }


def level_conditions(population: Population, rng: np.random.Generator) -> Population:
    """The first two conditions exchanged at random item by item, so that they are alike before anything is planted."""
    swap = rng.random(population.score.shape[1]) < 0.5
    score = population.score[:2].copy()
    score[:, swap] = score[::-1][:, swap]
    if population.target is None:
        score[1] += score[0].mean() - score[1].mean()
    return Population(population.kind, population.source, population.statistic, score, population.target)


def estimate_planted(
    population: Population, plan: Plan, n_items: int, samples: int, rng: np.random.Generator
) -> list[Estimate]:
    """Contrasts of samples of the first two conditions."""
    estimates = []
    for size, settings in iterate_settings(plan, samples, 50):
        blocks = [population.draw(rng, n_items, exchange=False, conditions=2) for _ in range(size)]
        estimates += estimate_blocks(blocks, [(1, 0)], settings)
    return estimates


def find_size(level: Population, wanted: float) -> float:
    """What to plant so that the true delta is as wanted, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if level.plant(middle).true_delta() < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def simulate_kind(population: Population, plan: Plan, parts: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The figures of one task type; each part has chance of its own, so that it can be drawn again alone."""
    is_draws = population.kind == "Clustering"
    sizes = [(DRAWS, plan.samples[0][1]), *plan.samples] if is_draws else list(plan.samples)
    powered = sizes if population.target is None else sizes[1:2]
    figures: dict[str, list[dict[str, Any]]] = {}
    for part in parts:
        rng = np.random.default_rng([plan.seed, *f"{population.kind} {part}".encode()])
        if part == "noise":
            figures[part] = [simulate_noise(population, plan, DRAWS if is_draws else 50, rng)]
        elif part == "coverage":
            figures[part] = [simulate_coverage(population, plan, n, samples, rng) for n, samples in sizes]
        elif population.kind in MEASURED:
            figures[part] = [simulate_power(population, plan, n, samples, rng) for n, samples in powered]
    return figures


def write_figures(path: Path, kind: str, figures: dict[str, list[dict[str, Any]]], plan: Plan) -> None:
    """Put one task type's figures into the file, in place of its former ones."""
    known = json.loads(path.read_bytes()) if path.exists() else {}
    document: dict[str, Any] = {
        "n_resamples": plan.n_resamples,
        "tasks_per_sweep": TASKS_PER_SWEEP,
        "contrasts_per_task": len(PAIRS),
        "seed": plan.seed,
    }
    for name in PARTS:
        kept = [row for row in known.get(name, []) if row["task_type"] != kind or name not in figures]
        document[name] = sorted(kept + figures.get(name, []), key=lambda row: (row["task_type"], row["n_items"]))
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def main() -> None:
    """Simulate one task type after the other; the file is whole after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, help="Results folder whose per-item scores are the populations.")
    parser.add_argument("--only", help="Task types, separated by commas.")
    parser.add_argument("--parts", default=",".join(PARTS), help="Of noise, coverage and power.")
    parser.add_argument("--scale", type=float, default=1.0, help="Share of the samples to draw.")
    parser.add_argument("--output", type=Path, default=FOLDER / "figures.json")
    arguments = parser.parse_args()
    plan = Plan()
    if arguments.scale != 1:
        samples = tuple((n, int(size * arguments.scale)) for n, size in plan.samples)
        plan = Plan(int(plan.sweeps * arguments.scale), samples)
    # statsmodels collects garbage at every correction; what is loaded by now need not be looked through each time.
    gc.freeze()
    populations = make_populations(np.random.default_rng(plan.seed))
    if arguments.run:
        populations |= load_populations(load_run(arguments.run))
    for kind in arguments.only.split(",") if arguments.only else populations:
        started = time.perf_counter()
        write_figures(arguments.output, kind, simulate_kind(populations[kind], plan, arguments.parts.split(",")), plan)
        sys.stderr.write(f"{kind}: {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
