"""What it does to the space: how far vectors move, and whether that is worth anything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.chart import Chart
from prefixbench.report.figures.space import MEASURES, draw_measures, draw_shift_gain
from prefixbench.report.sections.section import Section
from prefixbench.report.words import count_noun, make_anchor

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence

MOST_POINTS = 600
"""With more, tasks of one type are averaged into one point."""


def build_space(evidence: Evidence) -> Section:
    """Shift against gain for all, four measures a model."""
    title = "What it does to the space"
    geometry = _collect_geometry(evidence)
    if not len(geometry):
        return Section(
            "space", title, absent="No run holds geometry: sweep again with --overwrite always to measure it."
        )
    charts = []
    gains = _join_gains(evidence, geometry)
    if len(gains):
        charts.append(chart_shift_gain(gains))
    for subject in evidence.subjects:
        rows = geometry[geometry["subject"] == subject]
        if len(rows):
            charts.append(_chart_measures(evidence, subject, rows))
    lead = (
        "How the vectors of a condition lie against those of the same texts without prefix. A prefix "
        "can move every text by the "
        "same offset and change no ranking at all."
    )
    return Section("space", title, lead=lead, charts=tuple(charts))


def _collect_geometry(evidence: Evidence) -> pd.DataFrame:
    rows = [
        {
            "subject": subject,
            "task": row.task,
            "hf_subset": row.hf_subset,
            "hf_split": row.hf_split,
            "task_type": row.task_type,
            "label": evidence.name_task(row.task, row.hf_subset, row.hf_split),
            "condition": condition,
            **summary.model_dump(),
        }
        for _, subject, row in evidence.iterate_results()
        for condition in row.conditions
        for summary in row.geometry
    ]
    return pd.DataFrame(rows)


def _join_gains(evidence: Evidence, geometry: pd.DataFrame) -> pd.DataFrame:
    keys = ["subject", "task", "hf_subset", "hf_split", "condition"]
    shifts = geometry.groupby(keys, sort=False)["shift_mean"].mean().rename("shift").reset_index()
    contrasts = evidence.contrasts
    if not len(contrasts):
        return contrasts
    columns = [*keys, "task_type", "label", "delta_points", "verdict"]
    joined = contrasts[contrasts["baseline"] == "none"][columns].merge(shifts, on=keys)
    joined = joined.drop(columns=["task", "hf_subset", "hf_split"])
    if len(joined) <= MOST_POINTS:
        return joined
    grouped = joined.groupby(["subject", "condition", "task_type"], sort=False)
    return grouped.agg(
        delta_points=("delta_points", "mean"),
        shift=("shift", "mean"),
        verdict=("verdict", lambda one: one.mode().iloc[0]),
    ).reset_index()


def chart_shift_gain(gains: pd.DataFrame) -> Chart:
    """The map of movement against gain."""
    threshold = float(gains["shift"].median())
    moved = gains[gains["shift"] >= threshold]
    idle = int((moved["verdict"] != "helps").sum())
    averaged = "" if "label" in gains else " Tasks of one type are averaged; the shape is their most frequent verdict."
    return Chart(
        name="shift-gain",
        title=f"Of {count_noun(len(moved), 'case')} that moved vectors most, {idle} gained nothing that could be shown",
        caption=(
            "One point a model, condition and task: mean of 1 − cosine to the same text without prefix "
            "(mean over roles) against "
            f"points from none. Shaded: shifts from the median ({threshold:.3f}) upwards.{averaged}"
        ),
        description=(
            f"Scatter of {count_noun(len(gains), 'point')}; shifts from {gains['shift'].min():.3f} to "
            f"{gains['shift'].max():.3f}."
        ),
        draw=partial(draw_shift_gain, gains, threshold),
        data=gains,
    )


def _chart_measures(evidence: Evidence, subject: str, rows: pd.DataFrame) -> Chart:
    conditions = [name for name in evidence.conditions if name in set(rows["condition"])]
    means = rows.groupby(["condition", "role"], sort=False)[[name for name, _ in MEASURES]].mean().reset_index()
    moved = means[means["condition"] != "none"]
    kept = f"{moved['overlap_at_10'].min():.0%} to {moved['overlap_at_10'].max():.0%}" if len(moved) else "all"
    return Chart(
        name=make_anchor("space", subject),
        title=f"{subject}: the prefixes leave {kept} of the ten nearest neighbours in place",
        caption=(
            "Means over tasks, a marker a role. Shift: mean of 1 − cosine to the same text under none. "
            "Neighbours kept: share of "
            "the ten nearest that stay. Shared offset: share of the squared movement that is one and the "
            "same for all texts. "
            "Anisotropy: mean cosine of all pairs. On a seeded sample of the task’s texts."
        ),
        description="; ".join(
            f"{row.condition}, {row.role}: shift {row.shift_mean:.3f}, kept {row.overlap_at_10:.2f}"
            for row in means.itertuples()
        ),
        draw=partial(draw_measures, means, conditions),
        data=means,
    )
