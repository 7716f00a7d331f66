"""Every contrast that was measured, the largest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.data_links import link_csv
from prefixbench.report.table import (
    Column,
    Entry,
    Line,
    Table,
    enter_count,
    enter_interval,
    enter_points,
    enter_verdict,
)
from prefixbench.report.words import format_count, make_anchor, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.answer import ModelAnswer
    from prefixbench.report.effects import Effect
    from prefixbench.report.evidence import Evidence

_COLUMNS = (
    Column("Contrast"),
    Column("Task"),
    Column("Model", wide=True),
    Column("Δ points", numeric=True),
    Column("Interval", numeric=True, hint="the interval that decided the verdict"),
    Column("Verdict"),
    Column("Items", numeric=True, wide=True),
)
MOST_LINES = 2_000
"""Contrasts set as a table; more would make a page of megabytes that nobody scrolls through."""

_IN_EXPORT_ONLY = frozenset(
    {
        *("run", "model", "label", "condition", "baseline", "seed", "method", "same_strings", "n_units"),
        *("task_type", "standard_error", "ci_low", "ci_high", "ci_low_cautious", "ci_high_cautious", "p_value"),
        *("margin", "reason", "n_items_for_margin", "share_better", "share_worse", "share_same"),
    }
)
"""Columns that would treble the page; ``prefixbench export`` has them all."""


def tabulate_contrasts(evidence: Evidence, models: tuple[ModelAnswer, ...]) -> Table:
    """Contrasts over tasks; a cell compared with itself is none."""
    effects = [
        (model, effect)
        for model in models
        for own in model.reading.by_task.values()
        for effect in own
        if effect.is_measured
    ]
    effects.sort(key=lambda pair: (pair[1].pair != evidence.options.pair, -abs(pair[1].delta)))
    n_all, effects = len(effects), effects[:MOST_LINES]
    effects.sort(key=lambda pair: -abs(pair[1].delta))
    several = len(models) > 1
    lines = tuple(_enter(model, effect, several=several) for model, effect in effects)
    columns = tuple(column for column in _COLUMNS if several or column.label != "Model")
    frame = evidence.contrasts
    frame = frame[~frame["same_strings"].astype(bool)][[name for name in frame.columns if name not in _IN_EXPORT_ONLY]]
    caption = f"{format_count(n_all)} contrasts, largest first"
    if n_all > len(lines):
        caption += f"; {format_count(len(lines))} are shown, those of the first screen among them; the CSV has all"
    return Table("verdicts", caption, columns, lines, link_csv(frame))


def _enter(model: ModelAnswer, effect: Effect, *, several: bool) -> Line:
    contrast = f"{effect.pair[0]} − {effect.pair[1]}"
    return Line(
        (
            Entry(contrast),
            Entry(effect.name),
            *((Entry(name_briefly(model.name, 40)),) if several else ()),
            enter_points(effect.delta),
            enter_interval(effect.low, effect.high),
            enter_verdict(effect.verdict, effect.caveat),
            enter_count(effect.n_items),
        ),
        # Deep links lead to what is asked most; an identifier for every row would be a fifth of a large page.
        anchor=make_anchor("verdict", model.name, effect.name) if effect.pair == ("correct", "none") else "",
    )
