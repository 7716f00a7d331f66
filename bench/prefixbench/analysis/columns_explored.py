"""The columns of the frames of further questions, with what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prefixbench.analysis.columns import Columns

_PLACE: Final[Columns] = {
    "model": ("str", "Model."),
    "task": ("str", "mteb's task name."),
    "task_type": ("str", "mteb's task type."),
    "hf_subset": ("str", "Subset."),
    "hf_split": ("str", "Split."),
}

_COUNTS: Final[Columns] = {
    "n_items": ("int64", "Items paired."),
    "n_units": ("int64", "Independent units."),
}

_DECIDED: Final[Columns] = {
    "delta_points": ("float64", "What the row is about, points."),
    "standard_error": ("float64", "Of it, from the items seen."),
    "ci_low": ("float64", "Lower end of the plain 95% interval, points."),
    "ci_high": ("float64", "Upper end of the same."),
    "ci_low_adjusted": ("float64", "Lower end of the cautious interval at the level the model's rows here leave it."),
    "ci_high_adjusted": ("float64", "Upper end of the same; it decides."),
    "p_adjusted": ("float64", "Benjamini and Hochberg's, over the model's rows of this frame."),
    "margin": ("float64", "The smallest difference that matters, points."),
    "verdict": ("str", "The word on delta_points: helps and positive where it is above, hurts and negative below."),
}

DRIFT: Final[Columns] = {
    **_PLACE,
    "condition": ("str", "What is sent; the threshold is the best under none, from the other half of the pairs."),
    **_COUNTS,
    "cosine_shift": ("float64", "Mean cosine under the condition less that under none."),
    "cosine_low": ("float64", "Lower end of its 95% interval."),
    "cosine_high": ("float64", "Upper end of the same."),
    "accuracy": ("float64", "Share of pairs called rightly at the kept threshold (0–1); absent for graded pairs."),
    "accuracy_before": ("float64", "The same under none."),
    "accuracy_points": ("float64", "100 × their difference."),
    "accuracy_low": ("float64", "Lower end of its plain 95% interval."),
    "accuracy_high": ("float64", "Upper end of the same."),
    "accuracy_low_adjusted": ("float64", "Lower end of the interval that decides, within the conditions of the place."),
    "accuracy_high_adjusted": ("float64", "Upper end of the same."),
    "share_alike": ("float64", "Share of pairs called alike at the kept threshold (0–1)."),
    "share_alike_before": ("float64", "The same under none."),
    "share_points": ("float64", "100 × their difference."),
    "share_low": ("float64", "Lower end of its plain 95% interval."),
    "share_high": ("float64", "Upper end of the same."),
    "margin": ("float64", "The smallest difference of accuracy that matters, points."),
    "p_adjusted": ("float64", "Of the accuracy."),
    "verdict": ("str", "The word on the accuracy."),
}

RANKINGS: Final[Columns] = {
    **_PLACE,
    "contrast": ("str", "condition-baseline."),
    "condition": ("str", "What is sent."),
    "baseline": ("str", "What its hits are compared with."),
    **_COUNTS,
    "depth": ("int64", "Hits compared of each query, at most."),
    "persistence": ("float64", "Of the overlap: each rank weighs so much of the one before."),
    "overlap": ("float64", "Mean over queries of the extrapolated rank-biased overlap: 1 the same hits, 0 others."),
    "overlap_low": ("float64", "Lower end of its 95% interval."),
    "overlap_high": ("float64", "Upper end of the same."),
    "same_first": ("float64", "Share of queries whose first hit is the same (0–1)."),
}

GAINS: Final[Columns] = {
    **_PLACE,
    "metric": ("str", "The main score's name."),
    "contrast": ("str", "correct-none."),
    "moderator": (
        "str",
        "length: words of the text; overlap: share of a query's words in its relevant documents, of a pair's words in "
        "both texts; prefix share: the prefix's share of the tokens, about.",
    ),
    "n_tasks": ("int64", "Tasks of the type that the row is the mean of, with an empty task; 1 for a task's own row."),
    "median": ("float64", "Of the moderator: where the items are parted."),
    "upper_points": ("float64", "The delta of the items above the median."),
    "lower_points": ("float64", "The delta of the others."),
    "upper_prefix_share": ("float64", "The prefix's share of the tokens above the median (0–1), about."),
    "lower_prefix_share": ("float64", "The same of the others."),
    **_COUNTS,
    **_DECIDED,
}

INTERACTIONS: Final[Columns] = {
    **_PLACE,
    "other_model": ("str", "The model it is compared with."),
    "metric": ("str", "The main score's name."),
    "contrast": ("str", "correct-none; delta_points is the model's less the other's."),
    "points": ("float64", "The model's delta."),
    "other_points": ("float64", "The other's."),
    **_COUNTS,
    **_DECIDED,
}

TYPE_DIFFERENCES: Final[Columns] = {
    "model": ("str", "Model."),
    "task_type": ("str", "mteb's task type."),
    "other_type": ("str", "The type it is compared with."),
    "contrast": ("str", "correct-none; delta_points is the type's mean less the other's, over these very tasks."),
    "n_tasks": ("int64", "Tasks of the type."),
    "n_tasks_other": ("int64", "Tasks of the other."),
    "points": ("float64", "Mean delta over the type's tasks."),
    "other_points": ("float64", "The same of the other."),
    **_DECIDED,
    "general_points": (
        "float64",
        "The same for tasks of the types in general; absent below three tasks of each.",
    ),
    "general_low": ("float64", "Lower end of its 95% interval."),
    "general_high": ("float64", "Upper end of the same."),
}

DOSES: Final[Columns] = {
    **_PLACE,
    "metric": ("str", "The main score's name."),
    "doses": ("str", "Random tokens sent, comma-separated; 0 is none. delta_points is for ten tokens more."),
    **_COUNTS,
    **_DECIDED,
}
