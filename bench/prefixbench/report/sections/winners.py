"""Who wins, who loses: the spread over items, and the items that moved most."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from prefixbench.errors import ResultsError
from prefixbench.report.chart import Chart
from prefixbench.report.figures.shares import BINS, compute_shares, draw_shares
from prefixbench.report.sections.section import Section
from prefixbench.report.table import Column, Entry, Line, Table, enter_number, enter_points
from prefixbench.report.words import count_noun, format_share, is_number, make_anchor, name_briefly, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from numpy.typing import NDArray

    from prefixbench.items.table import ItemTable
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult
    from prefixbench.results.run import Run

MOST_PANELS = 4
"""With more models, each one's tasks are summed up by task type."""
MOST_MOVERS = 4
"""Items shown a model and direction."""
TEXT_LENGTH = 220


def build_winners(evidence: Evidence) -> Section:
    """The spread of items a model, then the movers."""
    title = "Who wins, who loses?"
    frame = _collect_shares(evidence)
    if not len(frame):
        return Section("winners", title, absent=_explain_absence(evidence))
    by_type = frame["subject"].nunique() > MOST_PANELS
    charts = tuple(
        _chart_shares(str(subject), rows, by_type=by_type) for subject, rows in frame.groupby("subject", sort=False)
    )
    tables = (_tabulate_movers(evidence),) if len(evidence.movers) else ()
    lead = (
        "The same mean can hide many winners and many losers. Each item’s own score under correct, less "
        "that under none."
    )
    return Section("winners", title, lead=lead, charts=charts, tables=tables)


def compute_item_deltas(before: ItemTable, after: ItemTable) -> NDArray[np.float64]:
    """Points every item of both tables gained, replicates averaged first; shape ``(n_items,)``, ordered by item id."""
    old, new = (
        pd.Series(table.value, index=pd.Index(table.item_id, dtype="object")).groupby(level=0).mean()
        for table in (before, after)
    )
    both = old.index.intersection(new.index).sort_values()
    return (new.loc[both].to_numpy(dtype=np.float64) - old.loc[both].to_numpy(dtype=np.float64)) * 100.0


def _collect_shares(evidence: Evidence) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for run, run_name in zip(evidence.runs, evidence.run_names, strict=True):
        cells: dict[tuple[str, str, str, str], dict[str, CellResult]] = {}
        for row in run.results:
            for condition in {"none", "correct"} & set(row.conditions):
                cells.setdefault((row.model, row.task, row.hf_subset, row.hf_split), {})[condition] = row
        for (model, _, _, _), pair in cells.items():
            if len(pair) == 2 and pair["none"].cell_id != pair["correct"].cell_id:
                shares = _load_shares(run, pair["none"], pair["correct"])
                row = pair["none"]
                label = evidence.name_task(row.task, row.hf_subset, row.hf_split)
                place = {"task_type": row.task_type, "label": label}
                if shares:
                    rows.append({"subject": evidence.name_subject(model, run_name), **place, **shares})
    frame = pd.DataFrame(rows)
    if not len(frame):
        return frame
    order = {subject: index for index, subject in enumerate(evidence.subjects)}
    ordered = frame.sort_values(["task_type", "label"], kind="stable")
    return ordered.iloc[ordered["subject"].map(order).argsort(kind="stable")].reset_index(drop=True)


def _explain_absence(evidence: Evidence) -> str:
    if any({"none", "correct"} <= set(row.conditions) for _, _, row in evidence.iterate_results()):
        return "None and correct send the same strings, so no item can differ."
    return "No task has items under both none and correct. Add --conditions none,correct."


def _load_shares(run: Run, before: CellResult, after: CellResult) -> dict[str, float]:
    """Nothing where a file of per-item scores is gone: the section then leaves that task out."""
    try:
        deltas = compute_item_deltas(run.items(before.cell_id), run.items(after.cell_id))
    except ResultsError:
        return {}
    return {"n_items": float(len(deltas)), **compute_shares(deltas)} if len(deltas) else {}


def _chart_shares(subject: str, rows: pd.DataFrame, *, by_type: bool) -> Chart:
    names = [name for name, _ in BINS]
    if by_type:
        rows = rows.groupby("task_type", sort=True)[names].mean().reset_index().rename(columns={"task_type": "label"})
    gained = [name for name in names if name.startswith("gained")]
    lost = [name for name in names if name.startswith("lost")]
    up, down = float(rows[gained].sum(axis=1).mean()), float(rows[lost].sum(axis=1).mean())
    unit = "task type" if by_type else "task"
    return Chart(
        name=make_anchor("winners", subject),
        title=f"{subject}: {format_share(up)} of items gain and {format_share(down)} lose",
        caption=(
            f"One line a {unit}: the share of items whose own score fell (left) or rose (right) from none to "
            "correct, by how "
            f"many points; the rest did not change. The title’s figures are means over {unit}s."
        ),
        description="; ".join(
            f"{row['label']}: {format_share(sum(row[name] for name in gained))} gain, "
            f"{format_share(sum(row[name] for name in lost))} lose"
            for row in rows.head(20).to_dict("records")
        ),
        draw=partial(draw_shares, rows),
        data=rows,
    )


def _tabulate_movers(evidence: Evidence) -> Table:
    texts = _gather_texts(evidence) if evidence.options.texts else {}
    lines = []
    movers = evidence.movers[evidence.movers["contrast"] == "correct-none"]
    for subject in evidence.subjects:
        rows = movers[movers["subject"] == subject].sort_values("delta_points", kind="stable")
        losers = rows[rows["delta_points"] < 0].head(MOST_MOVERS)
        winners = rows[rows["delta_points"] > 0].tail(MOST_MOVERS).iloc[::-1]
        lines += [_enter_mover(row, texts) for part in (winners, losers) for row in part.to_dict("records")]
    n_quoted = sum(1 for line in lines if line.entries[0].style == "quoted")
    note = (
        " (texts left out)"
        if not evidence.options.texts
        else ""
        if n_quoted
        else " (the data’s licences allow no text here)"
    )
    columns = (
        Column("Item"),
        Column("Task"),
        Column("Model"),
        Column("Δ points", numeric=True),
        Column("None", numeric=True, hint="the item’s score without prefix"),
        Column("Correct", numeric=True, hint="the item’s score with the documented prefix"),
        Column("Rank before", numeric=True, hint="rank of the first relevant document"),
        Column("Rank after", numeric=True),
    )
    caption = f"{count_noun(len(lines), 'item')} that gained or lost most{note}"
    return Table("movers", caption, columns, tuple(lines))


def _gather_texts(evidence: Evidence) -> dict[tuple[str, str, str, str], str]:
    return {
        (name, *key): text
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for key, text in run.item_texts().items()
    }


def _enter_mover(row: dict[Hashable, Any], texts: dict[tuple[str, str, str, str], str]) -> Line:
    text = texts.get((str(row["run"]), str(row["task"]), str(row["hf_subset"]), str(row["item_id"])))
    shown = Entry(text[:TEXT_LENGTH] + ("…" if len(text) > TEXT_LENGTH else ""), style="quoted") if text else None
    return Line(
        (
            shown or Entry(shorten(str(row["item_id"]), 60)),
            Entry(str(row["label"])),
            Entry(name_briefly(str(row["subject"]), 60)),
            enter_points(row["delta_points"]),
            enter_number(row["before"] * 100),
            enter_number(row["after"] * 100),
            _enter_rank(row["rank_before"]),
            _enter_rank(row["rank_after"]),
        )
    )


def _enter_rank(rank: float) -> Entry:
    if not is_number(rank):
        return Entry("–")
    return Entry("not found", 1e9) if np.isinf(rank) else Entry(f"{rank:.0f}", float(rank))
