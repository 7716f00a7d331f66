"""Writes ``docs/answer.md`` and its figures from ``results/answer``: ``python docs/make_answer.py``.

Every number comes from the committed run and every sentence from the rules that write reports; ``published.csv`` beside
the run holds the leaderboard's scores of the same models (embeddings-benchmark/results, CC0).
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from prefixbench.analysis import analyse
from prefixbench.report.answer import Answer, ModelAnswer, build_answer
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.figures import draw_figure, list_forest, open_canvas
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.markdown import render_markdown
from prefixbench.report.words import make_anchor
from prefixbench.results import Run, load_run

ROOT = Path(__file__).parents[1]
RUN = ROOT / "results" / "answer"
PAGE = ROOT / "docs" / "answer.md"
FIGURES = ROOT / "docs" / "answer"
TOLERANCE = 0.05
"""Points within which a published score counts as reproduced."""

WEIGHTS = {
    "google/embeddinggemma-300m": "whole, float32",
    "intfloat/multilingual-e5-small": "**rounded to 4 bits** (Q4_0), then float32: near the model, not the model",
    "sentence-transformers/all-MiniLM-L6-v2": "whole, float32",
}
"""What the folders that the run was made with hold."""

OPENING = """# What the prefix does to models that people use

<!-- Made by `python docs/make_answer.py` from `results/answer`; edit that, not this page. -->

Embedding models are trained with task prefixes, and their authors seldom say what leaving one out, or sending the wrong
one, costs. These are measurements of it on MTEB's own tasks, scored by mteb, every condition on the same items;
intervals and words by the rules in [methodology.md](methodology.md). What was not measured is not in the tables.
"""


def main() -> None:
    """Write the page and one figure a model."""
    run = load_run(RUN)
    answer = read_answer(run)
    FIGURES.mkdir(exist_ok=True)
    with open_canvas():
        for model in answer.models:
            figure = draw_figure(f"{model.name}: correct − none, points", list_forest(model), model.margin)
            figure.savefig(FIGURES / _name_figure(model), dpi=150)
    PAGE.write_text(render_page(run, answer), encoding="utf-8")


def read_answer(run: Run) -> Answer:
    """Analyse the run as its report would."""
    return build_answer(gather_evidence([run], [analyse(run)], ReportOptions()))


def _name_figure(model: ModelAnswer) -> str:
    return f"{make_anchor(model.name)}.png"


def render_page(run: Run, answer: Answer) -> str:
    """The page, which names its figures and draws none."""
    parts = [OPENING, _tell_models(answer), *(_tell_model(run, model, answer) for model in answer.models)]
    if answer.undocumented:
        names = ", ".join(f"`{model.name}`" for model in answer.undocumented)
        parts.append(f"## Without a documented prefix\n\n{names}: nothing is documented, so `correct` is `none`.\n")
    parts += [_compare_published(run), _tell_machine(run), _tell_open(run, answer)]
    return "\n".join(parts)


def _tell_models(answer: Answer) -> str:
    lines = [f"- **{model.name}** (weights {WEIGHTS[model.name]}): {model.sentence}" for model in answer.models]
    return "## The answer\n\n" + "\n".join(lines) + "\n"


def _tell_model(run: Run, model: ModelAnswer, answer: Answer) -> str:
    n_tasks = len({cell.task for cell in run.results if cell.model == model.name})
    alone = render_markdown(Answer((model,), (), answer.margin), f"{model.name}; {n_tasks} tasks")
    return f"## {model.name}\n\n![{model.name}: correct − none](answer/{_name_figure(model)})\n\n{alone}"


def _compare_published(run: Run) -> str:
    """Published scores beside ours, under the condition that comes nearest of those that send a documented string."""
    with (RUN / "published.csv").open(encoding="utf-8", newline="") as file:
        published = {
            (row["model"], row["task"], row["subset"], row["split"]): float(row["score"])
            for row in csv.DictReader(file)
        }
    lines = [
        "## Against the leaderboard",
        "",
        "| model | task | split | published | correct | none | mteb's registry |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, score in sorted(published.items()):
        own = {
            name: 100 * cell.score
            for cell in run.results
            if (cell.model, cell.task, cell.hf_subset, cell.hf_split) == key
            for name in cell.conditions
        }
        if own:
            cells = [_mark(own.get(name), score) for name in ("correct", "none", "mteb")]
            lines.append(f"| {key[0]} | {key[1]} | {key[3]} | {score:.2f} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Bold: within {TOLERANCE:g} points of the published score. SIB200's draws follow the order of rows, which is "
        "another in the copy of the data used; the other differences are not explained.",
    ]
    return "\n".join(lines) + "\n"


def _mark(own: float | None, published: float) -> str:
    if own is None:
        return "not run"
    return f"**{own:.2f}**" if abs(own - published) <= TOLERANCE else f"{own:.2f}"


def _tell_machine(run: Run) -> str:
    lines = [
        "## How it was made",
        "",
        "| model | weights | engine | dtype | device | cells |",
        "|---|---|---|---|---|---|",
    ]
    for model in dict.fromkeys(cell.model for cell in run.results):
        own = [cell for cell in run.results if cell.model == model]
        encoder = own[0].encoder
        device = own[0].provenance.device
        weights = WEIGHTS.get(model, "as published")
        lines.append(f"| {model} | {weights} | {encoder.engine} | {encoder.dtype} | {device} | {len(own)} |")
    lines += [
        "",
        "One command makes the run, given the hub: `prefixbench sweep --preset answer --results results/answer`.",
    ]
    return "\n".join(lines) + "\n"


def _tell_open(run: Run, answer: Answer) -> str:
    """What the run says nothing about."""
    lines = ["## What is not known", ""]
    for model in answer.models:
        words = Counter(effect.verdict for effect in model.reading.tasks("correct"))
        told = ", ".join(f"{word} {number}" for word, number in sorted(words.items()))
        lines.append(f"- {model.name}, `correct` against `none` by task: {told}.")
    if run.missing:
        lines.append(f"- {len(run.missing)} planned cells have not been run.")
    lines.append("- Two models of two families on a few tasks: nothing here speaks of other models.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
