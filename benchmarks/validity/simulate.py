"""Is the inference right? A/A sweeps, coverage and power on real scores, by simulation; writes ``figures.json``.

Run from the repository's root: ``python -m benchmarks.validity.simulate``. Each figure has chance of its own, seeded by
its name, so that figures do not depend on the number of processes or on interruptions: finished ones are kept in
``figures.part.jsonl`` and taken up again, unless the code or the plan has changed.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from prefixbench.analysis.blocks import Block
from prefixbench.analysis.contrasts import flip_signs
from prefixbench.analysis.inference import Estimate, PairedData, estimate_contrast
from prefixbench.analysis.names import PLANNED
from prefixbench.analysis.resampled import resample_blocks
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.verdicts import Verdict, correct_for_multiplicity, decide_verdict
from prefixbench.errors import AnalysisError
from prefixbench.results import load_run
from scipy.stats import binomtest, norm

from benchmarks.validity.populations import LABELLED, N_CONDITIONS, Population, load_populations

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PART = FOLDER / "figures.part.jsonl"
CONDITIONS = ("none", "correct", "wrong", "instruction", "placebo")
PAIRS = [(CONDITIONS.index(first), CONDITIONS.index(second)) for first, second in PLANNED]
STATISTICS = {"mean": "mean", "spearman": "Spearman", "average_precision": "AP", "weighted_f1": "weighted F1"}
TASKS_PER_SWEEP = 2
DRAWS = 10
PLANTING_STEPS = 6
PARTS = ("identical", "noise", "coverage", "power")
MODULES = (
    "blocks", "contrasts", "counted", "counted_labels", "draws", "inference", "interval", "names", "pairing",
    "resampled", "settings", "spread", "verdicts",
)  # fmt: skip
"""Of `prefixbench.analysis`, what the figures depend on."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How much is simulated.

    Attributes:
        sweeps: Simulated sweeps a task type.
        sizes: Numbers of items, and how many samples each coverage and power figure has.
        n_resamples: Of each contrast.
        seed: Of everything.
        levels: Ways of making two conditions alike that a power figure is the mean over.
        power_factor: Times as many samples for power, whose bounds are the narrowest.
    """

    sweeps: int = 2_000
    sizes: tuple[tuple[int, int], ...] = ((50, 2_000), (200, 2_000), (1_000, 1_200))
    n_resamples: int = 999
    seed: int = 1
    levels: int = 8
    power_factor: float = 3.0

    def count_samples(self, n_items: int) -> int:
        """Samples for a number of items; as many for ten draws as for the smallest."""
        return dict(self.sizes).get(n_items, self.sizes[0][1])


Job = tuple[str, str, int]
"""Part, kind of population, number of items."""


Made = list[tuple[PairedData, Estimate]]


def estimate_blocks(blocks: list[Block], pairs: list[tuple[int, int]], settings: AnalysisSettings) -> Made:
    """Every pair of every block, block by block in no particular order; what is refused is left out."""
    made = []
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
                made.append((data, estimate_contrast(data, settings.seed)))
            except AnalysisError:
                continue
    return made


def compute_plain_bca(data: PairedData) -> tuple[float, float]:
    """The 95% BCa interval as Efron (1987) has it, for comparison; it takes no account of experiments."""
    contribution = data.contribution.mean(axis=1)
    deviation = contribution - contribution.mean() * data.weight
    if not np.any(deviation):
        return 0.0, 0.0
    acceleration = np.sum(deviation**3) / (6 * np.sum(deviation**2) ** 1.5)
    bias = norm.ppf(np.clip(np.mean(data.replica < contribution.mean()), 0.001, 0.999))
    shifted = bias + norm.ppf([0.025, 0.975])
    low, high = np.nanquantile(data.replica, norm.cdf(bias + shifted / (1 - acceleration * shifted)))
    return float(low), float(high)


def iterate_settings(plan: Plan, total: int, batch: int) -> Iterator[tuple[int, AnalysisSettings]]:
    """Batches of samples, each with resamples of its own, so that no figure hangs on one set of draws."""
    for number, start in enumerate(range(0, total, batch)):
        yield min(batch, total - start), AnalysisSettings(n_resamples=plan.n_resamples, seed=plan.seed + number)


def judge(estimate: Estimate, p_value: float, smallest_effect: float) -> bool:
    """Whether the verdict is helps or hurts."""
    (low, high), (narrow_low, narrow_high) = estimate.interval, estimate.narrow_interval
    narrow = 100 * narrow_low, 100 * narrow_high
    verdict = decide_verdict((100 * low, 100 * high), narrow, p_value, smallest_effect)
    return verdict in {Verdict.HELPS, Verdict.HURTS}


def simulate_noise(population: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> Row:
    """A/A: sweeps whose conditions differ by noise only."""
    blocks = (population.draw(rng, n_items, exchange=True, conditions=N_CONDITIONS) for _ in iter(int, 1))
    return count_false_verdicts(plan, blocks)


def simulate_identical(population: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> Row:
    """A/A: sweeps in which every condition gives every item the same score."""
    same = Population(
        population.kind,
        population.source,
        population.statistic,
        np.repeat(population.score[:1], N_CONDITIONS, axis=0),
        population.unit,
        population.target,
    )

    def draw() -> Block:
        block = same.draw(rng, n_items, conditions=1)
        value, prediction = (
            None if each is None else np.repeat(each, N_CONDITIONS, axis=0) for each in (block.value, block.prediction)
        )
        return Block(**{**vars(block), "value": value, "prediction": prediction})

    # Nothing differs, so no resample can: few of them say the same.
    few = Plan(**{**asdict(plan), "n_resamples": 19})
    return count_false_verdicts(few, (draw() for _ in iter(int, 1)))


def count_false_verdicts(plan: Plan, blocks: Iterator[Block]) -> Row:
    """False verdicts, contrast by contrast without correction and sweep by sweep with Holm's."""
    single = {0.5: 0, 0.0: 0}
    family = {0.5: 0, 0.0: 0}
    rejected = n_contrasts = 0
    for size, settings in iterate_settings(plan, plan.sweeps, 20):
        drawn = [next(blocks) for _ in range(size * TASKS_PER_SWEEP)]
        for start in range(0, len(drawn), TASKS_PER_SWEEP):
            made = estimate_blocks(drawn[start : start + TASKS_PER_SWEEP], PAIRS, settings)
            sweep = [estimate for _, estimate in made]
            corrected = correct_for_multiplicity([estimate.p_value for estimate in sweep])
            n_contrasts += len(sweep)
            rejected += sum(estimate.p_value <= 0.05 for estimate in sweep)
            for smallest in single:
                single[smallest] += sum(judge(estimate, estimate.p_value, smallest) for estimate in sweep)
                judged = zip(sweep, corrected, strict=True)
                family[smallest] += any(judge(estimate, value, smallest) for estimate, value in judged)
    return {
        "sweeps": plan.sweeps,
        "contrasts": n_contrasts,
        "refused": plan.sweeps * TASKS_PER_SWEEP * len(PAIRS) - n_contrasts,
        "test_rejects": rejected / n_contrasts,
        "false_verdicts": single[0.5] / n_contrasts,
        "false_verdicts_any_effect": single[0.0] / n_contrasts,
        "sweeps_with_false_verdict": family[0.5] / plan.sweeps,
        "sweeps_with_false_verdict_any_effect": family[0.0] / plan.sweeps,
    }


def estimate_samples(
    population: Population, plan: Plan, n_items: int, samples: int, rng: np.random.Generator
) -> Iterator[tuple[PairedData, Estimate]]:
    """Contrasts of samples of the first two conditions."""
    for size, settings in iterate_settings(plan, samples, 50):
        blocks = [population.draw(rng, n_items, conditions=2) for _ in range(size)]
        yield from estimate_blocks(blocks, [(1, 0)], settings)


def simulate_coverage(population: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> Row:
    """How often the 95% interval holds the true delta between the first two conditions."""
    truth = population.true_delta(n_items)
    made = covered = below = sparse = covered_by_bca = 0
    for data, estimate in estimate_samples(population, plan, n_items, plan.count_samples(n_items), rng):
        made += 1
        covered += estimate.interval[0] <= truth <= estimate.interval[1]
        below += estimate.interval[1] < truth
        sparse += estimate.method.startswith(("few", "no"))
        low, high = compute_plain_bca(data)
        covered_by_bca += low <= truth <= high
    return {
        "samples": made,
        "refused": plan.count_samples(n_items) - made,
        "true_delta_points": 100 * truth,
        **describe_share("coverage", covered, made),
        "interval_below_truth": below / made,
        "few_items_changed": sparse / made,
        "coverage_of_plain_bca": covered_by_bca / made,
    }


def simulate_power(population: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> Row:
    """How often an effect as large as the stated minimum detectable one is detected at 5%.

    Each way of making the conditions alike has a spread of its own; several share the samples. What is planted is what
    samples of that size show on average, which for average precision is less than the whole population shows.
    """
    samples = round(plan.count_samples(n_items) * plan.power_factor / plan.levels)
    estimates: list[Estimate] = []
    for _ in range(plan.levels):
        planted = plant_detectable(population.level(rng), plan, n_items, rng)
        estimates += [estimate for _, estimate in estimate_samples(planted, plan, n_items, samples, rng)]
    detected = sum(estimate.p_value <= 0.05 for estimate in estimates)
    return {
        "samples": len(estimates),
        "planted_points": 100 * float(np.mean([estimate.delta for estimate in estimates])),
        "stated_mde_points": 100 * float(np.mean([estimate.detectable for estimate in estimates])),
        **describe_share("detected", detected, len(estimates)),
    }


def plant_detectable(level: Population, plan: Plan, n_items: int, rng: np.random.Generator) -> Population:
    """An effect as large, on average over samples, as the detectable one they state.

    What is stated depends on the spread, which the effect planted changes where the score is no mean. So it is
    approached by steps that grow shorter.
    """
    wanted, planted = 0.0, level
    for step in range(PLANTING_STEPS):
        size = int(np.clip(100_000 / n_items, 200, 300))
        estimates = [estimate for _, estimate in estimate_samples(planted, plan, n_items, size, rng)]
        stated = float(np.mean([estimate.detectable for estimate in estimates]))
        shown = float(np.mean([estimate.delta for estimate in estimates]))
        share = 1.0 if step == 0 or level.target is None else shown / planted.true_delta(n_items)
        wanted += (stated / share - wanted) / max(1, step)
        planted = level.plant(find_size(level, wanted, n_items))
    return planted


def find_size(level: Population, wanted: float, n_items: int) -> float:
    """What to plant so that the true delta is as wanted, by bisection."""
    low, high = -1.0, 2.0
    for _ in range(30):
        middle = (low + high) / 2
        if level.plant(middle).true_delta(n_items) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def describe_share(name: str, count: int, total: int) -> Row:
    """A share with its 95% interval (Wilson)."""
    interval = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return {name: count / total, f"{name}_low": interval.low, f"{name}_high": interval.high}


def list_jobs(populations: dict[str, Population], plan: Plan) -> list[Job]:
    """Every figure, the long ones first.

    A/A sweeps have the smallest size, where approximations are worst; ten draws where draws are the items. Power is
    left out where the score jumps with labels (F1), and for 50 items where it is no mean: an effect that so small a
    sample can detect does not leave the statistic its shape.
    """
    jobs: list[Job] = []
    for kind, population in populations.items():
        is_draws = kind == "Clustering"
        sizes = [DRAWS] * is_draws + [n_items for n_items, _ in plan.sizes]
        jobs += [(part, kind, sizes[0]) for part in ("identical", "noise")]
        jobs += [("coverage", kind, n_items) for n_items in sizes]
        if population.statistic not in LABELLED:
            jobs += [("power", kind, n_items) for n_items in (sizes if population.target is None else sizes[1:])]
    return sorted(jobs, key=lambda job: (-job[2], job))


@lru_cache(maxsize=1)
def _load(paths: tuple[str, ...]) -> dict[str, Population]:
    gc.freeze()  # statsmodels collects garbage at every correction; what is loaded need not be looked through each time
    return load_populations([load_run(path) for path in paths])


SIMULATIONS = {
    "identical": simulate_identical,
    "noise": simulate_noise,
    "coverage": simulate_coverage,
    "power": simulate_power,
}


def run_job(job: Job, paths: tuple[str, ...], plan: Plan) -> Row:
    """One figure."""
    part, kind, n_items = job
    population = _load(paths)[kind]
    rng = np.random.default_rng([plan.seed, *" ".join(map(str, job)).encode()])
    started = time.perf_counter()
    figures = SIMULATIONS[part](population, plan, n_items, rng)
    sys.stderr.write(f"{part}, {kind}, {n_items} items: {time.perf_counter() - started:.0f} s\n")
    return {
        "task_type": kind,
        "source": population.source,
        "statistic": describe(population),
        "n_items": n_items,
        **figures,
    }


def describe(population: Population) -> str:
    """The statistic as a reader knows it."""
    if population.kind == "Clustering":
        return "v-measure"
    replicates = population.score.shape[2]
    name = STATISTICS[population.statistic.value]
    clustered = ", clustered" if population.is_clustered else ""
    return f"{name}, {replicates} experiments" if replicates > 1 else f"{name}{clustered}"


def digest_code(paths: tuple[str, ...], plan: Plan) -> str:
    """What the figures depend on: the code, the runs and the plan."""
    files = [ROOT / "bench" / "prefixbench" / "analysis" / f"{name}.py" for name in MODULES]
    files += [FOLDER / "populations.py", Path(__file__)]
    files += [Path(path) / "ledger.jsonl" for path in paths]
    digest = hashlib.sha256(repr(plan).encode())
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> None:
    """Simulate every figure that is not there yet, then write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", action="append", help="Results folder whose scores are the populations; repeatable.")
    parser.add_argument("--only", default="", help="Trial: only figures whose name holds this; writes no file.")
    parser.add_argument("--scale", type=float, default=1.0, help="Trial: share of the samples to draw.")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--output", type=Path, default=FOLDER / "figures.json")
    arguments = parser.parse_args()
    paths = tuple(arguments.run or ["results/starter", "results/validity"])
    whole = Plan()
    sizes = tuple((n_items, round(samples * arguments.scale)) for n_items, samples in whole.sizes)
    plan = Plan(sweeps=round(whole.sweeps * arguments.scale), sizes=sizes)
    jobs = [job for job in list_jobs(_load(paths), plan) if arguments.only in " ".join(map(str, job))]
    code = digest_code(paths, plan)
    known = [json.loads(line) for line in PART.read_text().splitlines()] if PART.exists() else []
    done: dict[Job, Row] = {tuple(each["job"]): each["figure"] for each in known if each["code"] == code}
    with (
        ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool,
        PART.open("a", encoding="utf-8") as part,
    ):
        waiting = {pool.submit(run_job, job, paths, plan): job for job in jobs if job not in done}
        for future in as_completed(waiting):
            done[waiting[future]] = future.result()
            part.write(json.dumps({"code": code, "job": waiting[future], "figure": future.result()}) + "\n")
            part.flush()
    document: dict[str, Any] = {
        "n_resamples": plan.n_resamples,
        "tasks_per_sweep": TASKS_PER_SWEEP,
        "contrasts_per_task": len(PAIRS),
        "seed": plan.seed,
        "runs": list(paths),
    }
    for name in PARTS:
        document[name] = [done[job] for job in sorted(jobs) if job[0] == name]
    if arguments.only:
        print(json.dumps(document, indent=1))
        return
    arguments.output.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
