"""The columns of every frame an analysis gives, with what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Columns = dict[str, tuple[str, str]]
"""Name to pandas dtype and meaning."""

_INFERENCE: Final[Columns] = {
    "delta_points": ("float64", "100 × (score − baseline_score)."),
    "standard_error": ("float64", "Of delta_points, from the items seen."),
    "ci_low": ("float64", "Lower end of the plain 95% interval, of the items seen, points."),
    "ci_high": ("float64", "Upper end of the same."),
    "ci_low_cautious": ("float64", "Lower end of the 95% interval that allows for items nobody saw; the gate's."),
    "ci_high_cautious": ("float64", "Upper end of the same."),
    "ci_low_adjusted": ("float64", "Lower end of the cautious interval at the level its family leaves; it decides."),
    "ci_high_adjusted": ("float64", "Upper end of the same."),
    "p_value": ("float64", "Two-sided, against the bound nearest to a verdict (±margin), not against zero."),
    "p_adjusted": ("float64", "The same corrected within its family; absent where not tested."),
    "family": ("str", "primary, sides or exploratory; families stand within one model."),
    "margin": ("float64", "The smallest difference that matters, points."),
    "verdict": (
        "str",
        "helps, hurts, equivalent, positive, negative (size open), inconclusive, described (not tested), same strings, "
        "inert.",
    ),
    "reason": ("str", "Why an interval that looks decisive is not, or why nothing was tested."),
    "mde": ("float64", "Effect in points whose verdict would be reached with 80% power in its family."),
    "n_items_for_margin": ("Int64", "Items at which the adjusted interval reaches ±margin to either side."),
}

_SCORES: Final[Columns] = {
    "metric": ("str", "The main score's name."),
    "contrast": ("str", "condition-baseline."),
    "condition": ("str", "The first condition."),
    "baseline": ("str", "The condition it is compared with."),
    "n_items": ("int64", "Items paired."),
    "n_units": ("int64", "Independent units: clusters of items, or the items where each stands alone."),
    "score": ("float64", "Main score under the condition, mteb's units; absent where it is inert."),
    "baseline_score": ("float64", "Main score under the baseline, mteb's units; absent where it is inert."),
}

CONTRASTS: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name."),
    "task_type": ("str", "mteb's task type."),
    "hf_subset": ("str", "Subset."),
    "hf_split": ("str", "Split."),
    **_SCORES,
    **_INFERENCE,
    "share_better": ("float64", "Share of items that gained (0–1)."),
    "share_worse": ("float64", "Share of items that lost (0–1)."),
    "share_same": ("float64", "Share of items that did not change (0–1)."),
    "same_strings": ("bool", "Nothing was measured: both send the same to the model, or one is inert (`verdict`)."),
    "seed": ("int64", "The run's, which the analysis takes over."),
    "method": ("str", "How the interval came about."),
}

TASKS: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name; its subsets and splits averaged."),
    "task_type": ("str", "mteb's task type."),
    "n_subsets": ("int64", "Subsets and splits averaged."),
    **_SCORES,
    **_INFERENCE,
    "same_strings": ("bool", "Nothing was measured on any subset: the same is sent, or one is inert (`verdict`)."),
    "shrunk_points": (
        "float64",
        "The delta with the model's other tasks in view; absent for one task.",
    ),
    "shrunk_low": ("float64", "Lower end of its 95% interval."),
    "shrunk_high": ("float64", "Upper end of its 95% interval."),
    "pr_positive": ("float64", "Probability that the true delta is above zero, with the other tasks in view (0–1)."),
}

TYPES: Final[Columns] = {
    "model": ("str", "Model."),
    "task_type": ("str", "mteb's task type."),
    "contrast": ("str", "condition-baseline."),
    "condition": ("str", "The first condition."),
    "baseline": ("str", "The condition it is compared with."),
    "n_tasks": ("int64", "Tasks measured; those with the same strings are left out."),
    "tasks": ("str", "Their names, comma-separated."),
    "n_items": ("int64", "Items paired, over all tasks."),
    "n_units": ("int64", "Independent units of the task that has fewest."),
    **_INFERENCE,
    "pr_positive": ("float64", "Probability that the mean over these tasks is above zero (0–1)."),
    "re_points": ("float64", "Random-effects mean: tasks of this type in general; absent below three tasks."),
    "re_low": ("float64", "Lower end of its 95% interval."),
    "re_high": ("float64", "Upper end of its 95% interval."),
    "tau2": ("float64", "Variance of true deltas between tasks, points²; absent below three tasks."),
    "pi_low": ("float64", "Lower end of the 95% prediction interval for one more task; absent below five tasks."),
    "pi_high": ("float64", "Upper end of the 95% prediction interval."),
    "line": ("str", "required, helpful, harmful, mixed, harmless or not shown; for correct-none alone, else empty."),
}

MODELS: Final[Columns] = {
    "model": ("str", "Model."),
    "training": ("str", "prefix, instruction or none: how the model takes its task."),
    "line": (
        "str",
        "required, helpful, harmful, mixed, harmless, not shown, no prefix, or inert; true for `line_types`.",
    ),
    "line_types": ("str", "The task types that the line holds for, comma-separated; empty where it says nothing."),
    "other_types": ("str", "Measured task types that the line does not speak of, comma-separated."),
    "sentence": ("str", "The line as one sentence with its numbers."),
    "keep_index": ("str", "yes, no or not shown: whether documents embedded without prefix can stay as they are."),
    "n_tasks": ("int64", "Tasks whose correct-none was tested."),
    "n_helps": ("int64", "Of them: helps."),
    "n_hurts": ("int64", "hurts."),
    "n_equivalent": ("int64", "equivalent."),
    "n_open": ("int64", "positive, negative or inconclusive."),
    "n_described": ("int64", "Tasks with too few units to be tested."),
    "n_same": ("int64", "Tasks on which nothing was measured, the strings being the same."),
    "n_inert": ("int64", "Tasks on which nothing was measured, since what is sent moves no vector."),
    "new_task_points": (
        "float64",
        "The delta to expect on a new task like these; absent for one task.",
    ),
    "new_task_low": ("float64", "Lower end of its 95% interval."),
    "new_task_high": ("float64", "Upper end of its 95% interval."),
    "pr_new_positive": ("float64", "Probability that a new task's delta is above zero (0–1)."),
}

MOVERS: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name."),
    "hf_subset": ("str", "Subset."),
    "hf_split": ("str", "Split."),
    "contrast": ("str", "condition-baseline."),
    "item_id": ("str", "The item."),
    "delta_points": ("float64", "100 × (after − before)."),
    "before": ("float64", "The item's value under the baseline."),
    "after": ("float64", "The item's value under the condition."),
    "rank_before": ("float64", "Rank of its first relevant document under the baseline, where there is one."),
    "rank_after": ("float64", "The same under the condition."),
}

REFUSALS: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name."),
    "hf_subset": ("str", "Subset."),
    "hf_split": ("str", "Split."),
    "contrast": ("str", "condition-baseline; all where none of the task's could be made."),
    "reason": ("str", "One sentence."),
}


def build_frame(rows: Iterable[Mapping[str, Any]], columns: Columns) -> pd.DataFrame:
    """A frame with exactly these columns and dtypes, also where there are no rows."""
    frame = pd.DataFrame(list(rows), columns=list(columns))
    return frame.astype({name: "object" if kind == "str" else kind for name, (kind, _) in columns.items()})
