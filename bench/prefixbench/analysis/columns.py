"""The columns of every frame an analysis gives, with what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Columns = dict[str, tuple[str, str]]
"""Name to pandas dtype and meaning."""

CONTRASTS: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name."),
    "task_type": ("str", "mteb's task type."),
    "hf_subset": ("str", "Subset."),
    "hf_split": ("str", "Split."),
    "metric": ("str", "The main score's name."),
    "contrast": ("str", "condition-baseline."),
    "condition": ("str", "The first condition."),
    "baseline": ("str", "The condition it is compared with."),
    "n_items": ("int64", "Items paired."),
    "n_groups": ("int64", "Clusters resampled; as many as items where each stands alone."),
    "score": ("float64", "Main score under the condition, mteb's units."),
    "baseline_score": ("float64", "Main score under the baseline, mteb's units."),
    "delta_points": ("float64", "100 × (score − baseline_score)."),
    "ci_low": ("float64", "Lower end of the 95% interval, points."),
    "ci_high": ("float64", "Upper end of the 95% interval, points."),
    "equivalence_low": ("float64", "Lower end of the 90% interval of the equivalence test, points."),
    "equivalence_high": ("float64", "Upper end of the 90% interval of the equivalence test, points."),
    "p_value": ("float64", "Paired sign-flip test, two-sided."),
    "p_holm": ("float64", "The same after Holm over all planned contrasts of the run; absent where not planned."),
    "planned": ("bool", "Whether the contrast was fixed before the run."),
    "standard_error": ("float64", "Of delta_points."),
    "mde": ("float64", "Effect in points that would be detected at 5% with 80% power."),
    "share_better": ("float64", "Share of items that gained (0–1)."),
    "share_worse": ("float64", "Share of items that lost (0–1)."),
    "share_same": ("float64", "Share of items that did not change (0–1)."),
    "verdict": ("str", "helps, hurts, equivalent or inconclusive."),
    "n_items_to_settle": ("Int64", "Items that would settle an inconclusive contrast; absent where none would."),
    "n_resamples": ("int64", "Bootstrap resamples and sign flips."),
    "seed": ("int64", "Of both."),
    "method": ("str", "How interval and p-value came about."),
    "identical": ("bool", "Both conditions send the same strings: one cell with two names."),
    "note": ("str", "What a reader should know besides."),
}

POOLED: Final[Columns] = {
    "subject": ("str", "Model, or family of models."),
    "subject_kind": ("str", "model or family."),
    "scope": ("str", "all, or a task type."),
    "contrast": ("str", "condition-baseline."),
    "n_tasks": ("int64", "Tasks pooled."),
    "delta_points": ("float64", "Random-effects mean over tasks, points."),
    "ci_low": ("float64", "Lower end of its 95% interval."),
    "ci_high": ("float64", "Upper end of its 95% interval."),
    "pi_low": ("float64", "Lower end of the 95% prediction interval: where a further task's true delta would lie."),
    "pi_high": ("float64", "Upper end of the 95% prediction interval."),
    "tau2": ("float64", "Variance of true deltas between tasks, points²."),
    "i2": ("float64", "Share of the spread between tasks that sampling does not explain (0–1)."),
    "p_value": ("float64", "Two-sided, of the pooled delta."),
    "verdict": ("str", "The same rule as for one contrast."),
    "mixed_delta_points": (
        "float64",
        "The mixed-effects model's mean, as a check: of planned contrasts with none, over three tasks or more.",
    ),
    "mixed_ci_low": ("float64", "Lower end of its 95% interval."),
    "mixed_ci_high": ("float64", "Upper end of its 95% interval."),
    "note": ("str", "What a reader should know besides."),
}

MODELS: Final[Columns] = {
    "model": ("str", "Model."),
    "family": ("str", "prefix, instruction or none: how the model was trained to take its task."),
    "overall": ("str", "required, helpful, harmless, harmful or unclear: the correct prefix against none."),
    "query_side": ("str", "The same for the query's prefix alone; unclear where it was not run."),
    "document_side": ("str", "The same for the document's prefix alone."),
    "keep_index": ("str", "yes, no or unknown: whether documents embedded without prefix can stay as they are."),
    "action": ("str", "What to do, in one sentence."),
    "delta_points": ("float64", "Pooled correct − none, points."),
    "ci_low": ("float64", "Lower end of its 95% interval."),
    "ci_high": ("float64", "Upper end of its 95% interval."),
    "n_tasks": ("int64", "Tasks it rests on."),
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
