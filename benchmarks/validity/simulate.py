"""Are the verdicts right? Simulated on asymmetric populations; writes ``figures.json`` and the README's tables.

Run from the repository's root: ``python -m benchmarks.validity.simulate``. Every figure has chance of its own, seeded
by its name, so figures do not depend on the number of processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prefixbench.analysis.inference import Inference, PairedData, infer_contrast
from prefixbench.analysis.rules import ALPHA, Claim, Family, Verdict, decide_family

from benchmarks.validity.populations import MADE, Population, load_populations
from benchmarks.validity.rebuilt import N_EXPERIMENTS, NAMES, simulate_rebuilt
from benchmarks.validity.runs import simulate_exploratory, simulate_line, simulate_one_corpus
from benchmarks.validity.tables import write_tables

FOLDER = Path(__file__).parent
MARGIN = 0.5
FAMILY = 60
SIZES = (100, 300, 1_000)
TINY = (20, 50)
SCREENS = (1, 5, 10, 20)
"""Degrees of freedom that a rule against heavy tails might ask for; one asks for none."""
FAMILIES = 250
"""Simulated families a figure, and four times as many where more than 5% are false: a share of 5% is known to ±1.4
points (one standard error), to ±0.7 there."""
Row = dict[str, Any]
Job = tuple[str, str, int]

TRUE_WORDS = {
    "on the bound": {
        +1: {Verdict.POSITIVE, Verdict.INCONCLUSIVE},
        -1: {Verdict.NEGATIVE, Verdict.INCONCLUSIVE},
    },
    "none": {+1: {Verdict.EQUIVALENT, Verdict.INCONCLUSIVE}, -1: {Verdict.EQUIVALENT, Verdict.INCONCLUSIVE}},
}
"""Words that are true of an effect of +m, of −m, and of none at all; every other word is false."""


def claim(inference: Inference, n_units: int) -> Claim:
    """Return the claim of one sample."""
    return Claim(inference.estimate, MARGIN, n_units)


def decide(inferences: list[Inference], n_units: int, family: Family = Family.PRIMARY) -> list[Verdict]:
    """Return the family's verdicts."""
    return [decision.verdict for decision in decide_family([claim(own, n_units) for own in inferences], family)]


def simulate_family(population: Population, n_units: int, rng: np.random.Generator, kind: str) -> Row:
    """Families of 60 contrasts with effects on the bound (half +m, half −m), or with none: false words."""
    effect = MARGIN if kind == "on the bound" else 0.0
    false: Counter[str] = Counter()
    families = 0
    # Where a share looks too large, four times as many families tell whether it is.
    while families < FAMILIES or (false["any"] > ALPHA * FAMILIES and families < 4 * FAMILIES):
        families += 1
        wrong: set[Verdict] = set()
        made = [population.infer(rng, FAMILY // 2, n_units, sign * effect) for sign in (1, -1)]
        verdicts = decide(made[0] + made[1], n_units)
        for sign, words in zip((1, -1), (verdicts[: FAMILY // 2], verdicts[FAMILY // 2 :]), strict=True):
            wrong |= {*words} - TRUE_WORDS[kind][sign]
        false["any"] += bool(wrong)
        false.update(word.value for word in wrong)
    return {
        "families": families,
        "false_families": false.pop("any") / families,
        "false_words": {word: count / families for word, count in sorted(false.items())},
    }


def simulate_coverage(population: Population, n_units: int, rng: np.random.Generator) -> Row:
    """How often the 95% interval holds the true delta, and on which side it misses."""
    n_samples = 20 * FAMILIES
    ends = [own.estimate.interval(ALPHA) for own in population.infer(rng, n_samples, n_units, MARGIN)]
    below = float(np.mean([high < MARGIN for _, high in ends]))
    above = float(np.mean([low > MARGIN for low, _ in ends]))
    return {"samples": n_samples, "coverage": 1 - below - above, "interval_below": below, "interval_above": above}


def simulate_power(population: Population, n_units: int, rng: np.random.Generator, family_size: int = 6) -> Row:
    """How often a contrast with the printed MDE of the verdict gets its verdict, at its family's strictest level."""
    rows: Row = {}
    for sign, verdict, name in ((1, Verdict.HELPS, "helps"), (-1, Verdict.HURTS, "hurts")):
        stated = _state(population, n_units, rng, sign, family_size)
        reached = 0
        for _ in range(2 * FAMILIES):
            one = population.infer(rng, 1, n_units, sign * stated)
            # The rest of the family has no effect, so that its strictest level is the one that counts.
            rest = population.infer(rng, family_size - 1, n_units, 0.0)
            reached += decide(one + rest, n_units)[0] is verdict
        rows |= {f"stated_{name}": stated, f"reached_{name}": reached / (2 * FAMILIES)}
    return rows | {"samples": 2 * FAMILIES, "family": family_size}


def _state(population: Population, n_units: int, rng: np.random.Generator, sign: int, family_size: int) -> float:
    """The MDE that samples print on average; a shift leaves it as it is."""
    size = 5.0
    for _ in range(3):
        samples = population.infer(rng, 300, n_units, sign * size)
        decided = [decide_family([claim(own, n_units)] * family_size, Family.PRIMARY)[0].mde for own in samples]
        size = float(np.mean(decided))
    return size


def simulate_equivalence(population: Population, n_units: int, rng: np.random.Generator) -> Row:
    """How often one contrast alone is called equivalent: with an effect on the bound, and with none."""
    shares = {}
    for name, effect in (("on_bound", MARGIN), ("on_other_bound", -MARGIN), ("none", 0.0)):
        words = [decide([own], n_units)[0] for own in population.infer(rng, 5 * FAMILIES, n_units, effect)]
        shares[f"equivalent_{name}"] = float(np.mean([word is Verdict.EQUIVALENT for word in words]))
    return {"samples": 5 * FAMILIES, **shares}


def simulate_gate(population: Population, n_units: int, rng: np.random.Generator) -> Row:
    """How often a gate at a loss of 0.5 points passes one contrast: with that loss, with one of 5 points, with none."""
    shares = {}
    for name, effect in (("loss_on_bound", -MARGIN), ("loss_of_5", -5.0), ("no_loss", 0.0)):
        samples = population.infer(rng, 5 * FAMILIES, n_units, effect)
        shares[f"passes_{name}"] = float(
            np.mean([own.estimate.cautious_interval(ALPHA)[0] > -MARGIN for own in samples])
        )
    return {"samples": 5 * FAMILIES, **shares}


def simulate_screen(population: Population, n_units: int, rng: np.random.Generator, family_size: int = 6) -> Row:
    """What a rule would do that only describes samples whose spread rests on few units (degrees of freedom).

    For each number of degrees that it might ask for: the share of samples left, how often their plain interval holds
    the truth, and how often they get the verdict *hurts* where the MDE of it is planted.
    """
    covered = population.infer(rng, 20 * FAMILIES, n_units, MARGIN)
    ends = [own.estimate.interval(ALPHA) for own in covered]
    holds = np.array([low <= MARGIN <= high for low, high in ends])
    planted = population.infer(rng, 8 * FAMILIES, n_units, -_state(population, n_units, rng, -1, family_size))
    reached = np.array([own.estimate.cautious_interval(ALPHA / family_size)[1] < -MARGIN for own in planted])
    of_covered, of_planted = (np.array([own.estimate.degrees for own in made]) for made in (covered, planted))
    rules = [
        {
            "degrees": degrees,
            "left": float(np.mean(of_covered >= degrees)),
            "coverage": _mean(holds[of_covered >= degrees]),
            "reached_hurts": _mean(reached[of_planted >= degrees]),
        }
        for degrees in SCREENS
    ]
    return {"samples": len(covered), "rules": rules}


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def simulate_tiny(population: Population, n_units: int, rng: np.random.Generator) -> Row:
    """Families of 60 with too few units: every word but *described* is one too many."""
    words = [word for _ in range(20) for word in decide(population.infer(rng, FAMILY, n_units, MARGIN), n_units)]
    return {"samples": len(words), "tested": float(np.mean([word is not Verdict.DESCRIBED for word in words]))}


def simulate_degenerate(_: Population, n_units: int, rng: np.random.Generator) -> Row:
    """Cells without spread: total failure, one shift everywhere, nothing changed."""
    scores = rng.beta(2, 1, (FAMILIES, n_units))
    cases = {
        "all_to_nought": (-scores, Verdict.HURTS),
        "every_hit_lost": (-np.ones_like(scores), Verdict.HURTS),
        "same_gain": (np.full_like(scores, 0.2), Verdict.HELPS),
    }
    right = {}
    for name, (changes, wanted) in cases.items():
        made = [infer_contrast(PairedData(own[:, None], np.ones(n_units), np.empty(0))) for own in changes]
        right[name] = float(np.mean([decide([own], n_units)[0] is wanted for own in made]))
    nothing = infer_contrast(PairedData(np.zeros((n_units, 1)), np.ones(n_units), np.empty(0)))
    return {"samples": FAMILIES, **right, "nothing_changed": decide([nothing], n_units)[0].value}


PARTS: dict[str, Callable[[Any, int, np.random.Generator], Row]] = {
    "bound": lambda population, n, rng: simulate_family(population, n, rng, "on the bound"),
    "none": lambda population, n, rng: simulate_family(population, n, rng, "none"),
    "coverage": simulate_coverage,
    "power": simulate_power,
    "equivalence": simulate_equivalence,
    "gate": simulate_gate,
    "screen": simulate_screen,
    "tiny": simulate_tiny,
    "degenerate": simulate_degenerate,
    "exploratory": simulate_exploratory,
    "line": simulate_line,
    "one_corpus": simulate_one_corpus,
    "rebuilt": simulate_rebuilt,
}


def list_jobs() -> list[Job]:
    """Every figure."""
    names = list(load_populations())
    parts = ("bound", "none", "coverage", "power", "equivalence", "gate", "exploratory")
    jobs = [(part, name, n) for part in parts for name in names for n in SIZES]
    jobs += [("screen", name, n) for name in MADE for n in SIZES[:2]]
    jobs += [("tiny", name, n) for name in names for n in TINY]
    jobs += [("line", name, SIZES[1]) for name in names]
    jobs += [("rebuilt", name, n) for name in NAMES for n in SIZES[:2]]
    jobs += [("one_corpus", "normal", N_EXPERIMENTS)]
    return jobs + [("degenerate", "normal", n) for n in SIZES]


def run_job(job: Job) -> Row:
    """Return one figure."""
    part, name, n_units = job
    rng = np.random.default_rng([1, *" ".join(map(str, job)).encode()])
    subject = name if part == "rebuilt" else load_populations()[name]
    return {"population": name, "n_units": n_units, **PARTS[part](subject, n_units, rng)}


def main() -> None:
    """Simulate every figure, then write the file and the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--part", action="append", choices=PARTS, help="Simulate this part again; the others stay.")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    path = FOLDER / "figures.json"
    jobs = [job for job in list_jobs() if not arguments.part or job[0] in arguments.part]
    started = time.perf_counter()
    figures: dict[str, Any] = json.loads(path.read_bytes()) if arguments.part else {}
    figures |= {"margin": MARGIN, "family": FAMILY, "families": FAMILIES, **{job[0]: [] for job in jobs}}
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        for number, (job, row) in enumerate(zip(jobs, pool.map(run_job, jobs), strict=True), 1):
            figures[job[0]].append(row)
            sys.stderr.write(f"{number} of {len(jobs)}: {job}\n")
    path.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    write_tables(figures)
    sys.stderr.write(f"{time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
