"""The page put together: ``python docs/make_answer.py``.

Every number comes from ``results/answer``, ``results/answer-check``, ``results/twins`` and ``results/twins-mteb``,
every sentence from verdicts; ``published.csv`` beside the first holds the leaderboard's scores of the same models
(embeddings-benchmark/results, CC0).
"""

from __future__ import annotations

import re
from pathlib import Path

from prefixbench.report.answer import Answer, ModelAnswer
from prefixbench.report.markdown import render_markdown

from benchmarks.answer.claims import tell_claims
from benchmarks.answer.evidence import Made, read_made
from benchmarks.answer.figures import draw_figures
from benchmarks.answer.machine import compare_check, compare_published, tell_machine, write_manifest
from benchmarks.answer.questions import tell_questions, tell_use
from benchmarks.answer.twins import tell_twins

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "answer.md"
FIGURES = ROOT / "docs" / "answer"

ROUNDED = ("multilingual-e5-small",)
"""Models whose weights in these runs are not the published ones, but rounded to 4 bits."""

OPENING = """# What the prefix does to models that people use

<!-- Made by `python docs/make_answer.py` from `results/answer`; edit `benchmarks/answer`, not this page. -->

Embedding models are trained with task prefixes, and their authors seldom say what leaving one out, or sending the wrong
one, costs. These are measurements of it on MTEB's own tasks, scored by mteb, every condition on the same items;
intervals and words by the rules in [methodology.md](methodology.md). What was not measured is not in the tables.
"""


def main() -> None:
    """Write the page, the figures and the manifest."""
    made = read_made(ROOT)
    draw_figures(made, FIGURES)
    write_manifest(made.run, FIGURES / "manifest.csv")
    PAGE.write_text(render_page(made), encoding="utf-8")


def render_page(made: Made) -> str:
    """The page, which names its figures and draws none."""
    parts = [OPENING, tell_questions(made), tell_use(made), tell_twins(made.twins), tell_claims(made.assessments)]
    parts += [
        _tell_open(made),
        compare_published(made.run, made.published, made.draws),
        compare_check(made.run, made.check),
    ]
    parts += [tell_machine(made.run), *(_tell_model(made, model) for model in made.answer.models)]
    if made.answer.undocumented:
        names = ", ".join(f"`{model.name}`" for model in made.answer.undocumented)
        parts.append(f"## Without a documented prefix\n\n{names}: nothing is documented, so `correct` is `none`.\n")
    return mark_rounded("\n".join(part for part in parts if part))


def mark_rounded(page: str) -> str:
    """Say of a model whose weights were rounded that they were, wherever the page names it outside of code."""
    pieces = page.split("`")
    for name in ROUNDED:
        named = re.compile(rf"(?<![\w/-])((?:[\w.-]+/)?{re.escape(name)})(?![\w/-])")
        pieces[::2] = [named.sub(r"\1 (4-bit)", piece) for piece in pieces[::2]]
    return "`".join(pieces)


def _tell_open(made: Made) -> str:
    """What the run says nothing about."""
    lines = ["## What is not known", ""]
    for model in made.answer.models:
        types = [one for one in made.all_types if one not in model.types]
        if types:
            lines.append(f"- {model.name}: nothing was measured on {', '.join(types)}.")
        still = [effect.name for effect in model.reading.tasks("correct") if effect.verdict == "inconclusive"]
        if still:
            lines.append(f"- {model.name}: whether the documented prefix matters on {', '.join(still)}.")
    if made.run.missing:
        lines.append(f"- {len(made.run.missing)} planned cells have not been run.")
    lines.append("- Two models of two families on a few tasks: nothing here speaks of other models.")
    return "\n".join(lines) + "\n"


def _tell_model(made: Made, model: ModelAnswer) -> str:
    n_tasks = len({cell.task for cell in made.run.results if cell.model == model.name})
    alone = render_markdown(Answer((model,), (), made.answer.margin), f"{model.name}; {n_tasks} tasks")
    return f"## {model.name}, task by task\n\n{alone}"
