"""The page: the answer on its first screen, the evidence folded below, one file, nothing fetched."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from prefixbench.files import write_bytes
from prefixbench.items.hits import MOST_HITS
from prefixbench.report.answer import build_answer
from prefixbench.report.contrasts import tabulate_contrasts
from prefixbench.report.copying import list_documented
from prefixbench.report.cost import describe_texts, tabulate_cost
from prefixbench.report.data_links import link_csv, tabulate_effects
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.example import tabulate_example
from prefixbench.report.found import tabulate_found
from prefixbench.report.gainers import tabulate_gainers
from prefixbench.report.hits import list_hits
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.method import describe_method
from prefixbench.report.palette import render_variables
from prefixbench.report.scale import fit_scale
from prefixbench.report.sent import list_sent
from prefixbench.report.sentences import name_type
from prefixbench.report.snippets import Strings, write_snippets
from prefixbench.report.surprises import list_surprises
from prefixbench.report.thresholds import tabulate_thresholds
from prefixbench.report.ways import name_way
from prefixbench.report.words import (
    TONES,
    VERDICT_GLYPHS,
    clean_text,
    count_noun,
    format_interval,
    format_points,
    join_words,
    name_briefly,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from prefixbench.report.answer import Answer, ModelAnswer
    from prefixbench.report.evidence import Evidence
    from prefixbench.report.inputs import AnalysisFrames
    from prefixbench.results.run import Run


def _clean_value(value: object) -> object:
    """No control character reaches the page, whatever a name holds; markup of ours passes."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else clean_text(value)


@lru_cache(maxsize=1)
def _open_templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("prefixbench.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_clean_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "briefly": name_briefly,
        "count_noun": count_noun,
        "fit_scale": fit_scale,
        "glyphs": VERDICT_GLYPHS,
        "interval": format_interval,
        "name_type": name_type,
        "name_way": name_way,
        "points": format_points,
        "shorten": shorten,
        "tones": TONES,
    }
    return environment


def build_report(runs: Sequence[Run], analyses: Sequence[AnalysisFrames], options: ReportOptions | None = None) -> str:
    """One HTML file for one or more runs.

    Args:
        runs: Side by side, in the order given.
        analyses: One a run.
        options: How it is written.

    Raises:
        ValueError: There is no run, or not one analysis a run.
    """
    evidence = gather_evidence(runs, analyses, options or ReportOptions())
    return render_page(evidence, build_answer(evidence))


def write_report(path: Path, content: str) -> None:
    """Publish the page whole or not at all."""
    write_bytes(path, content.encode())


def render_page(evidence: Evidence, answer: Answer) -> str:
    """Set answer and evidence as one page."""
    environment = _open_templates()
    models = (*answer.models, *answer.undocumented)
    names = join_words([clean_text(name) for name in evidence.run_names])
    return environment.get_template("page.html.j2").render(
        title=evidence.options.title or f"{answer.sentence} · {names}",
        kicker=describe_extent(evidence, answer),
        selection=evidence.options.selection,
        unfinished=_describe_unfinished(evidence),
        answer=answer,
        surprises=list_surprises(models),
        copies=[
            (model, prompts, write_snippets(Strings(model.reading.model, {one.key: one.prefix for one in prompts})))
            for model in answer.models
            for prompts in [list_documented(model.reading, evidence)]
        ],
        hits=list_hits(evidence),
        gainers=tabulate_gainers(evidence),
        found=tabulate_found(evidence),
        most_hits=MOST_HITS,
        contrasts=tabulate_contrasts(evidence, models),
        sent=list_sent(evidence),
        thresholds=tabulate_thresholds(evidence),
        cost=tabulate_cost(evidence),
        texts=describe_texts(evidence),
        example=tabulate_example(evidence),
        method=describe_method(evidence),
        forest_csv=_link_forest,
        style=Markup(render_variables() + _load_style()),  # noqa: S704 - our own files
        script=Markup(_load_text("script.js")),  # noqa: S704 - our own file
        version=evidence.version,
    )


def describe_extent(evidence: Evidence, answer: Answer) -> str:
    """Run, model where there is one, how much was measured, and when."""
    rows = [row for run in evidence.runs for row in run.results]
    models = len({row.model for row in rows})
    named = [name_briefly(answer.single.name, 60)] if answer.single else [count_noun(models, "model")]
    words = [
        join_words(list(evidence.run_names)),
        *named,
        count_noun(len({(row.task, row.hf_subset) for row in rows}), "task"),
        count_noun(len(evidence.conditions), "way") + " of sending",
    ]
    times = [row.provenance.utc for row in rows]
    words += [f"{datetime.fromisoformat(max(times)):%-d %B %Y}"] if times else []
    return clean_text(" · ".join(words))


def _describe_unfinished(evidence: Evidence) -> list[str]:
    """What is still missing, a sentence for each run that lacks cells."""
    return [clean_text(run.describe_missing()) for run in evidence.runs if run.missing]


def _link_forest(model: ModelAnswer) -> str:
    """Exactly what the forest draws."""
    return link_csv(tabulate_effects(row.effect for row in model.forest))


def _load_text(name: str) -> str:
    loader = _open_templates().loader
    assert loader is not None
    return loader.get_source(_open_templates(), name)[0]


def _load_style() -> str:
    """The style sheet without its comments and line breaks."""
    without_comments = re.sub(r"/\*.*?\*/", "", _load_text("style.css"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", without_comments)
