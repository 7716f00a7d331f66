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
# # Read a run
#
# A run folder holds everything a sweep found out. This notebook opens one and walks from the answer down to single
# items. Name another folder in `PREFIXBENCH_RUN` to read your own.

# %%
import os
from pathlib import Path

import prefixbench as pb

here = Path.cwd()
checkout = next((folder for folder in (here, *here.parents) if (folder / "results").is_dir()), here)
folder = Path(os.environ.get("PREFIXBENCH_RUN", checkout / "results" / "starter"))
analysed = pb.load(folder)
run = analysed.run
print(f"{run.name}: {len(run.results)} cells, {len(run.failures)} without a score, complete: {run.complete}")

# %% [markdown]
# ## The answer, one line a model

# %%
analysed.models()[["model", "overall", "delta_points", "ci_low", "ci_high", "n_tasks", "action"]]

# %% [markdown]
# ## Every verdict
#
# `delta_points` is 100 × (score − baseline score) on the same items; `verdict` is one of four words. `mde` is what this
# many items could have shown: an inconclusive verdict with a large `mde` says little about the prefix.

# %%
contrasts = analysed.contrasts()
main = contrasts[contrasts["contrast"] == "correct-none"]
main[["model", "task", "delta_points", "ci_low", "ci_high", "mde", "verdict", "n_items"]].round(2)

# %% [markdown]
# ## Scores as they are
#
# One row a finished cell and condition. Conditions that send the same strings share a cell, and so a `cell_id`.

# %%
frame = run.frame()
frame.pivot_table(index=["task", "model"], columns="condition", values="score", sort=False).round(4)

# %% [markdown]
# ## Exactly what was sent

# %%
for row in run.results[:4]:
    for audit in row.audit:
        first = repr(audit.samples[0].text[:60]) if audit.samples else "no sample"
        print(f"{row.task:28} {', '.join(row.conditions):20} {audit.role:9} {audit.prefix!r:40} {first}")

# %% [markdown]
# ## One cell's items
#
# `value` is the item's own score in the metric's units; items carry the same id under every condition, which is what
# lets two conditions be paired.

# %%
row = run.results[0]
items = run.items(row.cell_id)
print(f"{row.task}, {row.conditions[0]}: {items.n_items} items, rebuilt by {items.statistic.value}")
print(f"mean of items {items.value.mean():.4f}, main score {row.score:.4f} ({row.main_score})")

# %% [markdown]
# ## What is missing, and why

# %%
for failure in run.failures:
    print(f"{failure.status}: {failure.model}, {', '.join(failure.conditions)}, {failure.task}: {failure.reason}")
analysed.refusals()
