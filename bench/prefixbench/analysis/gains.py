"""Who gains: whether items with longer texts, or with texts that share more words, gain more from a prefix.

Never by the baseline's score: items that scored low by chance score higher the second time whatever is sent.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.exploring import Explored, Measured
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.names import CLUSTERING, PRIMARY, format_contrast
from prefixbench.analysis.rules import Claim
from prefixbench.analysis.settings import MOST_JACKKNIFE_BLOCKS
from prefixbench.analysis.spread import imagined_variance
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from prefixbench.analysis.names import Pair
    from prefixbench.analysis.settings import AnalysisSettings

    Floats = NDArray[np.float64]

LENGTH, OVERLAP = "length", "overlap"
PAIRS = frozenset({"STS", "PairClassification", "BitextMining"})
"""Task types whose stored item holds both texts, on two lines."""

FEWEST_IN_HALF = 20
"""Units that each half must have."""


def describe_gains(
    measured: Measured, texts: Mapping[tuple[str, str, str], str], settings: AnalysisSettings
) -> list[Explored]:
    """Return one row a moderator: what ``correct-none`` is in items above its median less what it is in the others.

    Moderators are the words of an item's text (the query where there are queries) and, for pairs, the share of words
    that the two texts have in common (Jaccard's index). Units of a metric that is no mean contribute their jackknife
    pseudo-values. Nothing is returned where an item's text is not stored.
    """
    block, pair = measured.block, PRIMARY
    rows = [block.row_of.get(name) for name in pair]
    if None in rows or rows[0] == rows[1] or block.place.task_type == CLUSTERING:
        return []
    if block.statistic is not Statistic.MEAN and block.n_units > MOST_JACKKNIFE_BLOCKS:
        return []
    own = [texts.get((block.place.task, block.place.hf_subset, str(item))) for item in block.item_id]
    if any(text is None for text in own):
        return []
    items = [str(text) for text in own]
    moderators = {LENGTH: np.array([len(text.split()) for text in items], dtype=np.float64)}
    if block.place.task_type in PAIRS and all(text.count("\n") == 1 for text in items):
        moderators[OVERLAP] = np.array([_share_words(*text.split("\n")) for text in items])
    return [
        made
        for name, values in moderators.items()
        if (made := _compare_halves(measured, pair, name, values, settings)) is not None
    ]


def _share_words(first: str, second: str) -> float:
    one, other = ({*text.lower().split()} for text in (first, second))
    return len(one & other) / max(1, len(one | other))


def _compare_halves(
    measured: Measured, pair: Pair, name: str, values: Floats, settings: AnalysisSettings
) -> Explored | None:
    block, resampled = measured.block, measured.resampled
    first, second = (block.row_of[condition] for condition in pair)
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
    shares = [_share_prefix(measured, pair[0], values[half[block.unit]], values) for half in (upper, ~upper)]
    row = measured.name() | {
        "contrast": format_contrast(pair),
        "moderator": name,
        "median": float(np.median(of_unit)),
        "upper_points": 100 * deltas[0],
        "lower_points": 100 * deltas[1],
        "upper_prefix_share": shares[0] if name == LENGTH else np.nan,
        "lower_prefix_share": shares[1] if name == LENGTH else np.nan,
        "n_items": len(values),
        "n_units": block.n_units,
    }
    return Explored(row, Claim(estimate, settings.margin_of(block.metric), measured.n_units))


def _share_prefix(measured: Measured, condition: str, words: Floats, all_words: Floats) -> float:
    """The prefix's mean share of the tokens of these items, from the tokens a word has on average; NaN if unknown."""
    audits = {audit.role: audit for audit in measured.block.cells[measured.block.row_of[condition]].audit}
    audit = audits.get("query") or audits.get("text")
    if audit is None or not audit.n_tokens or audit.prefix_tokens is None or not audit.n_texts:
        return float("nan")
    tokens_a_word = (audit.n_tokens / audit.n_texts - audit.prefix_tokens) / max(1.0, float(all_words.mean()))
    return float(np.mean(audit.prefix_tokens / (audit.prefix_tokens + tokens_a_word * np.maximum(words, 1.0))))
