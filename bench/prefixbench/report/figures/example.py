"""The example of the question itself: is a question nearer to its rewording or to its answer?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.canvas import clear_frame, draw_segments, label_rows, make_grid, open_canvas
from prefixbench.report.palette import EQUIVALENT, HELPS, MUTED
from prefixbench.report.words import shorten

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def draw_example(rows: pd.DataFrame, conditions: list[str]) -> Figure:
    """Draw one panel a question and use, one row a condition: both cosines, joined.

    Args:
        rows: ``question``, ``task_type``, ``condition``, ``similarity_paraphrase``, ``similarity_answer``.
        conditions: The rows, from the top.
    """
    keys = list(rows[["question", "task_type"]].drop_duplicates().itertuples(index=False, name=None))
    with open_canvas():
        figure, panels = make_grid(len(keys), 0.22 * len(conditions) + 0.15, columns=2, left=1.25, between=0.3, top=0.5)
        low = float(rows[["similarity_paraphrase", "similarity_answer"]].min().min())
        high = float(rows[["similarity_paraphrase", "similarity_answer"]].max().max())
        pad = 0.06 * max(high - low, 0.05)
        for index, ((question, task_type), axes) in enumerate(zip(keys, panels, strict=True)):
            chosen = rows[(rows["question"] == question) & (rows["task_type"] == task_type)]
            lines = [conditions.index(name) for name in chosen["condition"]]
            ends = chosen[["similarity_paraphrase", "similarity_answer"]].itertuples(index=False, name=None)
            segments = [[(left, line), (right, line)] for line, (left, right) in zip(lines, ends, strict=True)]
            draw_segments(axes, segments, [MUTED.light] * len(segments), width=0.9, name="pairs")
            for name, marker, colour, label in (
                ("similarity_paraphrase", "o", EQUIVALENT.light, "its rewording"),
                ("similarity_answer", "^", HELPS.light, "its answer"),
            ):
                axes.plot(
                    chosen[name].to_list(), lines, marker=marker, markersize=5, color=colour, linestyle="none",
                    label=label, zorder=2, gid=f"{name}:{task_type}:{question}",
                )  # fmt: skip
            label_rows(axes, [shorten(name, 22) for name in conditions], shown=index % 2 == 0)
            axes.set_xlim(low - pad, high + pad)
            use = "as a search" if task_type == "Retrieval" else f"as {task_type}"
            axes.set_title(f"{shorten(str(question), 34)} {use}", fontsize=7.5)
            axes.grid(axis="x", linewidth=0.5)
            clear_frame(axes)
            if index >= len(keys) - 2:
                axes.set_xlabel("cosine to the question")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="upper left", ncols=2, fontsize=7, borderaxespad=0.1)
    return figure
