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
# # Ask your own contrast
#
# The report compares each condition with `none`. Any two conditions of a run can be compared: they were scored on the
# same items. This notebook asks for pairs of its own, then checks one of them by hand.

# %%
import os
from pathlib import Path

import numpy as np
import prefixbench as pb
from prefixbench.analysis import AnalysisSettings
from scipy.stats import bootstrap

here = Path.cwd()
checkout = next((folder for folder in (here, *here.parents) if (folder / "results").is_dir()), here)
folder = Path(os.environ.get("PREFIXBENCH_RUN", checkout / "results" / "starter"))
present = pb.load(folder).run.frame()["condition"].unique().tolist()
print("conditions:", ", ".join(present))

# %% [markdown]
# ## Name the pairs
#
# Each is (condition, baseline). They are exploratory: chosen after the run, so they get no place among the planned
# contrasts and no Holm-adjusted p-value.

# %%
wanted = [("instruction", "correct"), ("wrong", "correct"), ("placebo", "correct"), ("correct", "none")]
pairs = tuple(pair for pair in wanted if set(pair) <= set(present))
analysed = pb.load(folder, AnalysisSettings(contrasts=pairs))
contrasts = analysed.contrasts()
names = [f"{condition}-{baseline}" for condition, baseline in pairs]
asked = contrasts[contrasts["contrast"].isin(names)]
asked[["contrast", "model", "task", "delta_points", "ci_low", "ci_high", "planned", "verdict", "identical"]].round(2)

# %% [markdown]
# ## Check one by hand
#
# Take the first contrast of two different cells whose score is a plain mean of items, pair the items by id, and
# bootstrap the mean difference with SciPy. It should agree with the table but for the draw of resamples.

# %%
cells = {(row.model, row.task, row.hf_subset, name): row for row in analysed.run.results for name in row.conditions}
row = next(
    row
    for row in asked.to_dict("records")
    if not row["identical"]
    and row["n_items"] == row["n_groups"]
    and cells[row["model"], row["task"], row["hf_subset"], row["condition"]].statistic.value == "mean"
)
tables = [
    analysed.run.items(cells[row["model"], row["task"], row["hf_subset"], row[side]].cell_id)
    for side in ("condition", "baseline")
]
means = []
for table in tables:
    ids, place = np.unique(table.item_id, return_inverse=True)
    means.append(np.bincount(place, weights=table.value) / np.bincount(place))
difference = 100 * (means[0] - means[1])
interval = bootstrap((difference,), np.mean, n_resamples=2000, rng=np.random.default_rng(0)).confidence_interval
print(f"{row['contrast']}, {row['model']}, {row['task']}: {len(difference)} items")
print(f"by hand      {difference.mean():+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]")
print(f"the analysis {row['delta_points']:+.2f} [{row['ci_low']:+.2f}, {row['ci_high']:+.2f}]")

# %% [markdown]
# ## Who moved
#
# The same difference item by item. A mean near zero can stand for nothing happening, or for many winners and losers.

# %%
better, worse = (difference > 0).mean(), (difference < 0).mean()
print(f"{better:.0%} of items gain, {worse:.0%} lose, {1 - better - worse:.0%} stay")
texts = analysed.run.item_texts()
for index in np.argsort(difference)[::-1][:3]:
    item = np.unique(tables[0].item_id)[index]
    print(f"{difference[index]:+6.1f}  {texts.get((row['task'], row['hf_subset'], str(item)), str(item))[:90]}")
