"""Train the prefixed twin of each recipe and score it on the validation packages: `python -m benchmarks.twins.trials`.

One remedy at a time: each recipe differs from the one before it in what the file's first line says. Recipes are
compared on packages kept out of training; no starter task is looked at. Trained twins are kept, so a torn run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from prefixbench.spec.data import tasks_folder
from prefixbench.twins.config import Variant, load_twin_config
from prefixbench.twins.run import limit_threads, train_twins, validate_folder
from prefixbench.twins.validate import ValidationScore

HERE = Path(__file__).parent
TASKS, CONDITIONS = ("search", "clustering", "classification", "similarity"), ("none", "correct", "wrong")


def list_recipes() -> list[Path]:
    """The trials in the order they were made, and the recipe that ships."""
    folder = tasks_folder() / "twins"
    return [folder / "trials" / "lookalike.toml", folder / "trials" / "documentation.toml", folder / "starter.toml"]


def score_recipe(path: Path, output: Path) -> dict[str, dict[str, float]]:
    """Points by task and condition of one recipe's prefixed twin, first seed."""
    config = load_twin_config(path)
    config = config.override(seeds=config.seeds[:1])
    variants = (Variant.PREFIXED,)
    twin = train_twins(
        config, output / config.name, variants=variants, report=lambda line: print(line, file=sys.stderr)
    )
    return tabulate(validate_folder(config, twin[0]))


def tabulate(scores: Sequence[ValidationScore]) -> dict[str, dict[str, float]]:
    """Points by task and condition."""
    table: dict[str, dict[str, float]] = {}
    for one in scores:
        table.setdefault(one.task, {})[one.condition] = round(one.score, 2)
    return table


def render(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """A row a recipe, a column a task: none, correct, wrong."""
    lines = [
        "<!-- Made by `python -m benchmarks.twins.trials`. -->",
        "",
        "Points on the validation packages without, with the right and with another task's prefix: nDCG@10, v-measure,",
        "accuracy, average precision. One seed, no intervals: they choose a recipe and prove nothing.",
        "",
        f"| recipe | {' | '.join(TASKS)} |",
        f"|---|{'---|' * len(TASKS)}",
    ]
    for name, table in figures.items():
        cells = [" / ".join(f"{table[task][condition]:.1f}" for condition in CONDITIONS) for task in TASKS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Score the base model and every recipe; write ``trials.json`` and ``trials.md`` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("twins/trials"), help="keeps trained twins")
    parser.add_argument("--threads", type=int, default=None)
    chosen = parser.parse_args()
    limit_threads(chosen.threads)
    figures = {"base model, not trained": tabulate(validate_folder(load_twin_config(), None))}
    for path in list_recipes():
        figures[path.stem] = score_recipe(path, chosen.output)
    (HERE / "trials.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (HERE / "trials.md").write_text(render(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
