"""Who gains more from a prefix: longer texts, texts that share more words, texts of which the prefix is a larger part.

Never by the baseline's score: items that scored low by chance score higher the second time whatever is sent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.exploring import Explored, Measured
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.names import CLUSTERING, PRIMARY, format_contrast
from prefixbench.analysis.pooling import average_tasks
from prefixbench.analysis.rules import Claim
from prefixbench.analysis.settings import MOST_JACKKNIFE_BLOCKS
from prefixbench.analysis.spread import imagined_variance
from prefixbench.items.table import Statistic
from prefixbench.items.words import list_words, share_words
from prefixbench.spec.tasks import PAIR_TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.settings import AnalysisSettings

    Floats = NDArray[np.float64]

LENGTH, OVERLAP, SHARE = "length", "overlap", "prefix share"
"""Words of an item's text; the share of words it has in common; the prefix's share of its tokens."""

FEWEST_IN_HALF = 20
"""Units that each half must have."""


def describe_gains(
    measured: Measured, texts: Mapping[tuple[str, str, str], str], settings: AnalysisSettings
) -> list[Explored]:
    """Return one row a moderator: what ``correct-none`` is in items above its median less what it is in the others.

    Moderators are the words of an item's text (the query where there are queries); the share of a query's words that
    stand in its relevant documents, or Jaccard's index of a pair's words; and the share of the tokens sent that are the
    prefix's. Units of a metric that is no mean contribute their jackknife pseudo-values. Nothing is returned where
    neither the numbers nor the items' texts were kept.

    Args:
        measured: A place.
        texts: Of items, for runs that kept no numbers.
        settings: For the margin.
    """
    block, pair = measured.block, PRIMARY
    rows = [block.row_of.get(name) for name in pair]
    if None in rows or rows[0] == rows[1] or block.place.task_type == CLUSTERING:
        return []
    if block.statistic is not Statistic.MEAN and block.n_units > MOST_JACKKNIFE_BLOCKS:
        return []
    facts = block.facts or _read_facts(block, texts)
    if "words" not in facts or "letters" not in facts:
        return []
    share = _share_prefix(block, pair[0], facts["letters"])
    moderators = {LENGTH: facts["words"], OVERLAP: facts.get("overlap"), SHARE: share}
    return [
        made
        for name, values in moderators.items()
        if values is not None and (made := _compare_halves(measured, name, values, share, settings)) is not None
    ]


def _read_facts(block: Block, texts: Mapping[tuple[str, str, str], str]) -> dict[str, Floats]:
    """The same numbers from the items' texts, but for what queries share with documents."""
    own = [texts.get((block.place.task, block.place.hf_subset, str(item))) for item in block.item_id]
    items = [text for text in own if text is not None]
    if len(items) < len(own):
        return {}
    facts = {
        "words": np.array([len(list_words(text)) for text in items], dtype=np.float64),
        "letters": np.array([len(text) for text in items], dtype=np.float64),
    }
    if block.place.task_type in PAIR_TASK_TYPES and all(text.count("\n") == 1 for text in items):
        facts["overlap"] = np.array([share_words(*text.split("\n")) for text in items])
    return facts


def _share_prefix(block: Block, condition: str, letters: Floats) -> Floats | None:
    """The prefix's share of the tokens of each item, from the tokens that a letter takes on average.

    ``None`` where the model tokenises out of sight, or nothing was put before the texts.
    """
    audits = {audit.role: audit for audit in block.cells[block.row_of[condition]].audit}
    audit = audits.get("query") or audits.get("text")
    if audit is None or not audit.n_tokens or not audit.prefix_tokens or not audit.n_texts:
        return None
    of_text = letters / (2 if block.place.task_type in PAIR_TASK_TYPES else 1)
    tokens_a_text = audit.n_tokens / audit.n_texts - audit.prefix_tokens
    if tokens_a_text <= 0 or of_text.mean() <= 0:
        return None
    return np.asarray(audit.prefix_tokens / (audit.prefix_tokens + of_text * tokens_a_text / of_text.mean()))


def _compare_halves(
    measured: Measured, name: str, values: Floats, share: Floats | None, settings: AnalysisSettings
) -> Explored | None:
    block, resampled = measured.block, measured.resampled
    first, second = (block.row_of[condition] for condition in PRIMARY)
    sums = np.bincount(block.unit, weights=values, minlength=block.n_units)
    of_unit = sums / block.unit_sizes
    upper = of_unit > np.median(of_unit)
    if min(upper.sum(), (~upper).sum()) < FEWEST_IN_HALF:
        return None
    change = (resampled.contribution[first] - resampled.contribution[second]).mean(axis=1)
    weight = resampled.weight
    deltas, influence = [], np.empty_like(change)
    for half, sign in ((upper, 1.0), (~upper, -1.0)):
        delta = change[half].sum() / weight[half].sum()
        influence[half] = sign * len(change) / weight[half].sum() * (change[half] - delta * weight[half])
        deltas.append(delta)
    # Around the difference, so that its mean is the difference and its spread that of two ratios.
    contribution = influence + (deltas[0] - deltas[1])
    estimate = infer_contrast(PairedData(contribution[:, None], np.ones(len(change)), np.empty(0))).estimate
    imagined = sum(imagined_variance(int(half.sum())) for half in (upper, ~upper))
    estimate = replace(estimate, unseen=100 * math.sqrt(imagined))
    shares = [np.nan if share is None else float(share[half[block.unit]].mean()) for half in (upper, ~upper)]
    row = measured.name() | {
        "contrast": format_contrast(PRIMARY),
        "moderator": name,
        "median": float(np.median(of_unit)),
        "upper_points": 100 * deltas[0],
        "lower_points": 100 * deltas[1],
        "upper_prefix_share": shares[0],
        "lower_prefix_share": shares[1],
        "n_tasks": 1,
        "n_items": len(values),
        "n_units": block.n_units,
    }
    return Explored(row, Claim(estimate, settings.margin_of(block.metric), measured.n_units))


def average_gains(explored: Sequence[Explored]) -> list[Explored]:
    """Return one row a model, task type and moderator that several tasks have: the mean over these very tasks."""
    groups: dict[tuple[str, ...], list[Explored]] = defaultdict(list)
    for one in explored:
        groups[tuple(one.row[name] for name in ("model", "task_type", "moderator"))].append(one)
    return [_average(own) for own in groups.values() if len({one.row["task"] for one in own}) > 1]


def _average(explored: Sequence[Explored]) -> Explored:
    first, claims = explored[0].row, [one.claim for one in explored]
    kept = ("model", "task_type", "contrast", "moderator")
    means = ("upper_points", "lower_points", "upper_prefix_share", "lower_prefix_share")
    row = {name: first[name] for name in kept} | {
        "task": "", "hf_subset": "", "hf_split": "", "metric": "", "median": np.nan,
        "n_tasks": len({one.row["task"] for one in explored}),
        "n_items": sum(one.row["n_items"] for one in explored),
        "n_units": min(one.row["n_units"] for one in explored),
        **{name: float(np.mean([one.row[name] for one in explored])) for name in means},
    }  # fmt: skip
    margin, n_units = max(claim.margin for claim in claims), min(claim.n_units for claim in claims)
    return Explored(row, Claim(average_tasks([claim.estimate for claim in claims]), margin, n_units))
