"""Draw ``figures.json`` and write its tables into the README: ``python -m benchmarks.validity.draw``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
COVERAGE_BOUNDS, POWER_BOUNDS = (0.93, 0.97), (0.78, 0.82)


def format_table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table."""
    return ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]] + [""]


def format_share(row: dict[str, Any], column: str, bounds: tuple[float, float]) -> str:
    """A share with its interval; bold where it lies outside its bounds."""
    share = f"{row[column]:.1%}"
    if not bounds[0] <= row[column] <= bounds[1]:
        share = f"**{share}**"
    return f"{share} ({row[f'{column}_low']:.1%} to {row[f'{column}_high']:.1%})"


def describe_figures(figures: dict[str, Any]) -> str:
    """The tables."""
    lines = format_table(
        ["A/A: task type", "conditions", "items", "sweeps", "test rejects", "false verdicts", "at ±0",
         "sweeps with any", "at ±0"],
        [
            [
                row["task_type"], words, f"{row['n_items']}", f"{row['sweeps']:,}", f"{row['test_rejects']:.1%}",
                f"{row['false_verdicts']:.1%}", f"{row['false_verdicts_any_effect']:.1%}",
                f"{row['sweeps_with_false_verdict']:.1%}", f"{row['sweeps_with_false_verdict_any_effect']:.1%}",
            ]
            for part, words in (("identical", "identical"), ("noise", "noise"))
            for row in figures[part]
        ],
    )  # fmt: skip
    lines += format_table(
        ["Coverage: task type", "statistic", "items", "samples", "true, points", "95% intervals cover", "plain BCa"],
        [
            [
                row["task_type"], row["statistic"], f"{row['n_items']:,}", f"{row['samples']:,}",
                f"{row['true_delta_points']:+.2f}", format_share(row, "coverage", COVERAGE_BOUNDS),
                f"{row['coverage_of_plain_bca']:.1%}",
            ]
            for row in figures["coverage"]
        ],
    )  # fmt: skip
    lines += format_table(
        ["Power: task type", "statistic", "items", "samples", "planted, points", "stated, points", "detected"],
        [
            [
                row["task_type"], row["statistic"], f"{row['n_items']:,}", f"{row['samples']:,}",
                f"{row['planted_points']:.2f}", f"{row['stated_mde_points']:.2f}",
                format_share(row, "detected", POWER_BOUNDS),
            ]
            for row in figures["power"]
        ],
    )  # fmt: skip
    sources = {row["task_type"]: row["source"] for row in figures["coverage"]}
    lines += format_table(["population", "task, model"], [[kind, source] for kind, source in sources.items()])
    return "\n".join(lines)


def draw_figures(figures: dict[str, Any]) -> Figure:
    """Coverage and power with their bounds."""
    figure = Figure(figsize=(12, 7), layout="constrained")
    panels = [("coverage", "coverage", COVERAGE_BOUNDS, "95% intervals hold the true effect")]
    panels.append(("power", "detected", POWER_BOUNDS, "stated minimum detectable effect detected"))
    for axes, (name, column, bounds, title) in zip(figure.subplots(1, 2), panels, strict=True):
        rows = figures[name][::-1]
        middle = [row[column] for row in rows]
        low = [row[column] - row[f"{column}_low"] for row in rows]
        high = [row[f"{column}_high"] - row[column] for row in rows]
        axes.axvspan(*bounds, color="0.9", label="bounds")
        axes.errorbar(middle, range(len(rows)), xerr=[low, high], fmt="o", color="C0", ms=4)
        if name == "coverage":
            axes.plot(
                [row["coverage_of_plain_bca"] for row in rows], range(len(rows)), "x", color="C1", label="plain BCa"
            )
            axes.legend(loc="lower left", fontsize=8)
        axes.set_yticks(range(len(rows)), [f"{row['task_type']}, n = {row['n_items']}" for row in rows], fontsize=8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("share of samples, with its 95% interval")
    return figure


def main() -> None:
    """Write the picture and the tables."""
    figures = json.loads((FOLDER / "figures.json").read_bytes())
    mpl.rcParams["svg.hashsalt"] = "prefixbench"
    draw_figures(figures).savefig(FOLDER / "figures.svg", metadata={"Date": None})
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    readme.write_text(f"{before}\n\n{describe_figures(figures)}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
