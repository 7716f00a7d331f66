"""Several runs of the same cells beside each other: before and after an upgrade, or one machine and another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.chart import link_csv
from prefixbench.report.sections.section import Section
from prefixbench.report.table import Column, Entry, Line, Table, enter_points, enter_verdict
from prefixbench.report.words import count_noun, make_anchor

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence

KEYS = ["model", "task", "hf_subset", "hf_split", "condition"]


def build_side_by_side(evidence: Evidence) -> Section | None:
    """Nothing for a single run; else what the runs share, and in which settings they differ."""
    if len(evidence.runs) < 2:
        return None
    title = "The runs side by side"
    settings = _tabulate_settings(evidence)
    first, *others = evidence.run_names
    tables = []
    changed = 0
    for other in others:
        shared = _join_runs(evidence, first, other)
        if len(shared):
            changed += int((shared["verdict"] != shared["verdict_other"]).sum())
            tables.append(_tabulate_pair(shared, first, other))
    if not tables:
        lead = "The runs share no contrast: they are shown together as one."
        return Section("runs", title, lead=lead, tables=(settings,))
    lead = (
        f"{count_noun(changed, 'verdict differs', 'verdicts differ')} between the runs, over all conditions both hold."
    )
    return Section("runs", title, lead=lead, tables=(*tables, settings))


def _join_runs(evidence: Evidence, first: str, other: str) -> pd.DataFrame:
    frame = evidence.contrasts
    frame = frame[frame["baseline"] == "none"] if len(frame) else frame
    if not len(frame):
        return frame
    left, right = frame[frame["run"] == first], frame[frame["run"] == other]
    joined = left.merge(right, on=KEYS, suffixes=("", "_other"))
    return joined.sort_values(["model", "task_type", "label", "condition"], kind="stable").reset_index(drop=True)


def _tabulate_pair(shared: pd.DataFrame, first: str, other: str) -> Table:
    lines = tuple(
        Line(
            (
                Entry(str(row["label"])),
                Entry(str(row["model"])),
                Entry(str(row["condition"])),
                enter_points(row["delta_points"]),
                enter_verdict(str(row["verdict"])),
                enter_points(row["delta_points_other"]),
                enter_verdict(str(row["verdict_other"])),
                enter_points(row["delta_points_other"] - row["delta_points"]),
            )
        )
        for row in shared[shared["condition"] == "correct"].to_dict("records")
    )
    columns = (
        Column("Task"),
        Column("Model"),
        Column("Condition"),
        Column(f"Δ {first}", numeric=True),
        Column(f"Verdict {first}"),
        Column(f"Δ {other}", numeric=True),
        Column(f"Verdict {other}"),
        Column("Change", numeric=True, hint="points from none in the second run less those in the first"),
    )
    data = shared[[*KEYS, "delta_points", "verdict", "delta_points_other", "verdict_other"]]
    return Table(
        make_anchor("runs", other),
        f"{first} and {other}: correct − none (the data hold every condition)",
        columns,
        lines,
        link_csv(data),
    )


def _tabulate_settings(evidence: Evidence) -> Table:
    facts: dict[str, list[str]] = {}
    for place, run in enumerate(evidence.runs):
        settings: dict[str, str] = {
            "cells": str(len(run.results)),
            "limit": str(run.spec.limit or "none"),
            "seed": str(run.spec.seed),
            **{f"encoder.{name}": str(value) for name, value in run.spec.encoder.model_dump(mode="json").items()},
        }
        for row in run.results[:1]:
            settings |= {"device": row.provenance.device, "processor": row.provenance.cpu}
            settings |= {"commit": row.provenance.git_commit or "none"}
            settings |= {f"package {name}": version for name, version in sorted(row.provenance.packages.items())}
        for name, value in settings.items():
            facts.setdefault(name, ["–"] * len(evidence.runs))[place] = value
    differing = {name: values for name, values in facts.items() if len(set(values)) > 1}
    lines = tuple(Line((Entry(name), *(Entry(value) for value in values))) for name, values in differing.items())
    columns = (Column("Setting"), *(Column(name) for name in evidence.run_names))
    caption = "In what the runs differ" if lines else "The runs differ in no recorded setting"
    return Table("runs-settings", caption, columns, lines)
