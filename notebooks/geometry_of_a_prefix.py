# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The geometry of a prefix
#
# A prefix changes every vector. What matters is whether the changed vectors rank differently. A run holds, for each
# cell and role, how its vectors lie against those of the same texts without prefix.

# %%
import os
from pathlib import Path

import pandas as pd
import prefixbench as pb
from matplotlib.figure import Figure

here = Path.cwd()
checkout = next((folder for folder in (here, *here.parents) if (folder / "results").is_dir()), here)
folder = Path(os.environ.get("PREFIXBENCH_RUN", checkout / "results" / "starter"))
analysed = pb.load(folder)
geometry = pd.DataFrame(
    [
        {"model": row.model, "task": row.task, "condition": condition, **summary.model_dump()}
        for row in analysed.run.results
        for condition in row.conditions
        for summary in row.geometry
    ]
)
print(f"{len(geometry)} rows of geometry in {analysed.run.name}")

# %% [markdown]
# ## Four measures
#
# - `shift_mean`: mean of 1 − cosine between a text's vector with and without the prefix
# - `overlap_at_10`: share of the ten nearest neighbours that stay
# - `shared_offset`: share of the squared movement that is one and the same for all texts; an offset that all share
#   moves everything and, between texts that have it, reorders little
# - `anisotropy`: mean cosine of all pairs; near 1, all vectors point the same way

# %%
measures = ["shift_mean", "overlap_at_10", "shared_offset", "anisotropy"]
geometry.groupby(["model", "condition", "role"], sort=False)[measures].mean().round(3)

# %% [markdown]
# ## Does moving far mean gaining much?

# %%
shifts = geometry.groupby(["model", "task", "condition"], sort=False)["shift_mean"].mean().rename("shift").reset_index()
contrasts = analysed.contrasts()
gains = contrasts[(contrasts["baseline"] == "none") & ~contrasts["identical"]].merge(
    shifts, on=["model", "task", "condition"]
)
print(gains[["task", "condition", "shift", "delta_points", "verdict"]].round(3).to_string(index=False))

# %%
figure = Figure(figsize=(6.0, 3.5), layout="constrained")
axes = figure.add_subplot()
axes.axhline(0.0, color="0.6", linewidth=0.8)
for verdict, marker in (("helps", "^"), ("hurts", "v"), ("equivalent", "s"), ("inconclusive", "o")):
    rows = gains[gains["verdict"] == verdict]
    axes.plot(rows["shift"].to_list(), rows["delta_points"].to_list(), marker, label=verdict)
axes.set_xlabel("mean of 1 − cosine to the same text without prefix")
axes.set_ylabel("points from none")
axes.legend()
figure

# %% [markdown]
# ## A rank correlation, and its limits
#
# Movement and the size of the effect, whichever its sign. The cases share texts and models, so this is a description of
# this run, not a test.

# %%
if len(gains) > 2:
    effect = gains["delta_points"].abs()
    print(f"Spearman correlation of shift and |points|: {gains['shift'].corr(effect, method='spearman'):.2f}")

# %% [markdown]
# ## The three sentences
#
# Is a question nearer to its rewording or to its answer?

# %%
for probe in analysed.run.probes:
    for example in probe.examples:
        nearer = "answer" if example.similarity_answer > example.similarity_paraphrase else "rewording"
        print(
            f"{probe.model} {probe.task_type:10} {probe.condition:15} {example.question:32} "
            f"rewording {example.similarity_paraphrase:.3f}  answer {example.similarity_answer:.3f}  nearer: {nearer}"
        )
