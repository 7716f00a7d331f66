"""The tables of the README, from ``figures.json``: ``python -m benchmarks.validity.tables``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
Row = dict[str, Any]


def format_table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table."""
    return ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]] + [""]


def format_share(share: float, samples: int, low: float, high: float) -> str:
    """Return a share in percent; bold where it misses its bar by more than two standard errors of the simulation."""
    error = 2 * math.sqrt(max(share * (1 - share), 0.01) / samples)
    text = f"{share:.1%}"
    return text if low - error <= share <= high + error else f"**{text}**"


def write_tables(figures: dict[str, Any]) -> None:
    """Write the tables into the README."""
    lines: list[str] = []
    coverage = {(row["population"], row["n_units"]): row for row in figures["coverage"]}
    none = {(row["population"], row["n_units"]): row for row in figures["none"]}
    lines += format_table(
        ["families of 60", "units", "false word: effects on ±m", "false word: no effect", "95% intervals cover"],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                format_share(row["false_families"], row["families"], 0, 0.05),
                format_share(none[key]["false_families"], row["families"], 0, 0.05),
                format_share(coverage[key]["coverage"], coverage[key]["samples"], 0.93, 0.97),
            ]
            for row in figures["bound"]
            for key in [(row["population"], row["n_units"])]
        ],
    )
    lines += format_table(
        ["power, in a family of 6", "units", "MDE of helps", "reached", "MDE of hurts", "reached"],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                f"{row['stated_helps']:.1f}",
                format_share(row["reached_helps"], row["samples"], 0.78, 0.82),
                f"{row['stated_hurts']:.1f}",
                format_share(row["reached_hurts"], row["samples"], 0.78, 0.82),
            ]
            for row in figures["power"]
        ],
    )
    gate = {(row["population"], row["n_units"]): row for row in figures["gate"]}
    lines += format_table(
        [
            "one contrast",
            "units",
            "equivalent: effect +m",
            "effect −m",
            "no effect",
            "gate passes: loss m",
            "loss of 5",
            "no loss",
        ],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                format_share(row["equivalent_on_bound"], row["samples"], 0, 0.05),
                format_share(row["equivalent_on_other_bound"], row["samples"], 0, 0.05),
                f"{row['equivalent_none']:.1%}",
                format_share(own["passes_loss_on_bound"], row["samples"], 0, 0.05),
                format_share(own["passes_loss_of_5"], row["samples"], 0, 0.05),
                f"{own['passes_no_loss']:.1%}",
            ]
            for row in figures["equivalence"]
            for own in [gate[row["population"], row["n_units"]]]
        ],
    )
    lines += format_table(
        ["without spread", "right word: all to nought", "every hit lost", "the same gain", "nothing changed"],
        [
            [
                f"{row['n_units']:,} units",
                f"{row['all_to_nought']:.1%}",
                f"{row['every_hit_lost']:.1%}",
                f"{row['same_gain']:.1%}",
                row["nothing_changed"],
            ]
            for row in figures["degenerate"]
        ],
    )
    lines += _tabulate_runs(figures) + _tabulate_rebuilt(figures) + _tabulate_screen(figures)
    tested = max(row["tested"] for row in (*figures["tiny"], *figures["one_corpus"]))
    lines.append(
        f"With 20 and 50 units, in every population, and for ten draws of one corpus, {tested:.1%} of contrasts are "
        "tested; all are described."
    )
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    readme.write_text(f"{before}\n\n" + "\n".join(lines) + f"\n\n{after}", encoding="utf-8")


def _tabulate_runs(figures: dict[str, Any]) -> list[str]:
    explored = format_table(
        ["exploratory families of 60", "units", "false among words", "gains found"],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                f"{row['false_among_words']:.1%}"
                if row["false_among_words"] <= 0.05 + 2 * row["error"]
                else f"**{row['false_among_words']:.1%}**",
                f"{row['found']:.1%}",
            ]
            for row in figures["exploratory"]
        ],
    )
    lines = format_table(
        ["a model's line", "units", "false: no effect", "false: effects on +m"],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                format_share(row["no effect"], row["families"], 0, 0.05),
                format_share(row["effects on +m"], row["families"], 0, 0.05),
            ]
            for row in figures["line"]
        ],
    )
    return explored + lines


def _tabulate_rebuilt(figures: dict[str, Any]) -> list[str]:
    return format_table(
        [
            "no mean of items",
            "units",
            "true delta",
            "95% intervals cover",
            "false word: m is the delta",
            "MDE",
            "reached",
        ],
        [
            [
                row["population"],
                f"{row['n_units']:,}",
                f"{row['truth']:+.1f}",
                format_share(row["coverage"], row["samples"], 0.93, 0.97),
                format_share(row["false_words"], row["samples"], 0, 0.05),
                f"{row['stated']:.1f}",
                format_share(row["reached"], row["samples"], 0.78, 0.82),
            ]
            for row in figures["rebuilt"]
        ],
    )


def _tabulate_screen(figures: dict[str, Any]) -> list[str]:
    """What is left of the samples, how often its 95% intervals cover, and how often hurts is reached at its MDE."""
    asked = [rule["degrees"] for rule in figures["screen"][0]["rules"]]
    header = ["a rule that asks for degrees of freedom", "units", "none"]
    header += [f"{degrees} or more: left, covered, reached" for degrees in asked[1:]]
    rows = []
    for row in figures["screen"]:
        cells = [
            " · ".join(
                "–" if rule[name] is None else f"{rule[name]:.1%}" for name in ("left", "coverage", "reached_hurts")
            )
            for rule in row["rules"]
        ]
        rows.append([row["population"], f"{row['n_units']:,}", *cells])
    return format_table(header, rows)


if __name__ == "__main__":
    write_tables(json.loads((FOLDER / "figures.json").read_bytes()))
