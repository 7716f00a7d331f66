"""The controls: from none to wrong, meaning or length, which side, how sensitive to wording."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.chart import Chart
from prefixbench.report.figures.slopes import draw_slopes
from prefixbench.report.figures.strip import STRIP_COLUMNS, draw_strip
from prefixbench.report.sections.section import Section
from prefixbench.report.words import count_noun, format_points, is_number, join_words

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence

WORDINGS = frozenset({"paraphrase", "mangled"})
STRIP_CAPTION = (
    "Marks: one a task, condition − none on the same items; shape and colour are the verdict (▲ helps, ▼ hurts, ■ "
    "equivalent, ○ inconclusive). Diamond and line: random-effects estimate over tasks with 95 % interval."
)


def build_mixup(evidence: Evidence) -> Section:
    """From none to correct to wrong."""
    title = "From none to correct to wrong"
    wrong = next((name for name in evidence.conditions if name.partition(":")[0] == "wrong"), None)
    paths = _join_paths(evidence, wrong) if wrong else pd.DataFrame()
    if wrong is None or not len(paths):
        otherwise = "No run has a wrong prefix beside the documented one. Add --conditions wrong."
        return Section("mixup", title, absent=evidence.explain_absence(["wrong"], otherwise))
    n_hurt = int((paths["verdict_wrong"] == "hurts").sum())
    n_below = int((paths["wrong"] < paths["correct"]).sum())
    pairs = count_noun(len(paths), "pair") + " of model and task"
    chart = Chart(
        name="mixup",
        title=f"Of {pairs}, {wrong} is below correct on {n_below} and hurts against sending nothing on {n_hurt}",
        caption=(
            "One line a task, from none (zero) to correct to wrong, in points; its colour is the verdict of "
            "correct, the "
            "markers are the verdicts at each stop. The tasks that gain most and least are named."
        ),
        description=f"Slopes in {count_noun(paths['subject'].nunique(), 'panel')}, one a model, for {pairs}.",
        draw=partial(draw_slopes, paths, wrong),
        data=paths,
    )
    return Section(
        "mixup", title, charts=(chart,), lead="What a mix-up costs: another task’s prefix of the same model."
    )


def _join_paths(evidence: Evidence, wrong: str) -> pd.DataFrame:
    frame = evidence.contrasts
    parts = []
    for subject in evidence.subjects:
        right, astray = evidence.select_contrast(subject, "correct"), evidence.select_contrast(subject, wrong)
        parts.append(right.merge(astray, on=["subject", "task", "hf_subset", "hf_split"], suffixes=("", "_wrong")))
    joined = pd.concat(parts, ignore_index=True) if parts else frame.head(0)
    if not len(joined):
        return joined
    return pd.DataFrame(
        {
            "subject": joined["subject"],
            "task_type": joined["task_type"],
            "label": joined["label"],
            "correct": joined["delta_points"],
            "wrong": joined["delta_points_wrong"],
            "verdict_correct": joined["verdict"],
            "verdict_wrong": joined["verdict_wrong"],
        }
    )


def build_meaning(evidence: Evidence) -> Section:
    """Correct against placebo and shuffled."""
    return _build_strip(
        evidence,
        ("meaning", "Is it meaning or length?"),
        ("correct", "placebo", "shuffled", "instruction"),
        needed=("placebo", "shuffled"),
        lead=(
            "If random tokens of the same length (placebo) do as much as the documented prefix, it is not "
            "its meaning that "
            "works; if its words in another order do, it is not the exact string."
        ),
        flag="--conditions correct,placebo,shuffled",
    )


def build_side(evidence: Evidence) -> Section:
    """Query-only, document-only, both, swapped."""
    return _build_strip(
        evidence,
        ("side", "Which side?"),
        ("correct", "query-only", "document-only", "swapped"),
        needed=("query-only", "document-only", "swapped"),
        lead="If the prefix pays on the query’s side alone, an index that was built without it can stay.",
        flag="--conditions query-only,document-only,swapped",
    )


def build_wording(evidence: Evidence) -> Section:
    """Paraphrases and the usual typo."""
    wordings = tuple(name for name in evidence.conditions if name.partition(":")[0] in WORDINGS)
    return _build_strip(
        evidence,
        ("wording", "How sensitive to wording?"),
        ("correct", *wordings),
        needed=wordings,
        lead="The same request in other words, and with the typo people make.",
        flag="--conditions paraphrase:1,paraphrase:2,mangled",
    )


def _build_strip(
    evidence: Evidence, name: tuple[str, str], wanted: tuple[str, ...], *, needed: tuple[str, ...], lead: str, flag: str
) -> Section:
    anchor, title = name
    frame = evidence.contrasts
    marks = frame[(frame["baseline"] == "none") & frame["condition"].isin(wanted)] if len(frame) else frame
    present = [condition for condition in wanted if condition in set(marks["condition"])] if len(marks) else []
    if not set(present) & set(needed):
        failed = {name for run in evidence.runs for row in run.failures for name in row.conditions}
        asked = sorted(
            name for name in failed if name in needed or (anchor == "wording" and name.partition(":")[0] in WORDINGS)
        )
        otherwise = f"No run has these conditions. Add {flag}."
        return Section(anchor, title, absent=evidence.explain_absence(asked or needed, otherwise))
    if anchor == "side":
        # A text without a role has no side: those tasks would show correct twice and nothing once.
        sided = marks[marks["condition"].isin(needed)]
        keys = set(zip(sided["subject"], sided["label"], strict=True))
        marks = marks[[key in keys for key in zip(marks["subject"], marks["label"], strict=True)]]
    marks = marks[STRIP_COLUMNS].sort_values(["subject", "condition", "label"], kind="stable")
    order = {subject: index for index, subject in enumerate(evidence.subjects)}
    marks = marks.iloc[marks["subject"].map(order).argsort(kind="stable")].reset_index(drop=True)
    pooled = _select_pooled(evidence, marks, present)
    chart = Chart(
        name=anchor,
        title=_find_strip(marks, pooled, present),
        caption=STRIP_CAPTION,
        description=_describe_strip(marks, pooled, present),
        draw=partial(draw_strip, marks, pooled, present),
        data=marks,
    )
    return Section(anchor, title, lead=lead, charts=(chart,))


def _select_pooled(evidence: Evidence, marks: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    columns = ["subject", "condition", "n_tasks", "delta_points", "ci_low", "ci_high"]
    parts = [
        evidence.select_pooled(subject, condition).assign(condition=condition)
        for subject in marks["subject"].unique()
        for condition in conditions
    ]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)


def _find_strip(marks: pd.DataFrame, pooled: pd.DataFrame, conditions: list[str]) -> str:
    """The finding: estimates where there is one model, counts of verdicts where there are more."""
    if marks["subject"].nunique() == 1 and len(pooled) and pooled["delta_points"].map(is_number).all():
        said = [f"{row['condition']} {format_points(row['delta_points'])}" for row in pooled.to_dict("records")]
        return f"Over all tasks, in points from none: {join_words(said)}"
    tallies = []
    for condition in conditions:
        verdicts = marks[marks["condition"] == condition]["verdict"]
        tallies.append(f"{condition} {int((verdicts == 'helps').sum())} of {len(verdicts)}")
    return f"Helps, over models and tasks: {join_words(tallies)}"


def _describe_strip(marks: pd.DataFrame, pooled: pd.DataFrame, conditions: list[str]) -> str:
    sentences = [
        f"{row['subject']}, {row['condition']}: {format_points(row['delta_points'])} points over {row['n_tasks']} tasks"
        for row in pooled.head(16).to_dict("records")
        if is_number(row["delta_points"])
    ]
    head = f"{count_noun(marks['subject'].nunique(), 'panel')}, one a model, with rows {join_words(conditions)}."
    return f"{head} {'; '.join(sentences)}" + ("." if sentences else "")
